"""Average precision as a score whose units can be weighted anew."""

import numpy as np

from lightning_modules.evaluation.statistics.units import Units

MOST_LEVELS = 1000


class AveragePrecision:
    """The mean, over the positive images, of the precision among those that score as high.

    As scikit-learn's ``average_precision_score``: no interpolation, ties come together. Precision
    is asked for at the scores of positive images, so that negative ones count with the next lower
    of these. Of more than 1,000 such levels neighbours are joined, which the mean hardly feels.

    Args:
        units: Of the images.
        positive: (N,) bool.
        scores: (N,), higher for the positive class.
    """

    def __init__(self, units: Units, positive: np.ndarray, scores: np.ndarray) -> None:
        self.num_units, self.num_active = units.num_units, [units.count(positive)]
        levels = np.unique(scores[positive])
        if len(levels) > MOST_LEVELS:
            levels = levels[np.linspace(0, len(levels) - 1, MOST_LEVELS).astype(int)]
        # the highest level comes first; what is below the lowest never counts
        place = len(levels) - np.searchsorted(levels, scores, side="right")
        size = (units.num_blocks, len(levels) + 1)
        cell = units.block_codes * size[1] + place
        self.hits, self.images = (
            np.bincount(cell, rows, size[0] * size[1]).reshape(size)[:, :-1]
            for rows in (positive, np.ones(len(scores)))
        )

    def measure(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See ``Score``; there is none without a positive image."""
        hits = weights @ self.hits
        total = hits.sum(axis=1, keepdims=True)
        there = total[:, 0] > 0
        total[~there] = 1
        as_high = np.maximum(np.cumsum(weights @ self.images, axis=1), 1e-12)
        precision = np.cumsum(hits, axis=1) / as_high
        area = (hits * precision).sum(axis=1, keepdims=True) / total
        # an image more changes the precision at all positive images that do not score higher
        gain = _from_the_end(hits / as_high) + precision - area
        loss = _from_the_end(hits * precision / as_high)
        change = (gain @ self.hits.T - loss @ self.images.T) / total
        return np.where(there, area[:, 0], np.nan), np.where(there[:, None], change, 0)


def _from_the_end(values: np.ndarray) -> np.ndarray:
    """Sum from each column to the last."""
    return np.cumsum(values[:, ::-1], axis=1)[:, ::-1]
