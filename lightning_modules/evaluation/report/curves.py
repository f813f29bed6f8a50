"""Points of the curves of a report, from the table of predictions; no more than can be seen."""

from typing import NamedTuple

import numpy as np

from lightning_modules.evaluation.predictions import PredictionTable
from lightning_modules.evaluation.report.figures import thin
from lightning_modules.evaluation.slices import wilson_interval

NUM_BINS = 15  # of confidence, as ECE is usually computed (Guo et al. 2017)


class Curve(NamedTuple):
    """A curve of one class: points (N,), and the area or the mean that stands for it."""

    x: np.ndarray
    y: np.ndarray
    score: float


class Bin(NamedTuple):
    """Answers of like confidence: their number, mean confidence, share of right ones, interval."""

    num: int
    confidence: float
    accuracy: float
    low: float
    high: float


def roc(predictions: PredictionTable, label: int) -> Curve | None:
    """One class against the rest; None: all images, or none, are of it."""
    from sklearn.metrics import auc, roc_curve

    truth = predictions.labels == label
    if truth.all() or not truth.any():
        return None
    x, y, _ = roc_curve(truth, predictions.probs[:, label])
    return Curve(*thin(x, y), float(auc(x, y)))


def precision_recall(predictions: PredictionTable, label: int) -> Curve | None:
    """One class against the rest; None: all images, or none, are of it."""
    from sklearn.metrics import average_precision_score, precision_recall_curve

    truth, score = predictions.labels == label, predictions.probs[:, label]
    if truth.all() or not truth.any():
        return None
    precision, recall, _ = precision_recall_curve(truth, score)
    return Curve(*thin(recall, precision), float(average_precision_score(truth, score)))


def reliability(predictions: PredictionTable) -> list[Bin]:
    """Answers by their confidence, in bins of equal width; empty ones are left out."""
    confidence, correct = predictions.probs.max(axis=1), predictions.correct
    place = np.minimum((confidence * NUM_BINS).astype(int), NUM_BINS - 1)
    bins = []
    for number in np.unique(place).tolist():
        inside = place == number
        num, right = int(inside.sum()), int(correct[inside].sum())
        mean = float(confidence[inside].mean())
        bins.append(Bin(num, mean, right / num, *wilson_interval(right, num)))
    return bins


def calibration_error(bins: list[Bin]) -> float:
    """ECE in [0, 1] of these bins (Guo et al. 2017, eq. 3)."""
    total = sum(one.num for one in bins)
    return sum(one.num * abs(one.accuracy - one.confidence) for one in bins) / total


def risk_coverage(predictions: PredictionTable) -> tuple[np.ndarray, np.ndarray]:
    """Share of images answered, the surest first, and share of wrong answers among them."""
    order = np.argsort(-predictions.probs.max(axis=1), kind="stable")
    num = np.arange(1, len(order) + 1)
    risk = np.cumsum(~predictions.correct[order]) / num
    coverage, risk = thin(num / len(order), risk)
    return coverage, risk


def decision(predictions: PredictionTable, positive: int) -> dict[str, np.ndarray]:
    """Net benefit by the probability from which one acts (Vickers and Elkin 2006, eq. 1).

    Returns:
        ``threshold``, ``model`` and ``all`` (treating everybody), (99,) each; treating nobody is 0.
    """
    truth, score = predictions.labels == positive, predictions.probs[:, positive]
    threshold = np.linspace(0.01, 0.99, 99)
    odds = threshold / (1 - threshold)
    # number of images with a score from each threshold on
    num_true = len(score[truth]) - np.searchsorted(np.sort(score[truth]), threshold)
    num_false = len(score[~truth]) - np.searchsorted(np.sort(score[~truth]), threshold)
    share = truth.mean()
    return {
        "threshold": threshold,
        "model": (num_true - odds * num_false) / len(score),
        "all": share - odds * (1 - share),
    }
