"""How sure a difference of two models is, over new groups and over new seeds of the training."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from lightning_modules.evaluation.statistics.level import LEVEL
from lightning_modules.evaluation.statistics.spread import TAIL, Spread, Variance


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


def judge_difference(
    over_units: Spread,
    first: Sequence[float],
    second: Sequence[float],
    kind: str,
    bounded: bool = False,
) -> Difference:
    """Put the uncertainty over units and that over seeds together.

    Where a variant was trained several times, what another training would change is known too:
    the spread of its runs on the same images. The variances add up, and so do, by the rule of
    Satterthwaite (1946), the degrees of freedom; without groups it would be Welch's test of the
    seeds. It is the design of studies of many readers on many cases, with seeds for readers
    (Obuchowski & Rockette 1995; Hillis 2007). Runs never count as more images.

    Args:
        over_units: See ``bootstrap_spread``.
        first: The score of each run of the first variant; of a single run nothing is known of the
            spread, and the interval is about that run.
        second: The same of the second.
        kind: What the units are called.
        bounded: Whether the score lies in [0, 1], so that no difference is beyond 1.
    """
    value = float(np.mean(second) - np.mean(first))
    seeds = [
        Variance(float(np.var(runs, ddof=1)) / len(runs), len(runs) - 1)
        for runs in (first, second)
        if len(runs) > 1
    ]
    below, above = (_add_up([side, *seeds]) for side in (over_units.below, over_units.above))
    low, high = value - _half(below), value + _half(above)
    # the side on which there is no difference
    towards_0 = below if value > 0 else above
    p_value = 2 * float(student.sf(abs(value) / towards_0.size**0.5, towards_0.freedom))
    method = f"{over_units.method} over {kind}{' and spread of the seeds' if seeds else ''}"
    most = 1.0 if bounded else math.inf
    low, high = max(-most, low), min(most, high)
    return Difference(value, low, high, p_value, method, over_units.num_units)


def _add_up(sources: Sequence[Variance]) -> Variance:
    total = sum(source.size for source in sources)
    return Variance(total, total**2 / sum(one.size**2 / one.freedom for one in sources))


def _half(variance: Variance) -> float:
    return float(student.ppf(TAIL, variance.freedom)) * variance.size**0.5


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
    # the tails at which the interval would just reach 0
    p_value = min(1.0, 2 * (1 + abs(value)) ** -num_units)
    low, high = max(-1.0, value - half), min(1.0, value + half)
    return Difference(value, low, high, p_value, "Clopper-Pearson: nothing varies", num_units)
