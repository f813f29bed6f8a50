"""Which images of a table of predictions are shown."""

from collections.abc import Sequence

import numpy as np

from lightning_modules.evaluation.predictions import PredictionTable


def choose_mistakes(table: PredictionTable, num: int) -> list[int]:
    """Rows of the wrong answers with the highest probability, spread over groups.

    No group gives a second one before every group with a mistake gave its first. Where no groups
    are known, each pair of true and answered class counts as one.
    """
    wrong = np.flatnonzero(~table.correct & _are_numbers(table))
    surest = wrong[np.argsort(-table.probs[wrong].max(axis=1), kind="stable")]
    return _spread(surest, _units(table)[surest], num)


def choose_uncertain(table: PredictionTable, num: int) -> list[int]:
    """Rows whose first two classes are closest to each other, spread as the mistakes."""
    known = np.flatnonzero(_are_numbers(table))
    first, second = np.sort(table.probs[known], axis=1)[:, :-3:-1].T
    closest = known[np.argsort(first - second, kind="stable")]
    return _spread(closest, _units(table)[closest], num)


def choose_masks(table: PredictionTable) -> dict[str, int]:
    """Rows of the predicted masks that agree best, in the middle and worst with the ROI (Dice)."""
    quality = table.mask_quality.get("mask_dice")
    if quality is None:
        return {}
    known = np.flatnonzero(np.isfinite(quality))
    order = known[np.argsort(-quality[known], kind="stable")].tolist()
    if not order:
        return {}
    found = {"best": order[0], "median": order[len(order) // 2], "worst": order[-1]}
    return {name: row for name, row in found.items() if name == "best" or row != order[0]}


def second_classes(table: PredictionTable, rows: Sequence[int]) -> np.ndarray:
    """The class to hold beside the answer: the true one of a mistake, else the runner-up, (N,)."""
    rows = np.asarray(rows, int)
    runner_up = np.argsort(-table.logits[rows], axis=1, kind="stable")[:, 1]
    return np.where(table.correct[rows], runner_up, table.labels[rows])


def _are_numbers(table: PredictionTable) -> np.ndarray:
    return np.isfinite(table.logits).all(axis=1)


def _units(table: PredictionTable) -> np.ndarray:
    if table.groups is not None:
        return np.unique(table.groups, return_inverse=True)[1]
    return table.labels * len(table.class_names) + table.predicted


def _spread(rows: np.ndarray, units: np.ndarray, num: int) -> list[int]:
    """The first rows, units taking turns, in their order before."""
    seen: dict[int, int] = {}
    turns = []
    for unit in units.tolist():
        turns.append(seen.get(unit, 0))
        seen[unit] = turns[-1] + 1
    chosen = np.argsort(turns, kind="stable")[:num]
    return rows[np.sort(chosen)].tolist()
