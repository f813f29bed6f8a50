"""From which probability on an image counts as the positive class, by a rule that is stated."""

from dataclasses import dataclass

import numpy as np

from lightning_modules.evaluation.scores.options import ScoreOptions
from lightning_modules.evaluation.scores.sheet import Sheet
from lightning_modules.evaluation.statistics.ratio_score import MeanOfRatios


@dataclass(frozen=True)
class OperatingPoint:
    """A threshold and where it comes from.

    Args:
        rule: ``youden``, ``sensitivity``, ``specificity`` or ``cost``, see ``ScoreOptions``.
        at: What the rule was to keep, or the cost ratio; None for ``youden``.
        positive_class: The class to detect.
        threshold: An image counts as positive from this probability on, in [0, 1]; the probability
            as the model gives it, before any temperature.
        sensitivity: On the images that it was chosen on, in [0, 1].
        specificity: On the images that it was chosen on, in [0, 1].
    """

    rule: str
    at: float | None
    positive_class: str
    threshold: float
    sensitivity: float
    specificity: float


def choose_operating_point(
    positive: np.ndarray, probs: np.ndarray, positive_class: str, options: ScoreOptions
) -> OperatingPoint | None:
    """Choose a threshold on images that are not those of the test.

    Thresholds lie halfway between two neighbouring probabilities; of equally good ones it is that
    nearest to 0.5.

    Args:
        positive: (N,) bool.
        probs: (N,) of the positive class.
        positive_class: Its name.
        options: The rule.

    Returns:
        None where the images are all positive or all negative.
    """
    if positive.all() or not positive.any():
        return None
    thresholds, sensitivity, specificity = _sweep(positive, probs)
    rule, at = options.operating_point, options.at
    if rule == "youden":
        gain, at = sensitivity + specificity, None
    elif rule == "cost":
        at = options.cost_ratio
        gain = -(at * (1 - sensitivity) * positive.sum() + (1 - specificity) * (~positive).sum())
    else:
        kept, other = sensitivity, specificity
        if rule == "specificity":
            kept, other = specificity, sensitivity
        gain = np.where(kept >= at - 1e-12, other, -1.0)
    best = np.flatnonzero(gain >= gain.max() - 1e-12)
    chosen = best[np.abs(thresholds[best] - 0.5).argmin()]
    figures = (thresholds[chosen], sensitivity[chosen], specificity[chosen])
    return OperatingPoint(rule, at, positive_class, *map(float, figures))


def _sweep(positive: np.ndarray, probs: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Thresholds (M,), all positive to all negative, with sensitivity and specificity at each."""
    values, places = np.unique(probs, return_inverse=True)
    hits = np.bincount(places, positive, minlength=len(values))
    alarms = np.bincount(places, ~positive, minlength=len(values))
    between = (values[:-1] + values[1:]) / 2
    # neighbouring floats have nothing between them
    between = np.where(between > values[:-1], between, values[1:])
    above = 1.0 if values[-1] < 1 else np.nextafter(1.0, 2.0)
    thresholds = np.concatenate([[0.0], between, [above]])
    missed = np.concatenate([[0], np.cumsum(hits)])
    spared = np.concatenate([[0], np.cumsum(alarms)])
    return thresholds, 1 - missed / positive.sum(), spared / (~positive).sum()


def measure_operating_point(
    sheet: Sheet, positive: np.ndarray, probs: np.ndarray, threshold: float
) -> None:
    """Sensitivity, specificity, and the predictive values, PPV and NPV, at a threshold.

    The predictive values hold where positives are as frequent as among these images.

    Args:
        sheet: Takes the scores; NaN where nothing is divided by nothing.
        positive: (N,) bool.
        probs: (N,) of the positive class.
        threshold: Positive from there on.
    """
    said = probs >= threshold
    sheet.put("threshold", threshold)
    for name, hits, among in (
        ("sensitivity", said & positive, positive),
        ("specificity", ~said & ~positive, ~positive),
        ("ppv", said & positive, said),
        ("npv", ~said & ~positive, ~said),
    ):
        sheet.take_share(name, MeanOfRatios(sheet.units, hits, among))
