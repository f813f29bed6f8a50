"""What is chosen on validation, and frozen."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from lightning_modules.evaluation.calibration_file import Calibration
from lightning_modules.evaluation.predictions import PredictionTable
from lightning_modules.evaluation.scores.calibration import fit_temperature, log_probs
from lightning_modules.evaluation.scores.operating_points import (
    choose_operating_point,
)
from lightning_modules.evaluation.scores.options import ScoreOptions
from lightning_modules.evaluation.scores.risk_coverage import (
    choose_abstention,
)


@dataclass(frozen=True)
class Origin:
    """Whose calibration it is.

    Args:
        checkpoint: File name.
        checkpoint_hash: SHA-256 of the file.
        chosen_on: ``val``, or ``out_of_fold`` where the table pools those of cross-validation.
    """

    checkpoint: str
    checkpoint_hash: str
    chosen_on: Literal["val", "out_of_fold"] = "val"


def fit_calibration(
    table: PredictionTable, positive_class: str | None, options: ScoreOptions, origin: Origin
) -> Calibration | None:
    """Fit the temperature and choose the thresholds.

    Args:
        table: Of images that are neither of the training nor of the test. Where they have also
            chosen the checkpoint, all of it is a little optimistic.
        positive_class: Of two classes; None: there are more.
        options: The rules.
        origin: Of the table.

    Returns:
        None where there is nothing to fit: no answers, or some that are not numbers.
    """
    table = table.answered
    if not len(table) or not np.isfinite(table.logits).all():
        return None
    probs, point = np.exp(log_probs(table.logits)), None
    if positive_class is not None:
        index = list(table.class_names).index(positive_class)
        positive = table.labels == index
        point = choose_operating_point(positive, probs[:, index], positive_class, options)
    return Calibration(
        checkpoint=origin.checkpoint,
        checkpoint_hash=origin.checkpoint_hash,
        chosen_on=origin.chosen_on,
        num_images=len(table),
        num_groups=None if table.groups is None else len(np.unique(table.groups)),
        class_names=list(table.class_names),
        temperature=fit_temperature(table.labels, table.logits),
        operating_point=point,
        abstain=choose_abstention(table.correct, probs.max(axis=1), options.abstain_risk),
    )
