"""Whether acting on the model does more good than acting on all, or on none."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class DecisionCurve:
    """Net benefit by threshold (Vickers & Elkin 2006, "Decision curve analysis").

    Args:
        thresholds: (M,) the probability from which on one would act, in (0, 1): the odds of it are
            the harm of acting in vain over the good of acting rightly.
        model: (M,) net benefit of acting where the model's probability reaches the threshold.
        everyone: (M,) of acting on every image.

    Acting on none has a net benefit of 0.
    """

    thresholds: np.ndarray
    model: np.ndarray
    everyone: np.ndarray


def decision_curve(
    positive: np.ndarray, probs: np.ndarray, thresholds: np.ndarray | None = None
) -> DecisionCurve:
    """Net benefit: (true positives - odds of the threshold * false positives) / images.

    Args:
        positive: (N,) bool.
        probs: (N,) of the positive class, calibrated where it can be.
        thresholds: (M,); None: 0.01 to 0.99.
    """
    thresholds = np.arange(1, 100) / 100 if thresholds is None else np.asarray(thresholds, float)
    odds, total = thresholds / (1 - thresholds), len(positive)
    hits, alarms = (_count_from(probs[side], thresholds) for side in (positive, ~positive))
    share = positive.mean()
    everyone = share - odds * (1 - share)
    return DecisionCurve(thresholds, (hits - odds * alarms) / total, everyone)


def _count_from(values: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """(M,) how many values reach each threshold."""
    return len(values) - np.searchsorted(np.sort(values), thresholds, side="left")
