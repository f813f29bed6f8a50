"""The scores of all runs on the same resamples, and what a difference of two comes to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lightning_modules.evaluation.statistics.bootstrap import resample
from lightning_modules.evaluation.statistics.difference import (
    Difference,
    judge_alike,
    judge_difference,
)
from lightning_modules.evaluation.statistics.ratio_score import Score
from lightning_modules.evaluation.statistics.spread import bootstrap_spread
from lightning_modules.evaluation.statistics.units import Units


@dataclass(frozen=True)
class Measured:
    """A score of one run.

    Args:
        values: Of the images themselves first, then of each resample, (1 + B,).
        influences: (U,) of each resampled unit on the first.
        num_units: Groups, or images, it comes from.
    """

    values: np.ndarray
    influences: np.ndarray
    num_units: int


class Draws:
    """The same resamples for all runs."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.weights: dict[int, np.ndarray] = {}

    def measure(self, scores: Mapping[str, tuple[Score, Units]]) -> dict[str, Measured]:
        """Measure every score on the units as they are, and on each resample."""
        found = {}
        for metric, (score, units) in scores.items():
            number = units.num_blocks
            if number not in self.weights:
                drawn = resample(number, seed=self.seed)
                self.weights[number] = np.concatenate([np.ones((1, number)), drawn])
            values, influences = score.measure(self.weights[number])
            found[metric] = Measured(values, influences[0].copy(), units.num_units)
        return found


def judge(
    first: Sequence[Measured], other: Sequence[Measured], kind: str, same: bool, bounded: bool
) -> Difference:
    """How the runs of a variant differ from those of the first by one metric."""
    one, two = (np.stack([run.values for run in runs]) for runs in (first, other))
    influence, its = (np.mean([run.influences for run in runs], axis=0) for runs in (first, other))
    resampled, num_units = two.mean(axis=0) - one.mean(axis=0), first[0].num_units
    value = float(resampled[0])
    spread = bootstrap_spread(value, resampled[1:], its - influence, num_units)
    if same or spread is None:
        return judge_alike(value, num_units, same, bounded)
    return judge_difference(spread, one[:, 0].tolist(), two[:, 0].tolist(), kind, bounded)
