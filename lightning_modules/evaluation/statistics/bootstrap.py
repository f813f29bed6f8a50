"""Intervals by a bootstrap over groups that keeps its coverage with few of them."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.stats import t as student

from lightning_modules.evaluation.statistics.level import LEVEL, NUM_RESAMPLES
from lightning_modules.evaluation.statistics.ratio_score import Score
from lightning_modules.evaluation.statistics.scales import SCALES, Scale
from lightning_modules.evaluation.statistics.units import Units
from lightning_modules.evaluation.statistics.wilson import wilson_interval


@dataclass(frozen=True)
class Interval:
    """An interval, of 95 % where nothing else is said.

    Args:
        low: Its lower end.
        high: Its upper end.
        method: By which it was computed, and over what.
        num_units: Independent groups, or images, that it comes from.
    """

    low: float
    high: float
    method: str
    num_units: int


@lru_cache(maxsize=4)
def resample(num_blocks: int, num: int = NUM_RESAMPLES, seed: int = 0) -> np.ndarray:
    """How often each unit is drawn, ``num`` times over: (num, num_blocks) float counts.

    The same seed gives the same draws: a difference of two models is taken on the same resamples.
    Nobody may write into them: they are kept for the next score.
    """
    shares = np.full(num_blocks, 1 / num_blocks)
    drawn = np.random.default_rng(seed).multinomial(num_blocks, shares, num).astype(float)
    drawn.flags.writeable = False
    return drawn


def bootstrap_interval(
    score: Score,
    units: Units,
    weights: np.ndarray,
    scale: str = "logit",
    level: float = LEVEL,
) -> Interval | None:
    """Interval of a score by the symmetric bootstrap-t over units.

    Each resample gives the distance of its value from that of the sample in standard errors of its
    own (infinitesimal jackknife); the distance that ``level`` of them keep, never less than
    Student's t with as many degrees of freedom as there are units but one, is the number of
    standard errors (delete-one jackknife) to either side. All of it on a scale without bounds.
    Simulated with 30 groups of unequal size it covers 94 to 97 %, the plain percentile bootstrap
    84 to 94 %; see ``coverage.py``. (Hall 1988, "On symmetric bootstrap confidence intervals";
    Cameron, Gelbach & Miller 2008, "Bootstrap-based improvements for inference with clustered
    errors".)

    Where all units agree (everything right, or the same share of each right) there is no spread to
    resample: then the interval is Wilson's with the units that have a say in the score as the
    number of trials.

    Args:
        score: What is measured.
        units: What is resampled.
        weights: (B, U), see ``resample``.
        scale: ``logit`` for scores in [0, 1], ``log`` for losses.
        level: Of the interval, in (0, 1).

    Returns:
        None where there is none: fewer than two units, or a loss that is the same in all of them.
    """
    values, _ = score.measure(np.ones((1, units.num_blocks)))
    value = float(values[0])
    num_units = score.num_units
    if not np.isfinite(value) or num_units < 2:
        return None
    if scale == "logit" and not 0 < value < 1:
        return _all_alike(value, score, units.kind, level)
    transformed = SCALES[scale]
    error = _jackknife_error(score, units.num_blocks, value)
    if not error:
        return _all_alike(value, score, units.kind, level) if scale == "logit" else None
    least = float(student.ppf(0.5 + level / 2, min(num_units, units.num_blocks) - 1))
    distance = max(least, _typical_distance(score, weights, value, transformed, level))
    middle, half = transformed.there(value), distance * error * transformed.slope(np.array(value))
    low, high = transformed.back(middle - half), transformed.back(middle + half)
    return Interval(float(low), float(high), f"bootstrap-t over {units.kind}", num_units)


def _all_alike(value: float, score: Score, kind: str, level: float) -> Interval:
    """Mean of Wilson's intervals, each part of the score with the units that have a say in it."""
    ends = [wilson_interval(round(value * n), n, level) for n in score.num_active if n]
    low, high = np.mean(ends, axis=0)
    return Interval(float(low), float(high), f"Wilson over {kind}", score.num_units)


def _jackknife_error(score: Score, num_blocks: int, value: float) -> float:
    """Standard error from leaving out each unit in turn."""
    left_out, _ = score.measure(1 - np.eye(num_blocks))
    left_out = left_out[np.isfinite(left_out)]
    spread = float(((left_out - value) ** 2).sum())
    # rounding is no spread
    return 0.0 if spread < 1e-24 else float(np.sqrt(spread * (num_blocks - 1) / num_blocks))


def _typical_distance(
    score: Score, weights: np.ndarray, value: float, scale: Scale, level: float
) -> float:
    """The distance from the sample, in standard errors, that ``level`` of the resamples keep."""
    values, influences = score.measure(weights)
    num_blocks = weights.shape[1]
    # in place: these are the largest arrays of an evaluation
    np.square(influences, out=influences)
    influences *= weights
    variances = influences.sum(axis=1) * num_blocks / (num_blocks - 1)
    with np.errstate(all="ignore"):
        errors = np.sqrt(variances) * scale.slope(values)
        distances = np.abs(scale.there(values) - scale.there(value)) / errors
    # a resample of units that all agree has no standard error
    usable = np.isfinite(distances) & (variances > 1e-24)
    return float(np.quantile(distances[usable], level)) if usable.any() else 0.0
