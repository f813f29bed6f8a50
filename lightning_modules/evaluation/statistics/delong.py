"""The variance of the AUROC: of independent images, and of images in groups."""

from collections.abc import Sequence

import numpy as np
from scipy.special import expit, logit
from scipy.stats import rankdata
from scipy.stats import t as student

from lightning_modules.evaluation.statistics.bootstrap import Interval
from lightning_modules.evaluation.statistics.level import LEVEL
from lightning_modules.evaluation.statistics.units import Units
from lightning_modules.evaluation.statistics.wilson import wilson_interval

ROUNDING = 1e-24  # a variance below it is none


def placements(positive: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Structural components (N,) of the AUROC by mid-ranks, in O(N log N).

    Of a positive image the share of the negatives that score lower, ties half; of a negative one
    the share of the positives that score higher. Their mean over either class is the AUROC. (Sun &
    Xu 2014, "Fast implementation of DeLong's algorithm", equations 7 and 8.)

    Args:
        positive: (N,) bool; both kinds are there.
        scores: (N,), higher for the positive class.
    """
    ranks = rankdata(scores)
    components = np.empty(len(scores))
    num_positive, num_negative = int(positive.sum()), int((~positive).sum())
    components[positive] = (ranks[positive] - rankdata(scores[positive])) / num_negative
    lower = (ranks[~positive] - rankdata(scores[~positive])) / num_positive
    components[~positive] = 1 - lower
    return components


def auroc_variance(positive: np.ndarray, components: np.ndarray, codes: np.ndarray | None) -> float:
    """Variance of the AUROC from its structural components.

    Args:
        positive: (N,) bool.
        components: (N,), see ``placements``.
        codes: (N,) int, group of each image (Obuchowski 1997, "Nonparametric analysis of clustered
            ROC curve data"); None: images are independent (DeLong, DeLong & Clarke-Pearson 1988).
            With one image a group both are the same.

    Returns:
        NaN where fewer than two groups, or images, have a positive or a negative.
    """
    codes = np.arange(len(positive)) if codes is None else codes
    sums, numbers, there = [], [], []
    for side in (positive, ~positive):
        count = np.bincount(codes[side], minlength=int(codes.max()) + 1)
        total = np.bincount(codes[side], components[side], minlength=len(count))
        mean = total.sum() / count.sum()
        sums.append((total - count * mean) / count.sum())
        numbers.append(int((count > 0).sum()))
        there.append(count > 0)
    if min(numbers) < 2:
        return float("nan")
    own = sum(n / (n - 1) * float(s @ s) for s, n in zip(sums, numbers, strict=True))
    groups = int((there[0] | there[1]).sum())
    return own + 2 * groups / (groups - 1) * float(sums[0] @ sums[1])


def auroc_interval(
    labels: np.ndarray, components: Sequence[np.ndarray], classes: np.ndarray, units: Units
) -> Interval | None:
    """95 % interval of the mean AUROC over classes, on the logit scale.

    By DeLong's variance where every image is a unit, else by Obuchowski's, which with 100 groups
    covers 89 to 94 %, where ``bootstrap_interval`` of a ``PairShare`` covers 93 to 96 %, see
    ``ranking_coverage.py``. Of
    several classes the variance is that of the mean of their structural components. Where
    positive and negative images do not overlap, or all have the same probability, there is none:
    then it is Wilson's, with the units of the rarest class as trials.

    Args:
        labels: (N,) int.
        components: (N,) of each class against the others, see ``placements``.
        classes: (K,) their indices.
        units: Of the images.

    Returns:
        None where fewer than two units have an image of a class, or one of the others.
    """
    sides = [units.count(side) for c in classes for side in (labels == c, labels != c)]
    if min(sides, default=0) < 2:
        return None
    codes = None if units.single else units.codes
    areas = [x[labels == c].mean() for c, x in zip(classes, components, strict=True)]
    area = float(np.mean(areas))
    if len(classes) == 1:
        variance = auroc_variance(labels == classes[0], components[0], codes)
    else:
        variance = _mean_variance(labels, classes, components, units)
    if not 0 < area < 1 or variance < ROUNDING:
        low, high = wilson_interval(round(area * min(sides)), min(sides))
        return Interval(low, high, f"Wilson over {units.kind}", units.num_units)
    slope = 1 / (area * (1 - area))
    half = student.ppf(0.5 + LEVEL / 2, units.num_units - 1) * np.sqrt(variance) * slope
    low, high = expit([logit(area) - half, logit(area) + half]).tolist()
    name = "DeLong" if units.single else "Obuchowski"
    return Interval(low, high, f"{name} over {units.kind}", units.num_units)


def _mean_variance(
    labels: np.ndarray, classes: np.ndarray, components: Sequence[np.ndarray], units: Units
) -> float:
    """Variance of the mean AUROC over classes from the sums of components over units."""
    influence = np.zeros(len(labels))
    for label, values in zip(classes, components, strict=True):
        for side in (labels == label, labels != label):
            influence[side] += (values[side] - values[side].mean()) / side.sum()
    sums = np.bincount(units.codes, influence / len(classes))
    return float(sums @ sums) * units.num_units / (units.num_units - 1)
