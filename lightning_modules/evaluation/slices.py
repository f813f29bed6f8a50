"""Groups of a test: where the model is at its worst, and what changes with the background."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np

from lightning_modules.evaluation.predictions import PredictionTable
from lightning_modules.evaluation.statistics.wilson import wilson_interval


def measure_groups(
    predictions: PredictionTable, slice_by: Sequence[str], pair_by: str | None
) -> dict[str, Any]:
    """Metrics over named columns.

    Args:
        predictions: Of the test.
        slice_by: Columns, each crossed with the class; blank values stand for themselves.
        pair_by: Column that joins images which differ in the background only.

    Returns:
        ``test_worst_group_accuracy`` with ``_low`` and ``_high`` (95 % Wilson interval), the name
        of that group, ``test_groups`` (each one's size and accuracy), ``test_pair_flip_rate``,
        ``test_pair_accuracy`` and ``test_pairs``; what was not asked for is absent.
    """
    metrics: dict[str, Any] = {}
    if not len(predictions):
        return metrics
    if slice_by:
        metrics |= _measure_slices(predictions, slice_by)
    if pair_by is not None:
        metrics |= _measure_pairs(predictions, pair_by)
    return metrics


def _measure_slices(predictions: PredictionTable, slice_by: Sequence[str]) -> dict[str, Any]:
    groups = {}
    for column in slice_by:
        values = predictions.columns[column]
        for value in sorted(set(values.tolist())):
            for label, name in enumerate(predictions.class_names):
                rows = (values == value) & (predictions.labels == label)
                if rows.any():
                    correct = int(predictions.correct[rows].sum())
                    groups[f"{name}, {column} {value or 'unknown'}"] = (correct, int(rows.sum()))
    worst = min(groups, key=lambda name: groups[name][0] / groups[name][1])
    low, high = wilson_interval(*groups[worst])
    return {
        "test_worst_group_accuracy": groups[worst][0] / groups[worst][1],
        "test_worst_group_accuracy_low": low,
        "test_worst_group_accuracy_high": high,
        "test_worst_group": worst,
        "test_groups": {
            name: {"images": total, "accuracy": correct / total}
            for name, (correct, total) in groups.items()
        },
    }


def _measure_pairs(predictions: PredictionTable, pair_by: str) -> dict[str, Any]:
    rows_of: dict[str, list[int]] = {}
    for row, value in enumerate(predictions.columns[pair_by].tolist()):
        if value:
            rows_of.setdefault(value, []).append(row)
    pairs = [pair for rows in rows_of.values() for pair in combinations(rows, 2)]
    if not pairs:
        return {"test_pairs": 0}
    first, second = np.array(pairs).T
    flipped = predictions.predicted[first] != predictions.predicted[second]
    return {
        "test_pair_flip_rate": float(flipped.mean()),
        "test_pair_accuracy": float(predictions.correct[np.unique(pairs)].mean()),
        "test_pairs": len(pairs),
    }
