"""Curves of each class against the others, as arrays to draw."""

from collections.abc import Sequence

import numpy as np
from sklearn.metrics import precision_recall_curve, roc_curve

MOST_POINTS = 500  # more cannot be seen


def roc_curves(
    labels: np.ndarray, probs: np.ndarray, class_names: Sequence[str]
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Class to false positive rate and true positive rate (M,).

    Args:
        labels: (N,) int.
        probs: (N, C).
        class_names: (C,).

    Returns:
        Without classes that have no image, or all of them.
    """
    curves = {}
    for label, name in _both(labels, class_names):
        rates = roc_curve(labels == label, probs[:, label])[:2]
        curves[name] = tuple(_thin(rate) for rate in rates)
    return curves


def precision_recall_curves(
    labels: np.ndarray, probs: np.ndarray, class_names: Sequence[str]
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Class to recall and precision (M,); see ``roc_curves``."""
    curves = {}
    for label, name in _both(labels, class_names):
        precision, recall, _ = precision_recall_curve(labels == label, probs[:, label])
        curves[name] = (_thin(recall), _thin(precision))
    return curves


def _both(labels: np.ndarray, class_names: Sequence[str]) -> list[tuple[int, str]]:
    counts = np.bincount(labels, minlength=len(class_names))
    return [(i, name) for i, name in enumerate(class_names) if 0 < counts[i] < len(labels)]


def _thin(values: np.ndarray) -> np.ndarray:
    """At most ``MOST_POINTS``, the first and the last among them."""
    if len(values) <= MOST_POINTS:
        return values
    return values[np.linspace(0, len(values) - 1, MOST_POINTS).round().astype(int)]
