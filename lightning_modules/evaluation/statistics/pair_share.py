"""The AUROC as a score whose groups can be weighted anew."""

import numpy as np

from lightning_modules.evaluation.statistics.units import Units


class PairShare:
    """The mean over classes of the AUROC of each against the others.

    A pair of a positive and a negative image counts as often as the units of both are drawn:
    the sum over the pairs of each two units is taken once, and a resample is a quadratic form of
    its weights. Meant for few units (some 200): the table of sums is square in their number.

    Args:
        units: Of the images.
        labels: (N,) int.
        probs: (N, K) of the K classes that are scored.
        classes: (K,) their indices.
    """

    def __init__(
        self, units: Units, labels: np.ndarray, probs: np.ndarray, classes: np.ndarray
    ) -> None:
        self.wins, self.positives, self.negatives, self.num_active = [], [], [], []
        self.num_units = units.num_units
        codes, number = units.block_codes, units.num_blocks
        for label, scores in zip(classes.tolist(), probs.T, strict=True):
            positive = labels == label
            self.num_active.append(min(units.count(positive), units.count(~positive)))
            self.wins.append(_count_wins(positive, scores, codes, number))
            self.positives.append(np.bincount(codes[positive], minlength=number).astype(float))
            self.negatives.append(np.bincount(codes[~positive], minlength=number).astype(float))

    def measure(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See ``Score``; a class that lacks positives or negatives is left out."""
        values, influences = np.zeros(len(weights)), np.zeros(weights.shape)
        number = np.zeros(len(weights))
        for wins, positives, negatives in zip(
            self.wins, self.positives, self.negatives, strict=True
        ):
            above, below = weights @ positives, weights @ negatives
            there = (above > 0) & (below > 0)
            pairs = np.where(there, above * below, 1)
            by_row, by_column = weights @ wins.T, weights @ wins
            area = (weights * by_row).sum(axis=1) / pairs
            change = (by_row + by_column) / pairs[:, None]
            change -= area[:, None] * positives / np.where(there, above, 1)[:, None]
            change -= area[:, None] * negatives / np.where(there, below, 1)[:, None]
            values += np.where(there, area, 0)
            influences += np.where(there[:, None], change, 0)
            number += there
        with np.errstate(invalid="ignore", divide="ignore"):
            return values / number, influences / np.maximum(number, 1)[:, None]


def _count_wins(
    positive: np.ndarray, scores: np.ndarray, codes: np.ndarray, number: int
) -> np.ndarray:
    """(U, U) pairs of a positive image of the row and a lower negative one of the column."""
    wins = np.zeros((number, number))
    above, owner = scores[positive], codes[positive]
    order = np.argsort(codes[~positive], kind="stable")
    below, owners = scores[~positive][order], codes[~positive][order]
    starts = np.searchsorted(owners, np.arange(number + 1))
    for column in range(number):
        others = np.sort(below[starts[column] : starts[column + 1]])
        if len(others):
            ends = [np.searchsorted(others, above, side) for side in ("left", "right")]
            wins[:, column] = np.bincount(owner, (ends[0] + ends[1]) / 2, minlength=number)
    return wins
