"""The predictions of a cross-validation as one table: each image by the model that never saw it."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lightning_modules.evaluation.predictions import PredictionTable, join_tables

COLUMN = "test_fold"  # of the pooled table: which fold tested the image
SPREAD = ("accuracy", "balanced_accuracy", "macro_f1", "auroc")
# measured by asking one model about changed images, or about two of one thing
EVIDENCE = (
    *("flip_rate", "background_gap", "bit_exact_share", "next_background_accuracy"),
    *("no_roi_accuracy", "mask_only_accuracy", "pair_flip_rate"),
)
MOST_NAMED = 5
Measure = Callable[[PredictionTable], dict[str, Any]]


@dataclass(frozen=True)
class Fold:
    """What one run of a cross-validation said of its own test images.

    Args:
        number: From 0.
        name: Of its folder.
        table: Its predictions.
    """

    number: int
    name: str
    table: PredictionTable


def pool_folds(folds: Sequence[Fold]) -> PredictionTable:
    """Join the tables of folds, in the order of their numbers, with a column ``test_fold``.

    A column of the data that is called so becomes ``source_test_fold``.

    Raises:
        ValueError: They are not of one cross-validation; all reasons are listed.
    """
    ordered = sorted(folds, key=lambda fold: fold.number)
    problems = [*_find_twice(ordered), *_find_other(ordered)]
    if problems:
        raise ValueError("\n  ".join(["These folds cannot be pooled:", *problems]))
    pooled = join_tables([fold.table for fold in ordered])
    numbers = [np.full(len(fold.table), str(fold.number)) for fold in ordered]
    columns = {f"source_{n}" if n == COLUMN else n: v for n, v in pooled.columns.items()}
    return replace(pooled, columns=columns | {COLUMN: np.concatenate(numbers)})


def _find_twice(folds: Sequence[Fold]) -> list[str]:
    """Folds and images that stand in two tables, or twice in one."""
    problems, fold_of, where = [], {}, {}
    for fold in folds:
        if fold.number in fold_of:
            problems.append(
                f"fold {fold.number} is in {fold_of[fold.number]} and in {fold.name}: name one"
            )
        fold_of.setdefault(fold.number, fold.name)
    twice = []
    for fold in folds:
        for name in fold.table.ids:
            if name in where:
                twice.append(f"{name} (fold {where[name]} and {fold.number})")
            where.setdefault(name, fold.number)
    if twice and not problems:
        more = f" and {len(twice) - MOST_NAMED} more" if len(twice) > MOST_NAMED else ""
        problems.append(
            f"{len(twice)} images were tested twice: {', '.join(twice[:MOST_NAMED])}{more}. Every "
            "image is tested by one fold: train all folds with the same data and seed"
        )
    return problems


def _find_other(folds: Sequence[Fold]) -> list[str]:
    first = folds[0]
    problems = []
    for fold in folds[1:]:
        if list(fold.table.class_names) != list(first.table.class_names):
            problems.append(
                f"{fold.name} has the classes {', '.join(fold.table.class_names)}, and "
                f"{first.name} has {', '.join(first.table.class_names)}: set data.classes for all"
            )
        apart = fold.table.columns.keys() ^ first.table.columns.keys()
        if apart:
            problems.append(
                f"the data of {fold.name} has other columns than that of {first.name}: only one of "
                f"them has {', '.join(sorted(apart))}"
            )
    return problems


def measure_spread(
    folds: Sequence[Fold], measure: Measure
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Scores of each fold by itself, and how far they lie apart.

    Args:
        folds: As pooled.
        measure: From a table to metrics ``test_<name>``.

    Returns:
        A row a fold, and ``test_<name>_fold_mean``, ``_fold_sd`` (n - 1), ``_fold_min`` and
        ``_fold_max`` of the main metrics, over the folds that have them.
    """
    rows, values = [], {name: [] for name in SPREAD}
    for fold in sorted(folds, key=lambda one: one.number):
        metrics = measure(fold.table)
        found = {name: metrics[f"test_{name}"] for name in SPREAD if f"test_{name}" in metrics}
        for name, value in found.items():
            if value == value:  # a fold whose test is of one class has no AUROC
                values[name].append(value)
        rows.append({"fold": fold.number, "run": fold.name, "images": len(fold.table)} | found)
    spread = {}
    for name, found in values.items():
        if len(found) > 1:
            spread |= {
                f"test_{name}_fold_mean": statistics.fmean(found),
                f"test_{name}_fold_sd": statistics.stdev(found),
                f"test_{name}_fold_min": min(found),
                f"test_{name}_fold_max": max(found),
            }
    return rows, spread


def mean_evidence(
    metrics: Sequence[Mapping[str, Any]], num_images: Sequence[int]
) -> dict[str, float]:
    """What only the models themselves can tell: means over the folds, weighted by their images.

    Args:
        metrics: Of each fold's own test.
        num_images: That each tested.

    Returns:
        Those of ``EVIDENCE`` that every fold has measured.
    """
    found = {}
    for name in (f"test_{one}" for one in EVIDENCE):
        values = [one.get(name) for one in metrics]
        if values and None not in values:
            found[name] = float(np.average(values, weights=num_images))
    return found
