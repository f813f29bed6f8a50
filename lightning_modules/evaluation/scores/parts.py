"""Scores of answers as ratios of sums over units, so that units can be weighted anew."""

import numpy as np

from lightning_modules.evaluation.statistics.ratio_score import MeanOfRatios
from lightning_modules.evaluation.statistics.units import Units


def accuracy_of(units: Units, labels: np.ndarray, predicted: np.ndarray) -> MeanOfRatios:
    """Share of right answers; ``labels`` and ``predicted`` are (N,) class indices."""
    return MeanOfRatios(units, labels == predicted, np.ones(len(labels)))


def balanced_accuracy_of(
    units: Units, labels: np.ndarray, predicted: np.ndarray, num_classes: int
) -> MeanOfRatios:
    """Mean recall of the classes that have an image."""
    true = np.eye(num_classes, dtype=bool)[labels]
    return MeanOfRatios(units, true & (labels == predicted)[:, None], true)


def macro_f1_of(
    units: Units, labels: np.ndarray, predicted: np.ndarray, num_classes: int
) -> MeanOfRatios:
    """Mean F1 of the classes; one that is neither true nor predicted anywhere is left out."""
    kinds = np.eye(num_classes, dtype=bool)
    true, said = kinds[labels], kinds[predicted]
    return MeanOfRatios(units, 2.0 * (true & said), true.astype(float) + said)


def class_scores_of(
    units: Units, labels: np.ndarray, predicted: np.ndarray, label: int
) -> dict[str, MeanOfRatios]:
    """Precision, recall and F1 of one class."""
    true, said = labels == label, predicted == label
    both = true & said
    return {
        "precision": MeanOfRatios(units, both, said),
        "recall": MeanOfRatios(units, both, true),
        "f1": MeanOfRatios(units, 2.0 * both, true.astype(float) + said),
    }
