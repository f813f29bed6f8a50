"""How well the probability of each class ranks its images above the others."""

from collections.abc import Sequence

import numpy as np
from sklearn.metrics import average_precision_score

from lightning_modules.evaluation.scores.classification import MANY_CLASSES
from lightning_modules.evaluation.scores.sheet import Sheet
from lightning_modules.evaluation.statistics.average_precision import AveragePrecision
from lightning_modules.evaluation.statistics.bootstrap import (
    Interval,
    bootstrap_interval,
    resample,
)
from lightning_modules.evaluation.statistics.delong import auroc_interval, placements
from lightning_modules.evaluation.statistics.pair_share import MOST_BLOCKS, PairShare
from lightning_modules.evaluation.statistics.ratio_score import MeanOfScores, Score
from lightning_modules.evaluation.statistics.units import Units
from lightning_modules.metric_names import name_of_class


def measure_ranking(
    sheet: Sheet, labels: np.ndarray, probs: np.ndarray, class_names: list[str]
) -> None:
    """AUROC and average precision: means over the classes that have an image, and of each class.

    Each class is ranked by its probability against the others. Two classes have the same AUROC.

    Args:
        sheet: Takes the scores, with intervals of up to 20 classes and of the mean AUROC of more;
            NaN where all images are of one class.
        labels: (N,) int.
        probs: (N, C).
        class_names: (C,).
    """
    classes = np.unique(labels)
    if len(classes) < 2:
        sheet.put("auroc", float("nan"))
        sheet.put("average_precision", float("nan"))
        return
    names = [class_names[label] for label in classes]
    _measure_auroc(sheet, labels, probs, classes, names)
    _measure_average_precision(sheet, labels, probs, classes, names)


def _measure_auroc(
    sheet: Sheet, labels: np.ndarray, probs: np.ndarray, classes: np.ndarray, names: Sequence[str]
) -> None:
    units, components = sheet.units, [placements(labels == c, probs[:, c]) for c in classes]
    areas = [float(x[labels == c].mean()) for c, x in zip(classes, components, strict=True)]
    # of two classes one curve is the mirror image of the other
    same = probs.shape[1] == 2
    asked, components = (classes[-1:], components[-1:]) if same else (classes, components)
    if units.single or len(asked) > MANY_CLASSES:
        # by the variance of independent images, or of very many classes
        mean = auroc_interval(labels, components, asked, units)
        single = [
            auroc_interval(labels, [one], np.array([c]), units)
            for c, one in zip(asked, components, strict=True)
        ]
    else:
        coarse = units.join(MOST_BLOCKS)
        parts = [PairShare(coarse, labels == c, probs[:, c]) for c in asked]
        mean, single = _resample(sheet, coarse, parts)
    sheet.put("auroc", float(np.mean(areas)), mean)
    single = single * len(classes) if same else single
    for name, area, interval in zip(names, areas, single, strict=True):
        shown = interval if len(asked) <= MANY_CLASSES else None
        sheet.put(name_of_class("auroc", name), area, shown)


def _measure_average_precision(
    sheet: Sheet, labels: np.ndarray, probs: np.ndarray, classes: np.ndarray, names: Sequence[str]
) -> None:
    values = [float(average_precision_score(labels == c, probs[:, c])) for c in classes]
    mean, single = None, [None] * len(classes)
    if len(classes) <= MANY_CLASSES:
        coarse = sheet.units.join(MOST_BLOCKS)
        parts = [AveragePrecision(coarse, labels == c, probs[:, c]) for c in classes]
        mean, single = _resample(sheet, coarse, parts)
    sheet.put("average_precision", float(np.mean(values)), mean)
    for name, value, interval in zip(names, values, single, strict=True):
        sheet.put(name_of_class("average_precision", name), value, interval)


def _resample(
    sheet: Sheet, units: Units, parts: Sequence[Score]
) -> tuple[Interval | None, list[Interval | None]]:
    """Intervals of the mean of the parts, and of each; none of a class of fewer than two units."""
    weights = resample(units.num_blocks, sheet.resamples, sheet.seed)

    def of(score: Score) -> Interval | None:
        return bootstrap_interval(score, units, weights) if min(score.num_active) > 1 else None

    single = [of(part) for part in parts]
    return (of(MeanOfScores(parts)) if len(parts) > 1 else single[0]), single
