"""Whether probabilities mean what they say."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

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


def fit_temperature(labels: np.ndarray, logits: np.ndarray) -> float | None:
    """The temperature that logits are divided by for the least log loss (Guo et al. 2017).

    Above 1 where probabilities are too extreme.

    Args:
        labels: (N,) int.
        logits: (N, C).

    Returns:
        None where there is none: where every answer is right any smaller one is better still, and
        where the right class has on average no higher a logit than the others any larger one is,
        until all classes are equally likely.
    """
    logits = np.asarray(logits, np.float64)
    beside = logits - logits[np.arange(len(labels)), labels][:, None]
    # the slope of the log loss, which is convex in 1 / temperature, where that is 0
    if (logits.argmax(axis=1) == labels).all() or beside.mean() >= 0:
        return None
    # 0 for the true class, so that the log loss is the log of the sum of exponentials
    top, buffer = beside.max(axis=1), np.empty_like(beside)
    beside -= top[:, None]

    def loss(log_temperature: float) -> float:
        factor = np.exp(-log_temperature)
        np.exp(np.multiply(beside, factor, out=buffer), out=buffer)
        return float((top * factor + np.log(buffer.sum(axis=1))).mean())

    bounds = (-np.log(HIGHEST), np.log(HIGHEST))
    found = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-7})
    return float(np.exp(found.x))
