"""What is compared: variants of a model, each by the runs that there are of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lightning_modules.evaluation.out_of_fold import Fold, mean_evidence, pool_folds
from lightning_modules.evaluation.predictions import PredictionTable


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


def join_folds(name: str, folds: Sequence[Fold], metrics: Sequence[dict[str, Any]]) -> Run:
    """One run of those that were tested on a part each: every image by the model that left it out.

    Args:
        name: Of the whole.
        folds: Of one cross-validation.
        metrics: The metrics.json of each.

    Raises:
        ValueError: They are not of one, see ``pool_folds``.
    """
    try:
        table = pool_folds(folds)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    return Run(name, table, mean_evidence(metrics, [len(fold.table) for fold in folds]))
