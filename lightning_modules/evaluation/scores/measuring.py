"""From a table of predictions to all its scores: the one place where they are computed."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from lightning_modules.evaluation.predictions import PredictionTable
from lightning_modules.evaluation.scores.calibration import measure_probs, recalibrate
from lightning_modules.evaluation.scores.classification import measure_answers, measure_ranking
from lightning_modules.evaluation.scores.options import ScoreOptions
from lightning_modules.evaluation.scores.sheet import Sheet
from lightning_modules.evaluation.statistics.units import find_units


def measure_scores(table: PredictionTable, options: ScoreOptions) -> dict[str, Any]:
    """All scores of a table; images without an answer count in none.

    Args:
        table: Of the predictions.
        options: Of the intervals.

    Returns:
        By name, without a prefix: ``accuracy``, ``balanced_accuracy``, ``macro_f1``,
        ``precision_<class>``, ``recall_<class>``, ``f1_<class>``, ``auroc``, ``average_precision``
        and both of each class, ``log_loss``, ``brier``, ``ece``, ``calibration_slope``,
        ``calibration_intercept``; most with ``_low`` and ``_high``; ``confusion_matrix``, a row a
        true class; ``unit`` and ``num_units`` that the ``intervals`` come from, which say how.
        Where logits are not numbers only what follows from the answers; empty without an answer.
    """
    table = table.answered
    if not len(table):
        return {}
    names = list(table.class_names)
    sheet = make_sheet(table, options)
    measure_answers(sheet, table.labels, table.predicted, names)
    if np.isfinite(table.logits).all():
        logits = table.logits.astype(np.float64)
        measure_ranking(sheet, table.labels, softmax(logits), names)
        measure_probs(sheet, table.labels, logits)
        slope, intercept = recalibrate(table.labels, logits)
        sheet.put("calibration_slope", slope)
        sheet.put("calibration_intercept", intercept)
    units = {"unit": sheet.units.kind, "num_units": sheet.units.num_units}
    return sheet.metrics() | units | {"confusion_matrix": table.confusion()}


def make_sheet(table: PredictionTable, options: ScoreOptions) -> Sheet:
    """An empty sheet for a table: groups are independent, or images where none are known."""
    return Sheet(find_units(table.groups, len(table)), options.resamples)


def softmax(logits: np.ndarray) -> np.ndarray:
    """(N, C) probabilities in double precision."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def prefix_names(scores: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """Names as metrics.json has them: ``prefix_names(scores, "test")``."""
    return {f"{prefix}_{name}": value for name, value in scores.items()}
