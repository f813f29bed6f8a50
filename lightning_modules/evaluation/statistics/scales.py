"""Scales on which a score has no bounds to bump into."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit


@dataclass(frozen=True)
class Scale:
    """A transformation, its inverse and its derivative.

    Args:
        there: Value to the unbounded scale; infinite at its bounds.
        back: The inverse.
        slope: Derivative of ``there``.
    """

    there: Callable[[np.ndarray], np.ndarray]
    back: Callable[[np.ndarray], np.ndarray]
    slope: Callable[[np.ndarray], np.ndarray]


SCALES = {
    # of shares and scores in [0, 1]
    "logit": Scale(logit, expit, lambda value: 1 / (value * (1 - value))),
    # of losses, which are above 0
    "log": Scale(np.log, np.exp, lambda value: 1 / value),
}
