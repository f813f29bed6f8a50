"""From a table of predictions to all its scores: the one place where they are computed."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from lightning_modules.evaluation.calibration_file import Calibration
from lightning_modules.evaluation.predictions import PredictionTable
from lightning_modules.evaluation.scores.calibrated import measure_calibrated
from lightning_modules.evaluation.scores.calibration import log_probs, measure_probs
from lightning_modules.evaluation.scores.classification import measure_answers
from lightning_modules.evaluation.scores.options import ScoreOptions
from lightning_modules.evaluation.scores.ranking import measure_ranking
from lightning_modules.evaluation.scores.recalibration import measure_recalibration
from lightning_modules.evaluation.scores.sheet import Sheet
from lightning_modules.evaluation.statistics.units import find_units


def measure_scores(
    table: PredictionTable, options: ScoreOptions, calibration: Calibration | None = None
) -> dict[str, Any]:
    """All scores of a table; images without an answer count in none.

    Args:
        table: Of the predictions.
        options: Of the intervals.
        calibration: Of other images, see ``measure_calibrated`` for what it adds; None: there is
            none.

    Returns:
        By name, without a prefix: ``accuracy``, ``balanced_accuracy``, ``macro_f1``,
        ``precision_<class>``, ``recall_<class>``, ``f1_<class>``, ``auroc``, ``average_precision``
        and both of each class (see ``name_of_class``), ``log_loss``, ``brier``, ``ece``,
        ``calibration_slope``, ``calibration_intercept``; most with ``_low`` and ``_high``;
        ``confusion_matrix``, a row a true class; ``unit`` and ``num_units`` that the ``intervals``
        come from, which say how.
        Where logits are not numbers only what follows from the answers; empty without an answer.
    """
    table = table.answered
    if not len(table):
        return {}
    names = list(table.class_names)
    units = find_units(table.groups, len(table))
    sheet = Sheet(units, options.resamples)
    measure_answers(sheet, table.labels, table.predicted, names)
    if np.isfinite(table.logits).all():
        measure_ranking(sheet, table.labels, np.exp(log_probs(table.logits)), names)
        measure_probs(sheet, table.labels, table.logits)
        measure_recalibration(sheet, table.labels, table.logits)
        if calibration is not None:
            measure_calibrated(sheet, table, calibration)
    about = {"unit": units.kind, "num_units": units.num_units}
    return sheet.metrics() | about | {"confusion_matrix": table.confusion()}


def prefix_names(scores: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """Names as metrics.json has them: ``prefix_names(scores, "test")``."""
    return {f"{prefix}_{name}": value for name, value in scores.items()}
