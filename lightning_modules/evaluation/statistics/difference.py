"""How sure a difference of two models is, over new groups and over new seeds of the training."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.stats import t as student

from lightning_modules.evaluation.statistics.bootstrap import LEVEL, Interval

SAFEST = 1e-12  # the smallest p-value that is looked for


@dataclass(frozen=True)
class Difference:
    """A difference of two models, second less first.

    Args:
        value: As measured.
        low: Lower end of its 95 % interval; None: there is too little to say.
        high: Its upper end.
        p_value: Chance of one at least as large if there were none, in [0, 1]; below 0.05 just
            where the interval leaves 0 out.
        method: By which the interval was computed.
        num_units: Groups, or images, that it comes from.
    """

    value: float
    low: float | None
    high: float | None
    p_value: float | None
    method: str
    num_units: int


@dataclass(frozen=True)
class Uncertain:
    """One source of uncertainty: its standard error and how well that is known."""

    error: float
    freedom: float

    def half(self, alpha: float) -> float:
        """Half the width of the two-sided 1 - alpha interval."""
        return float(student.ppf(1 - alpha / 2, self.freedom)) * self.error


def judge_difference(
    value: float,
    over_units: Interval,
    first: Sequence[float],
    second: Sequence[float],
) -> Difference:
    """Put the uncertainty over groups and that over seeds together.

    ``over_units`` is what new groups would change for the models as they were trained. Where a
    variant was trained several times, what another training would change is known too: the spread
    of its runs on the same images, by Student's t with the degrees of freedom of Welch (1947). The
    two are independent and their half widths are added in squares (Zou & Donner 2008,
    "Construction of confidence limits about effect measures", MOVER). It is the design of
    studies of many readers on many cases, with seeds for readers (Obuchowski & Rockette 1995).
    Runs are never counted as more images.

    Args:
        value: Mean of the second less mean of the first.
        over_units: 95 % interval of it over the units, symmetric.
        first: The score of each run of the first variant; of one run nothing is known of its
            spread, and the interval is about that run.
        second: The same of the second.
    """
    alpha = 1 - LEVEL
    freedom = max(over_units.num_units - 1, 1)
    half = (over_units.high - over_units.low) / 2
    sources = [Uncertain(half / float(student.ppf(1 - alpha / 2, freedom)), freedom)]
    seeds = _over_seeds(first, second)
    method = over_units.method
    if seeds is not None:
        sources.append(seeds)
        method += " and Welch's t over seeds"
    whole = _half(sources, alpha)
    p_value = _p_value(sources, abs(value))
    return Difference(value, value - whole, value + whole, p_value, method, over_units.num_units)


def _over_seeds(first: Sequence[float], second: Sequence[float]) -> Uncertain | None:
    """Standard error of the difference of the means over runs; None: one run of each."""
    parts = [(np.var(one, ddof=1) / len(one), len(one) - 1) for one in (first, second) if one[1:]]
    total = float(sum(variance for variance, _ in parts))
    if not total:
        return None
    freedom = total**2 / sum(variance**2 / free for variance, free in parts)
    return Uncertain(float(np.sqrt(total)), float(freedom))


def _half(sources: Sequence[Uncertain], alpha: float) -> float:
    return float(np.sqrt(sum(source.half(alpha) ** 2 for source in sources)))


def _p_value(sources: Sequence[Uncertain], distance: float) -> float:
    """The alpha whose interval just reaches 0."""
    if distance <= 0:
        return 1.0
    if _half(sources, SAFEST) < distance:
        return SAFEST
    # in logarithms: the p-values that matter lie near 0
    found = brentq(lambda log: _half(sources, np.exp(log)) - distance, np.log(SAFEST), -1e-12)
    return float(np.exp(found))


def judge_alike(value: float, num_units: int, same_model: bool, bounded: bool) -> Difference:
    """A difference that is the same in every unit, so that resampling finds no spread.

    That n units agree leaves up to 1 - 0.025^(1/n) of all others to disagree (Clopper & Pearson
    1934, none of n seen), each by no more than the score has room.

    Args:
        value: The difference.
        num_units: Groups, or images.
        same_model: Whether the answers are those of one model: then nothing else can come of it.
        bounded: Whether the score lies in [0, 1]; else nothing is known of its room.
    """
    tail = (1 - LEVEL) / 2
    if same_model:
        return Difference(value, value, value, 1.0, "the same model", num_units)
    if num_units < 2 or not bounded:
        return Difference(value, None, None, None, "no interval: nothing varies", num_units)
    half = (1 - tail ** (1 / num_units)) * (1 + abs(value))
    p_value = 1.0 if not value else min(1.0, 2 * 0.5**num_units)
    low, high = max(-1.0, value - half), min(1.0, value + half)
    return Difference(value, low, high, p_value, "Clopper-Pearson: nothing varies", num_units)
