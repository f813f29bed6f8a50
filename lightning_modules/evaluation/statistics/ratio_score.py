"""Scores of weighted units, and those that are ratios of sums: accuracy, F1, recall, log loss."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from lightning_modules.evaluation.statistics.units import Units


class Score(Protocol):
    """A number of a test that can be computed with its units weighted anew."""

    num_active: list[int]  # units that have a say in each part of the score
    num_units: int  # that have a say in any

    def measure(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Values and influences under weights.

        Args:
            weights: (B, U), how often each of U units counts.

        Returns:
            Values (B,), NaN where there is none; and influences (B, U), by how much the value
            changes with the weight of each unit (its derivative).
        """
        ...


class MeanOfRatios:
    """The mean of R ratios, each of a sum over the units to another, that have a denominator.

    Accuracy is one ratio (right answers to images), macro F1 one a class, 2 TP to (predicted +
    true); a class that is neither true nor predicted is left out of the mean, as torchmetrics does.

    Args:
        units: Of the images.
        numerators: What each image adds to the upper sums, (N, R), or (N,) for one ratio.
        denominators: The same of the lower ones; not negative.
    """

    def __init__(self, units: Units, numerators: np.ndarray, denominators: np.ndarray) -> None:
        above, below = (np.reshape(x, (len(units.codes), -1)) for x in (numerators, denominators))
        self.num_active = [units.count(column > 0) for column in below.T]
        self.num_units = units.count((below > 0).any(axis=1))
        self.numerators, self.denominators = units.total(above), units.total(below)

    def measure(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See ``Score``."""
        above, below = weights @ self.numerators, weights @ self.denominators
        there = below > 0
        number = there.sum(axis=1, keepdims=True)
        scale = np.divide(1, below, out=np.zeros_like(below), where=there)
        # all right is exactly 1
        ratios = np.divide(above, below, out=np.zeros_like(below), where=there)
        with np.errstate(invalid="ignore", divide="ignore"):
            values = (ratios.sum(axis=1, keepdims=True) / number)[:, 0]
        scale = scale / np.maximum(number, 1)
        influences = scale @ self.numerators.T
        influences -= (scale * ratios) @ self.denominators.T
        return values, influences


class MeanOfScores:
    """The mean of scores of the same units, a class each; where one is not defined, of the others.

    Args:
        parts: At least one.
    """

    def __init__(self, parts: Sequence[Score]) -> None:
        self.parts = parts
        self.num_active = [number for part in parts for number in part.num_active]
        self.num_units = max(part.num_units for part in parts)

    def measure(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See ``Score``."""
        total, change = np.zeros(len(weights)), np.zeros(weights.shape)
        number = np.zeros(len(weights))
        for part in self.parts:
            values, influences = part.measure(weights)
            there = np.isfinite(values)
            total[there] += values[there]
            change[there] += influences[there]
            number += there
        with np.errstate(invalid="ignore", divide="ignore"):
            return total / number, change / np.maximum(number, 1)[:, None]
