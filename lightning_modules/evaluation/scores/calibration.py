"""Whether probabilities mean what they say."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize, minimize_scalar
from scipy.special import expit, log_softmax

from lightning_modules.evaluation.scores.sheet import Sheet
from lightning_modules.evaluation.statistics.ratio_score import MeanOfRatios

NUM_BINS = 15
HIGHEST = 1e3  # temperature


@dataclass(frozen=True)
class ReliabilityBins:
    """What is drawn in a reliability diagram: equal bins of confidence that have an image.

    Args:
        edges: (M, 2), above the lower and up to the upper.
        confidence: (M,) mean probability of the answers.
        accuracy: (M,) share of right ones.
        num_images: (M,).
    """

    edges: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray
    num_images: np.ndarray


def log_probs(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """(N, C) log probabilities of logits divided by a temperature; double precision."""
    return log_softmax(np.asarray(logits, np.float64) / temperature, axis=1)


def reliability_bins(
    labels: np.ndarray, probs: np.ndarray, num_bins: int = NUM_BINS
) -> ReliabilityBins:
    """Bin the answers by their confidence: labels (N,), probs (N, C)."""
    confidence, right = probs.max(axis=1), probs.argmax(axis=1) == labels
    bins = np.clip(np.ceil(confidence * num_bins).astype(int) - 1, 0, num_bins - 1)
    count = np.bincount(bins, minlength=num_bins)
    there = np.flatnonzero(count)
    sums = [np.bincount(bins, x, minlength=num_bins)[there] for x in (confidence, right)]
    means = [total / count[there] for total in sums]
    edges = np.stack([there, there + 1], axis=1) / num_bins
    return ReliabilityBins(edges, *means, count[there])


def expected_calibration_error(bins: ReliabilityBins) -> float:
    """ECE: mean gap of confidence and accuracy over the bins, by images (Guo et al. 2017).

    In [0, 1]. With few images it is above 0 even where probabilities are right: 0.06 of 200, 0.03
    of 1,000. It has no interval for that reason. Where the truth is 0, 0.035 and 0.11, percentiles
    of resamples hold it in 0, 1 to 69 and 81 to 90 % of simulated tests with 200 to 1,000 images,
    and with the bias taken off (reversed percentiles, or bias-corrected) in 52 to 64, 89 to 91 and
    91 to 92 %; none in 95 %.
    """
    gap = np.abs(bins.confidence - bins.accuracy)
    return float((gap * bins.num_images).sum() / bins.num_images.sum())


def measure_probs(sheet: Sheet, labels: np.ndarray, logits: np.ndarray, prefix: str = "") -> None:
    """Log loss, Brier score, ECE and mean confidence (how sure it is of its answers).

    Log loss is the mean of -ln p of the true class. Brier is the mean over images of the sum over
    all classes of (p - y)^2, from 0 to 2 (Brier 1950); for two classes it is twice what is also
    called so. ECE has 15 bins of the answers' confidence.

    Args:
        sheet: Takes the scores.
        labels: (N,) int.
        logits: (N, C); divided by a temperature, where there is one.
        prefix: Of the names.
    """
    logs, rows = log_probs(logits), np.arange(len(labels))
    probs, ones = np.exp(logs), np.ones(len(labels))
    squares = (probs**2).sum(axis=1) - 2 * probs[rows, labels] + 1
    log_loss = MeanOfRatios(sheet.units, -logs[rows, labels], ones)
    sheet.take(f"{prefix}log_loss", log_loss, "log")
    brier = MeanOfRatios(sheet.units, np.maximum(squares, 0), ones)
    sheet.take(f"{prefix}brier", brier, "log", highest=2.0)
    bins = reliability_bins(labels, probs)
    sheet.put(f"{prefix}ece", expected_calibration_error(bins))
    sheet.put(f"{prefix}mean_confidence", float(probs.max(axis=1).mean()))


def recalibrate(labels: np.ndarray, logits: np.ndarray) -> tuple[float, float]:
    """Calibration slope and intercept: 1 and 0 where probabilities are right.

    For two classes by logistic recalibration (Cox 1958): the slope of the log odds of the second
    class in a logistic regression on those that were predicted, below 1 where probabilities are too
    extreme; and the intercept where the slope is held at 1 (calibration in the large, Van Calster
    et al. 2019), above 0 where the second class is more frequent than predicted.
    For more classes the slope is the one factor of all log probabilities under which the labels are
    the most likely (the inverse of a temperature), and there is no intercept.

    Args:
        labels: (N,) int.
        logits: (N, C).

    Returns:
        NaN for what there is not: also where one class is alone or classes do not overlap.
    """
    nothing = float("nan")
    if len(np.unique(labels)) < 2:
        return nothing, nothing
    if logits.shape[1] > 2:
        overlap = (logits.argmax(axis=1) != labels).any()
        return (1 / fit_temperature(labels, logits) if overlap else nothing), nothing
    odds = np.asarray(logits, np.float64) @ np.array([-1.0, 1.0])
    slope = _fit_logistic(odds, labels)
    # the likelihood rises until as many are expected as there are
    large = abs(odds).max() + 50
    low, high = -large, large
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if expit(odds + middle).sum() < labels.sum() else (low, middle)
    return slope, (low + high) / 2


def _fit_logistic(odds: np.ndarray, labels: np.ndarray) -> float:
    scale = odds.std()
    if not scale:
        return float("nan")
    values = (odds - odds.mean()) / scale
    if values[labels == 1].min() >= values[labels == 0].max():
        return float("nan")
    if values[labels == 1].max() <= values[labels == 0].min():
        return float("nan")

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        score = parameters[0] + parameters[1] * values
        error = expit(score) - labels
        total = np.logaddexp(0, score).sum() - score[labels == 1].sum()
        return total / len(labels), np.array([error.mean(), (error * values).mean()])

    found = minimize(loss, np.zeros(2), jac=True, method="BFGS", options={"gtol": 1e-9})
    return float(found.x[1] / scale)


def fit_temperature(labels: np.ndarray, logits: np.ndarray) -> float:
    """The temperature that logits are divided by for the least log loss (Guo et al. 2017).

    Above 1 where probabilities are too extreme. Where every answer is right any smaller one is
    better still, and there is nothing to fit: then it is 1.

    Args:
        labels: (N,) int.
        logits: (N, C).
    """
    logits = np.asarray(logits, np.float64)
    if (logits.argmax(axis=1) == labels).all():
        return 1.0
    # 0 for the true class, so that the log loss is the log of the sum of exponentials
    beside = logits - logits[np.arange(len(labels)), labels][:, None]
    top, buffer = beside.max(axis=1), np.empty_like(beside)
    beside -= top[:, None]

    def loss(log_temperature: float) -> float:
        factor = np.exp(-log_temperature)
        np.exp(np.multiply(beside, factor, out=buffer), out=buffer)
        return float((top * factor + np.log(buffer.sum(axis=1))).mean())

    bounds = (-np.log(HIGHEST), np.log(HIGHEST))
    found = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-7})
    return float(np.exp(found.x))
