"""To answer only where it is sure: how many answers that costs, and how many errors it saves."""

from dataclasses import dataclass

import numpy as np

from lightning_modules.evaluation.scores.sheet import Sheet
from lightning_modules.evaluation.statistics.ratio_score import MeanOfRatios


@dataclass(frozen=True)
class AbstainRule:
    """Below which confidence no answer is given.

    Args:
        target_risk: Share of wrong answers that was allowed, in [0, 1].
        threshold: An answer is given from this confidence on (largest probability, before any
            temperature), in [0, 1]; above 1 where no threshold keeps to the target.
        risk: Share of wrong answers among those given, on the images that it was chosen on; 0 where
            none is.
        coverage: Share of images with an answer, on the images that it was chosen on.
    """

    target_risk: float
    threshold: float
    risk: float
    coverage: float


def risk_coverage(
    correct: np.ndarray, confidence: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Share of images answered, share of wrong answers among them, and the least confidence.

    Answers are given from the most confident on, those of the same confidence together (El-Yaniv &
    Wiener 2010, "On the foundations of noise-free selective classification").

    Args:
        correct: (N,) bool.
        confidence: (N,).

    Returns:
        Coverage, risk and confidence, each (M,), M the number of distinct confidences.
    """
    order = np.argsort(-confidence, kind="stable")
    given = np.arange(1, len(order) + 1)
    wrong = np.cumsum(~correct[order])
    last = np.append(np.diff(confidence[order]) != 0, True)
    return given[last] / len(order), wrong[last] / given[last], confidence[order][last]


def area_under_risk(coverage: np.ndarray, risk: np.ndarray) -> float:
    """AURC: mean risk over all coverages (Geifman & El-Yaniv 2019); 0 is perfect, in [0, 1]."""
    return float(np.sum(np.diff(coverage, prepend=0.0) * risk))


def choose_abstention(
    correct: np.ndarray, confidence: np.ndarray, target_risk: float
) -> AbstainRule:
    """The threshold that gives the most answers with at most ``target_risk`` of them wrong.

    It lies halfway to the next lower confidence; 0 where every answer may be given.
    """
    coverage, risk, confidences = risk_coverage(correct, confidence)
    kept = np.flatnonzero(risk <= target_risk)
    if not len(kept):
        return AbstainRule(target_risk, 1.1, 0.0, 0.0)
    last = kept[-1]
    threshold = 0.0
    if last + 1 < len(confidences):
        threshold = float(confidences[last] + confidences[last + 1]) / 2
        # neighbouring floats have nothing between them
        threshold = max(threshold, float(np.nextafter(confidences[last + 1], 2.0)))
    return AbstainRule(target_risk, threshold, float(risk[last]), float(coverage[last]))


def measure_abstention(
    sheet: Sheet, correct: np.ndarray, confidence: np.ndarray, threshold: float
) -> None:
    """``coverage`` and ``selective_risk`` (share of wrong answers among those given)."""
    given = confidence >= threshold
    sheet.put("abstain_threshold", threshold)
    sheet.take_share("coverage", MeanOfRatios(sheet.units, given, np.ones(len(given))))
    sheet.take_share("selective_risk", MeanOfRatios(sheet.units, given & ~correct, given))
