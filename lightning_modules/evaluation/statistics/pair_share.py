"""The AUROC as a score whose units can be weighted anew."""

import numpy as np
from scipy.sparse import csr_array

from lightning_modules.evaluation.statistics.units import Units

AT_ONCE = 32  # columns of a table of pairs
MOST_BLOCKS = 200  # that units are joined into where images are ranked, see ``Units.join``


class PairShare:
    """The AUROC of a class against the others.

    A pair of a positive and a negative image counts as often as the units of both are drawn:
    the sum over the pairs of each two units is taken once, and a resample is a quadratic form of
    its weights. Meant for at most ``MOST_BLOCKS`` of them: the table of sums is square in their
    number.

    Args:
        units: Of the images.
        positive: (N,) bool.
        scores: (N,), higher for the positive class.
    """

    def __init__(self, units: Units, positive: np.ndarray, scores: np.ndarray) -> None:
        codes, number = units.block_codes, units.num_blocks
        self.num_units = units.num_units
        self.num_active = [min(units.count(positive), units.count(~positive))]
        self.wins = _count_wins(positive, scores, codes, number)
        self.positives = np.bincount(codes[positive], minlength=number).astype(float)
        self.negatives = np.bincount(codes[~positive], minlength=number).astype(float)

    def measure(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See ``Score``; there is none without positives or negatives."""
        above, below = weights @ self.positives, weights @ self.negatives
        there = (above > 0) & (below > 0)
        pairs = np.where(there, above * below, 1)
        by_row, by_column = weights @ self.wins.T, weights @ self.wins
        area = (weights * by_row).sum(axis=1) / pairs
        change = (by_row + by_column) / pairs[:, None]
        change -= area[:, None] * self.positives / np.where(there, above, 1)[:, None]
        change -= area[:, None] * self.negatives / np.where(there, below, 1)[:, None]
        return np.where(there, area, np.nan), np.where(there[:, None], change, 0)


def _count_wins(
    positive: np.ndarray, scores: np.ndarray, codes: np.ndarray, number: int
) -> np.ndarray:
    """(U, U) pairs of a positive image of the row and a lower negative one of the column."""
    order = np.argsort(scores, kind="stable")
    positive, scores, codes = positive[order], scores[order], codes[order]
    rows = np.flatnonzero(positive)
    # ties count half
    first, last = (np.searchsorted(scores, scores[rows], side) for side in ("left", "right"))
    owner = csr_array((np.ones(len(rows)), (codes[rows], np.arange(len(rows)))))
    owner.resize((number, len(rows)))
    wins = np.zeros((number, number))
    for start in range(0, number, AT_ONCE):
        columns = np.arange(start, min(start + AT_ONCE, number))
        lower = np.zeros((len(scores) + 1, len(columns)), np.int32)
        np.cumsum((codes[:, None] == columns) & ~positive[:, None], axis=0, out=lower[1:])
        wins[:, columns] = owner @ ((lower[first] + lower[last]) / 2)
    return wins
