"""Scores and their intervals, by name."""

from dataclasses import asdict, replace
from functools import cached_property
from typing import Any

import numpy as np

from lightning_modules.evaluation.statistics.bootstrap import (
    Interval,
    bootstrap_interval,
    resample,
)
from lightning_modules.evaluation.statistics.level import LEVEL, NUM_RESAMPLES
from lightning_modules.evaluation.statistics.ratio_score import MeanOfRatios, Score
from lightning_modules.evaluation.statistics.units import Units
from lightning_modules.evaluation.statistics.wilson import wilson_interval


class Sheet:
    """Takes scores in, and gives them back as metrics.

    Args:
        units: What is independent.
        resamples: Of the bootstrap.
        seed: Of the bootstrap.
        level: Of the intervals.
    """

    def __init__(
        self,
        units: Units,
        resamples: int = NUM_RESAMPLES,
        seed: int = 0,
        level: float = LEVEL,
    ) -> None:
        self.units, self.level = units, level
        self.resamples, self.seed = resamples, seed
        self.values: dict[str, float] = {}
        self.intervals: dict[str, Interval] = {}

    @cached_property
    def weights(self) -> np.ndarray:
        """(B, U), see ``resample``; the same for all scores."""
        return resample(self.units.num_blocks, self.resamples, self.seed)

    def take(
        self,
        name: str,
        score: Score,
        scale: str = "logit",
        undefined: float = float("nan"),
        highest: float = float("inf"),
    ) -> None:
        """Measure a score and its interval; see ``bootstrap_interval``.

        Args:
            name: Of the score.
            score: To be measured.
            scale: Of the interval.
            undefined: The value where nothing is divided by nothing.
            highest: That the score can be, where the scale has no upper bound.
        """
        value = float(score.measure(np.ones((1, self.units.num_blocks)))[0][0])
        interval = bootstrap_interval(score, self.units, self.weights, scale, self.level)
        if interval is not None:
            interval = replace(interval, high=min(interval.high, highest))
        self.put(name, value if np.isfinite(value) else undefined, interval)

    def take_share(self, name: str, share: MeanOfRatios, undefined: float = float("nan")) -> None:
        """Measure a share of images; Wilson's interval is right where each is a unit."""
        if not self.units.single:
            self.take(name, share, undefined=undefined)
            return
        hits, total = round(share.numerators.sum()), round(share.denominators.sum())
        if not total:
            self.put(name, undefined, None)
            return
        ends = wilson_interval(hits, total, self.level)
        self.put(name, hits / total, Interval(*ends, f"Wilson over {self.units.kind}", total))

    def put(self, name: str, value: float, interval: Interval | None = None) -> None:
        """Take in what was measured elsewhere."""
        self.values[name] = value
        if interval is not None:
            self.intervals[name] = interval

    def metrics(self) -> dict[str, Any]:
        """``<name>`` with ``<name>_low`` and ``<name>_high``, and ``intervals`` with their method.

        Returns:
            By name; what has no interval has no ends.
        """
        found: dict[str, Any] = {}
        for name, value in self.values.items():
            found[name] = value
            if name in self.intervals:
                interval = self.intervals[name]
                found |= {f"{name}_low": interval.low, f"{name}_high": interval.high}
        found["intervals"] = {name: asdict(one) for name, one in self.intervals.items()}
        return found
