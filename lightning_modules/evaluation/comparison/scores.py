"""The metrics of a comparison as scores whose groups can be weighted anew."""

from collections.abc import Sequence

import numpy as np
from scipy.special import logsumexp, softmax

from lightning_modules.evaluation.comparison.paired import Paired
from lightning_modules.evaluation.scores.parts import (
    accuracy_of,
    balanced_accuracy_of,
    macro_f1_of,
)
from lightning_modules.evaluation.statistics.pair_share import MOST_BLOCKS, PairShare
from lightning_modules.evaluation.statistics.ratio_score import (
    MeanOfRatios,
    MeanOfScores,
    Score,
)
from lightning_modules.evaluation.statistics.units import Units


class LowestShare:
    """The lowest share of right answers among slices that have an image: the worst group.

    Args:
        units: Of the images.
        right: (N,) bool.
        slices: (K, N) int, the slice of each image by each of K columns; no number in two rows.
    """

    def __init__(self, units: Units, right: np.ndarray, slices: np.ndarray) -> None:
        size = (units.num_blocks, int(slices.max()) + 1)
        places = (units.block_codes * size[1] + slices).ravel()
        weights = np.tile(right, len(slices)).astype(float)
        self.hits = np.bincount(places, weights, size[0] * size[1]).reshape(size)
        self.images = np.bincount(places, minlength=size[0] * size[1]).reshape(size).astype(float)
        worst = int((self.hits.sum(axis=0) / self.images.sum(axis=0)).argmin())
        self.num_active = [units.count((slices == worst).any(axis=0))]
        self.num_units = units.num_units

    def measure(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See ``Score``; the influences are those on the share that is the lowest."""
        above, below = weights @ self.hits, weights @ self.images
        shares = np.divide(above, below, out=np.full_like(below, np.inf), where=below > 0)
        lowest, rows = shares.argmin(axis=1), np.arange(len(weights))
        values = shares[rows, lowest]
        change = self.hits[:, lowest].T - values[:, None] * self.images[:, lowest].T
        return values, change / np.maximum(below[rows, lowest], 1e-12)[:, None]


def make_scores(
    paired: Paired, logits: np.ndarray, slice_by: Sequence[str], units: Units
) -> dict[str, tuple[Score, Units]]:
    """The scores of one run by the names of their metrics, each with the units to resample.

    Args:
        paired: The images.
        logits: (N, C) of the run.
        slice_by: Columns, each crossed with the class; none: no worst group.
        units: Of the images.

    Returns:
        Without those that are not defined: AUROC where there is one class only, the worst group
        where there are no slices.
    """
    labels, predicted = paired.labels, logits.argmax(axis=1)
    num_classes = len(paired.class_names)
    losses = logsumexp(logits, axis=1) - logits[np.arange(len(labels)), labels]
    found: dict[str, tuple[Score, Units]] = {
        "accuracy": (accuracy_of(units, labels, predicted), units),
        "balanced_accuracy": (balanced_accuracy_of(units, labels, predicted, num_classes), units),
        "macro_f1": (macro_f1_of(units, labels, predicted, num_classes), units),
        "log_loss": (MeanOfRatios(units, losses, np.ones(len(labels))), units),
    }
    present = np.unique(labels)
    if len(present) > 1:
        # of two classes both say the same
        ranked = present[-1:] if num_classes == 2 else present
        coarse = units.join(MOST_BLOCKS)
        probs = softmax(logits.astype(float), axis=1)
        parts = [PairShare(coarse, labels == c, probs[:, c]) for c in ranked]
        found["auroc"] = (MeanOfScores(parts), coarse)
    slices = _slices(paired, slice_by)
    if len(slices):
        worst = LowestShare(units, predicted == labels, slices)
        found["worst_group_accuracy"] = (worst, units)
    return found


def _slices(paired: Paired, slice_by: Sequence[str]) -> np.ndarray:
    """(K, N) int: the slice, crossed with the class, of each image by each column."""
    first, found = 0, []
    for name in slice_by:
        values = np.unique(paired.columns[name], return_inverse=True)[1]
        codes = np.unique(values * len(paired.class_names) + paired.labels, return_inverse=True)[1]
        found.append(codes + first)
        first += int(codes.max()) + 1
    return np.array(found, dtype=int)
