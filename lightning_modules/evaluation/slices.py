"""Groups of a test: where the model is at its worst, and what changes with the background."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from lightning_modules.evaluation.predictions import PredictionTable
from lightning_modules.evaluation.scores.parts import accuracy_of
from lightning_modules.evaluation.scores.sheet import Sheet
from lightning_modules.evaluation.statistics.level import NUM_RESAMPLES, level_of_all
from lightning_modules.evaluation.statistics.ratio_score import MeanOfRatios
from lightning_modules.evaluation.statistics.units import find_units


def measure_groups(
    predictions: PredictionTable,
    slice_by: Sequence[str],
    pair_by: str | None,
    resamples: int = NUM_RESAMPLES,
) -> dict[str, Any]:
    """Metrics over named columns.

    Args:
        predictions: Of the test.
        slice_by: Columns, each crossed with the class; blank values are ``unknown``.
        pair_by: Column that joins images which differ in the background only.
        resamples: Of the bootstrap.

    Returns:
        ``test_worst_group_accuracy`` with ``_low`` and ``_high`` (Wilson's interval, or by the
        bootstrap over groups, as in ``measure_scores``, at a level at which those of all slices
        hold at once in 95 %, so that the worst of them can be picked), the name of that slice,
        ``test_groups`` (class, column, value, size, accuracy and interval of each),
        ``test_pair_flip_rate`` with ``_low`` and ``_high``, ``test_pair_accuracy`` and
        ``test_pairs``; what was not asked for is absent.
    """
    metrics: dict[str, Any] = {}
    if not len(predictions):
        return metrics
    if slice_by:
        metrics |= _measure_slices(predictions, slice_by, resamples)
    if pair_by is not None:
        metrics |= _measure_pairs(predictions, pair_by, resamples)
    return metrics


def _measure_slices(
    predictions: PredictionTable, slice_by: Sequence[str], resamples: int
) -> dict[str, Any]:
    parts = {}
    for column in slice_by:
        values, codes = np.unique(name_blanks(predictions.columns[column]), return_inverse=True)
        for code, value in enumerate(values.tolist()):
            for label, name in enumerate(predictions.class_names):
                rows = (codes == code) & (predictions.labels == label)
                key = f"{name}, {column} {value}"
                while key in parts:  # of names that have commas themselves
                    key += "'"
                if rows.any():
                    of = {"class": name, "column": column, "value": value}
                    parts[key] = of, predictions.only(rows)
    level = level_of_all(len(parts))
    slices = {key: of | measure_slice(rows, resamples, level) for key, (of, rows) in parts.items()}
    worst = min(slices, key=lambda name: slices[name]["accuracy"])
    ends = {
        f"test_worst_group_accuracy_{end}": slices[worst][end]
        for end in ("low", "high")
        if end in slices[worst]
    }
    accuracy = {"test_worst_group_accuracy": slices[worst]["accuracy"]}
    return accuracy | ends | {"test_worst_group": worst, "test_groups": slices}


def name_blanks(values: np.ndarray) -> np.ndarray:
    """Blank values of a column (N,) are ``unknown``, beside those that somebody wrote so."""
    return np.where(values == "", "unknown", values)


def measure_slice(rows: PredictionTable, resamples: int, level: float) -> dict[str, Any]:
    """Accuracy of a part of a test, with its interval where more than one unit is in it.

    Args:
        rows: That got an answer.
        resamples: Of the bootstrap.
        level: Of the interval.
    """
    units = find_units(rows.groups, len(rows))
    sheet = Sheet(units, resamples, level=level)
    sheet.take_share("accuracy", accuracy_of(units, rows.labels, rows.predicted))
    found = {"images": len(rows), units.kind: units.num_units, "accuracy": sheet.values["accuracy"]}
    interval = sheet.intervals.get("accuracy")
    if interval is not None:
        found |= {"low": interval.low, "high": interval.high, "method": interval.method}
        found |= {"level": level}
    return found


def _measure_pairs(predictions: PredictionTable, pair_by: str, resamples: int) -> dict[str, Any]:
    """All pairs within each scene, counted by the answers to its images: they may be very many."""
    values, answers = predictions.columns[pair_by], predictions.predicted
    rows = np.flatnonzero(values != "")
    scenes, first, codes = np.unique(values[rows], return_index=True, return_inverse=True)
    size = np.bincount(codes, minlength=len(scenes))
    kinds, alike = np.unique(np.stack([codes, answers[rows]]), axis=1, return_counts=True)
    pairs = size * (size - 1) // 2
    flipped = pairs - np.bincount(kinds[0], alike * (alike - 1) // 2, len(scenes))
    there = pairs > 0
    if not there.any():
        return {"test_pairs": 0}
    # pairs of one group, or of one scene, go together
    named = scenes if predictions.groups is None else predictions.groups[rows[first]]
    sheet = Sheet(find_units(named[there], int(there.sum())), resamples)
    take = sheet.take_share if pairs.max() == 1 else sheet.take
    take("test_pair_flip_rate", MeanOfRatios(sheet.units, flipped[there], pairs[there]))
    found = sheet.metrics()
    del found["intervals"]
    return found | {
        "test_pair_accuracy": float(predictions.correct[rows[there[codes]]].mean()),
        "test_pairs": int(pairs.sum()),
    }
