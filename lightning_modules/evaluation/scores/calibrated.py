"""What a frozen calibration is worth on the images of a test."""

import numpy as np

from lightning_modules.evaluation.calibration_file import Calibration
from lightning_modules.evaluation.predictions import PredictionTable
from lightning_modules.evaluation.scores.calibration import log_probs, measure_probs
from lightning_modules.evaluation.scores.operating_points import measure_operating_point
from lightning_modules.evaluation.scores.risk_coverage import (
    area_under_risk,
    measure_abstention,
    risk_coverage,
)
from lightning_modules.evaluation.scores.sheet import Sheet


def measure_calibrated(sheet: Sheet, table: PredictionTable, calibration: Calibration) -> None:
    """Scores with the temperature, at the operating point, and of answers that are withheld.

    Nothing is fitted to these images.

    Args:
        sheet: Takes ``temperature`` and ``calibrated_log_loss``, ``_brier`` and ``_ece`` with it
            where one was fitted; ``threshold``, ``sensitivity``, ``specificity``, ``ppv`` and
            ``npv`` at the operating point; ``abstain_threshold``, ``coverage``, ``selective_risk``
            and ``aurc``.
        table: Of images that all have an answer.
        calibration: Chosen on other images.

    Raises:
        ValueError: It belongs to other classes.
    """
    names = list(table.class_names)
    if list(calibration.class_names) != names:
        raise ValueError(
            f"The calibration is for the classes {', '.join(calibration.class_names)}, the table "
            f"has {', '.join(names)}: take one of a model of the same classes."
        )
    probs = np.exp(log_probs(table.logits))
    if calibration.temperature is not None:
        sheet.put("temperature", calibration.temperature)
        measure_probs(sheet, table.labels, table.logits / calibration.temperature, "calibrated_")
    point = calibration.operating_point
    if point is not None:
        index = names.index(point.positive_class)
        measure_operating_point(sheet, table.labels == index, probs[:, index], point.threshold)
    confidence = probs.max(axis=1)
    measure_abstention(sheet, table.correct, confidence, calibration.abstain.threshold)
    sheet.put("aurc", area_under_risk(*risk_coverage(table.correct, confidence)[:2]))
