"""What is compared: variants of a model, each by the runs that there are of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lightning_modules.evaluation.predictions import PredictionTable, join_tables


@dataclass(frozen=True)
class Run:
    """What a run or an evaluation says of the images that it was tested on.

    Args:
        name: For messages: its folder.
        table: Its answers.
        metrics: Its metrics.json.
    """

    name: str
    table: PredictionTable
    metrics: dict[str, Any]


@dataclass(frozen=True)
class Variant:
    """One model, trained once or several times.

    Args:
        name: Short, and no other variant's.
        runs: Its repeats, which differ in the seed; each answers for all images.
        slice_by: Columns whose worst slice is looked for.
        settings: What was chosen for it and not for all others, key to value.
    """

    name: str
    runs: Sequence[Run]
    slice_by: Sequence[str] = ()
    settings: dict[str, str] = field(default_factory=dict)

    def mean(self, metric: str) -> float | None:
        """Of a metric over the runs that have it; None: no run has."""
        found = [run.metrics.get(metric) for run in self.runs]
        values = [value for value in found if isinstance(value, int | float)]
        return float(np.mean(values)) if values else None


def join_folds(name: str, runs: Sequence[Run]) -> Run:
    """One run of those that were tested on a part each: every image by the model that left it out.

    Args:
        name: Of the whole.
        runs: No image is in two of them.

    Raises:
        ValueError: One is, or their classes differ.
    """
    tables = [run.table for run in runs]
    ids = [one for table in tables for one in table.ids]
    if len(set(ids)) < len(ids):
        raise ValueError(
            f"{name}: {len(ids) - len(set(ids))} images were tested in more than one fold, so the "
            "folds are not parts of one data set. Train all folds with the same data and seed."
        )
    if len({tuple(table.class_names) for table in tables}) > 1:
        raise ValueError(f"{name}: its folds have different classes. Set data.classes for all.")
    return Run(name, join_tables(tables), _mean_metrics([run.metrics for run in runs]))


def _mean_metrics(metrics: Sequence[dict[str, Any]]) -> dict[str, float]:
    """The mean of each number that all folds have."""
    names = set.intersection(*(set(one) for one in metrics))
    return {
        name: float(np.mean([one[name] for one in metrics]))
        for name in metrics[0]
        if name in names and all(isinstance(one[name], int | float) for one in metrics)
    }
