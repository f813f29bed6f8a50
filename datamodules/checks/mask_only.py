"""Mask-only accuracy: how much of the label the masks tell without a pixel of the image.

Size, place and shape of a mask, and whether there is one, pass every gate on pixels.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from datamodules.checks.mask_geometry import measure_regions
from datamodules.tables.table import ImageTable

MOST_IMAGES = 600  # seconds to read and learn, for an interval of about 4 points to either side
FEWEST_OF_A_CLASS = 10  # two a fold
NUM_FOLDS = 5
NUM_TREES = 100
# Objects of different classes do differ in size and shape: a little above chance is no news. It is
# the interval's low end that has to be that far above, so that few images never alarm by luck.
FAR_ABOVE_CHANCE = 0.15
# number of leading measures that tell by themselves, and what to do then
CAUSES = {
    1: "Whether there is a ROI at all reaches {:.2f} by itself: annotate all classes alike, or "
    "leave images without ROI out.",
    2: "Whether the mask is empty reaches {:.2f} by itself: annotate what every image has (the "
    "organ, not the lesion).",
}
SHAPE = (
    "Where size, shape and place should not count, let gate.dilate, extras.mask_jitter or boxes of "
    "one size instead of outlines blur them."
)


@dataclass(frozen=True)
class MaskOnly:
    """Cross-validated balanced accuracy of the masks alone, with its 95 % interval.

    ``warning``: the interval's low end is more than 0.15 above chance.
    """

    balanced_accuracy: float
    low: float
    high: float
    chance: float
    num_images: int
    sentence: str
    warning: bool


def measure_mask_only(table: ImageTable, seed: int) -> MaskOnly | None:
    """Predict the label of training images from the geometry of their masks.

    Args:
        table: Its masks are read; of an image its size, if it has boxes only.
        seed: Of the images (at most 600, equally many a class; of more than 60 classes 60), the
            folds, the trees and the interval.

    Returns:
        None when no training image has a ROI, or a class has fewer than 10 training images or,
        where groups are known, one group only.
    """
    rows = choose_rows(table, np.random.default_rng(seed))
    if rows is None or not table.has_roi()[table.rows_of("train")].any():
        return None
    labels, groups, num_folds = fold_rows(table, rows)
    if num_folds < 2:
        return None
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = pool.map(measure_regions, [table] * len(rows), rows.tolist(), table.has_roi()[rows])
        measures = np.array(list(jobs))

    def score(num_measures: int | None) -> tuple[float, float, float]:
        features = measures[..., :num_measures].reshape(len(rows), -1)
        return score_features(features, labels, groups, num_folds, seed)

    accuracy, low, high = score(None)
    chance = float(1 / (labels.max() + 1))
    far = chance + FAR_ABOVE_CHANCE
    said = (
        f"The masks of {len(rows)} training images alone, without a pixel of the image, predict "
        f"the label with a balanced accuracy of {accuracy:.2f} (95 % interval {low:.2f} to "
        f"{high:.2f}, chance {chance:.2f}): "
    )
    if low <= far:
        said += "above chance, but not far." if low > chance else "no more than chance explains."
    else:
        said += "far above chance. The mask itself tells the label; no gate on pixels hides that. "
        causes = ((text, score(num)) for num, text in CAUSES.items())
        said += next((text.format(s[0]) for text, s in causes if s[1] > far), SHAPE)
    return MaskOnly(accuracy, low, high, chance, len(rows), said, low > far)


def choose_rows(
    table: ImageTable, rng: np.random.Generator, most: int = MOST_IMAGES
) -> np.ndarray | None:
    """At most so many training rows to learn from, equally many a class; None: there are too few.

    A class has at least 10; of more classes than that allows some are drawn.
    """
    train = table.rows_of("train")
    classes = rng.permutation(len(table.class_names))[: most // FEWEST_OF_A_CLASS]
    by_class = [rng.permutation(train[table.labels[train] == label]) for label in classes]
    if len(classes) < 2 or min(map(len, by_class)) < FEWEST_OF_A_CLASS:
        return None
    return np.sort(np.concatenate([rows[: most // len(classes)] for rows in by_class]))


def fold_rows(table: ImageTable, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Labels and groups of rows, (N,) numbers from 0, and in how many folds groups can be held out.

    Fewer than 2 where a class is of one group only.
    """
    labels = np.unique(table.labels[rows], return_inverse=True)[1]
    groups = np.arange(len(rows)) if table.groups is None else table.groups[rows]
    groups = np.unique(groups, return_inverse=True)[1]
    num_folds = min(NUM_FOLDS, *(len(np.unique(groups[labels == k])) for k in set(labels)))
    return labels, groups, num_folds


def score_features(
    features: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray,
    num_folds: int,
    seed: int,
    num_trees: int = NUM_TREES,
) -> tuple[float, float, float]:
    """How well a forest tells the label from features, of images whose groups it has not seen.

    Args:
        features: (N, K).
        labels: (N,) numbers from 0.
        groups: (N,) numbers from 0.
        num_folds: Of the cross-validation, at least 2.
        seed: Of folds, trees and interval.
        num_trees: Of the forest.

    Returns:
        Balanced accuracy and the ends of its 95 % interval.
    """
    from sklearn.ensemble import RandomForestClassifier  # 0.6 s
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict

    folds = StratifiedGroupKFold(num_folds, shuffle=True, random_state=seed)
    forest = RandomForestClassifier(
        num_trees, max_depth=6, class_weight="balanced", random_state=seed
    )
    guesses = cross_val_predict(forest, features, labels, groups=groups, cv=folds)
    return bootstrap(guesses == labels, labels, groups, seed)


def bootstrap(
    right: np.ndarray, labels: np.ndarray, groups: np.ndarray, seed: int
) -> tuple[float, float, float]:
    """Balanced accuracy and its interval by the Bayesian bootstrap over groups (Rubin 1981).

    Half a group right and half a group wrong join every class (Jeffreys' prior), so that few
    images without a mistake do not look certain; resampling them would.
    """
    seen, hits = np.zeros((2, labels.max() + 1, groups.max() + 1))
    np.add.at(seen, (labels, groups), 1)
    np.add.at(hits, (labels, groups), right)
    rng = np.random.default_rng(seed)
    weights = rng.exponential(size=(2000, len(seen[0])))
    unit = seen.sum(axis=1) / (seen > 0).sum(axis=1)
    good, bad = rng.gamma(0.5, size=(2, 2000, len(unit))) * unit
    recalls = (weights @ hits.T + good) / (weights @ seen.T + good + bad)
    low, high = np.percentile(recalls.mean(axis=1), (2.5, 97.5)).tolist()
    mean = float((hits.sum(axis=1) / seen.sum(axis=1)).mean())
    return mean, min(low, mean), max(high, mean)
