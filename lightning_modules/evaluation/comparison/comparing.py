"""Compare variants: every later one with the first, on the same images, metric by metric."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from lightning_modules.evaluation.comparison.metrics import METRICS
from lightning_modules.evaluation.comparison.paired import Paired
from lightning_modules.evaluation.comparison.scores import make_scores
from lightning_modules.evaluation.comparison.variants import Variant
from lightning_modules.evaluation.statistics.bootstrap import resample
from lightning_modules.evaluation.statistics.difference import (
    Difference,
    bootstrap_variance,
    judge_alike,
    judge_difference,
)
from lightning_modules.evaluation.statistics.holm import holm
from lightning_modules.evaluation.statistics.mcnemar import McNemar, mcnemar, mcnemar_by_group
from lightning_modules.evaluation.statistics.ratio_score import Score
from lightning_modules.evaluation.statistics.units import Units, find_units

SAME = 1e-3  # logits that differ by less are those of one model on two machines


@dataclass
class Against:
    """One variant beside the first.

    Args:
        name: Of the variant.
        differences: By metric, the variant less the first.
        mcnemar: Of its only run with the only run of the first; None: there are several.
        p_by_group: The same test where the images of a group go together; None as above.
        same_model: Whether its answers are those of the first but for rounding.
        adjusted: p-values after Holm's correction over all comparisons, by the name of the test:
            a metric's own, ``mcnemar``, ``by_group``.
    """

    name: str
    differences: dict[str, Difference]
    mcnemar: McNemar | None
    p_by_group: float | None
    same_model: bool
    adjusted: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Comparison:
    """What came of it.

    Args:
        variants: As they were given; the first is what the others are compared with.
        paired: The images.
        values: By metric, a list a variant of the scores of its runs.
        against: The later variants, each beside the first.
    """

    variants: Sequence[Variant]
    paired: Paired
    values: dict[str, list[list[float]]]
    against: Sequence[Against]

    @property
    def metrics(self) -> list[str]:
        """Those that are defined, in the order of ``METRICS``."""
        return [metric.name for metric in METRICS if metric.name in self.values]


def compare(variants: Sequence[Variant], paired: Paired, seed: int = 0) -> Comparison:
    """Measure every variant, and every later one against the first.

    Args:
        variants: At least two.
        paired: Their answers.
        seed: Of the resampling.
    """
    groups = paired.units if paired.grouped else None
    units = find_units(groups, len(paired.labels), seed)
    slice_by = _shared_slices(variants, paired)
    drawn = _Draws(seed)
    measured = [
        [drawn.measure(make_scores(paired, logits, slice_by, units)) for logits in runs]
        for runs in paired.logits
    ]
    against = [
        _compare_two(variants[place].name, paired, measured, place)
        for place in range(1, len(variants))
    ]
    _correct(against)
    values = {
        metric: [[float(run[metric].values[0]) for run in runs] for runs in measured]
        for metric in measured[0][0]
    }
    return Comparison(variants, paired, values, against)


@dataclass(frozen=True)
class Measured:
    """A score of one run: of the images themselves first, then of each resample, (1 + B,)."""

    values: np.ndarray
    num_units: int


class _Draws:
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
            found[metric] = Measured(score.measure(self.weights[number])[0], number)
        return found


def _shared_slices(variants: Sequence[Variant], paired: Paired) -> list[str]:
    """Columns that all variants are sliced by, and all tables have."""
    shared = [name for name in variants[0].slice_by if name in paired.columns]
    return [name for name in shared if all(name in one.slice_by for one in variants)]


def _compare_two(
    name: str, paired: Paired, measured: Sequence[Sequence[dict[str, Measured]]], place: int
) -> Against:
    first, other = paired.logits[0], paired.logits[place]
    single = len(first) == len(other) == 1
    same = single and float(np.abs(first[0] - other[0]).max()) < SAME
    differences = {}
    for metric in measured[0][0]:
        one, two = (np.stack([run[metric].values for run in measured[i]]) for i in (0, place))
        resampled = two.mean(axis=0) - one.mean(axis=0)
        variance = bootstrap_variance(resampled[1:], measured[0][0][metric].num_units)
        bounded = metric != "log_loss"
        if same or variance is None:
            differences[metric] = judge_alike(float(resampled[0]), paired.num_units, same, bounded)
        else:
            differences[metric] = judge_difference(
                variance, one[:, 0].tolist(), two[:, 0].tolist(), paired.unit_name, bounded
            )
    if not single:
        return Against(name, differences, None, None, same)
    right = [logits[0].argmax(axis=1) == paired.labels for logits in (first, other)]
    by_group = mcnemar_by_group(*right, paired.units)
    return Against(name, differences, mcnemar(*right), by_group, same)


def _correct(against: Sequence[Against]) -> None:
    """Holm's correction over the comparisons, test by test."""
    tests = {
        metric: [one.differences[metric].p_value for one in against]
        for metric in against[0].differences
    }
    tests["mcnemar"] = [one.mcnemar.p_value if one.mcnemar else None for one in against]
    tests["by_group"] = [one.p_by_group for one in against]
    for test, found in tests.items():
        known = [place for place, p_value in enumerate(found) if p_value is not None]
        corrected = holm([found[place] for place in known])
        for place, p_value in zip(known, corrected, strict=True):
            against[place].adjusted[test] = p_value
