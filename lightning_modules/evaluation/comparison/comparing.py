"""Compare variants: every later one with the first, on the same images, metric by metric."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from lightning_modules.evaluation.comparison.metrics import METRICS
from lightning_modules.evaluation.comparison.paired import Paired
from lightning_modules.evaluation.comparison.scores import MeanOfScores, make_scores
from lightning_modules.evaluation.comparison.variants import Variant
from lightning_modules.evaluation.statistics.bootstrap import bootstrap_interval, resample
from lightning_modules.evaluation.statistics.difference import (
    Difference,
    judge_alike,
    judge_difference,
)
from lightning_modules.evaluation.statistics.holm import holm
from lightning_modules.evaluation.statistics.mcnemar import McNemar, mcnemar, mcnemar_by_group
from lightning_modules.evaluation.statistics.ratio_score import Difference as DifferenceOfScores
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
    scores = [
        [make_scores(paired, logits, slice_by, units) for logits in runs] for runs in paired.logits
    ]
    values = {
        metric: [[_value(run[metric]) for run in variant] for variant in scores]
        for metric in scores[0][0]
    }
    drawn: dict[int, np.ndarray] = {}
    against = [
        _compare_two(paired, scores, values, place, drawn, seed)
        for place in range(1, len(variants))
    ]
    for place, one in enumerate(against, 1):
        one.name = variants[place].name
    _correct(against)
    return Comparison(variants, paired, values, against)


def _shared_slices(variants: Sequence[Variant], paired: Paired) -> list[str]:
    """Columns that all variants are sliced by, and all tables have."""
    shared = [name for name in variants[0].slice_by if name in paired.columns]
    return [name for name in shared if all(name in one.slice_by for one in variants)]


def _value(score: tuple[Score, Units]) -> float:
    return float(score[0].measure(np.ones((1, score[1].num_blocks)))[0][0])


def _compare_two(
    paired: Paired,
    scores: Sequence[Sequence[dict[str, tuple[Score, Units]]]],
    values: dict[str, list[list[float]]],
    place: int,
    drawn: dict[int, np.ndarray],
    seed: int,
) -> Against:
    single = len(paired.logits[0]) == len(paired.logits[place]) == 1
    first, other = paired.logits[0], paired.logits[place]
    same = single and float(np.abs(first[0] - other[0]).max()) < SAME
    differences = {}
    for metric, found in values.items():
        units = scores[0][0][metric][1]
        if units.num_blocks not in drawn:
            drawn[units.num_blocks] = resample(units.num_blocks, seed=seed)
        both = [MeanOfScores([run[metric][0] for run in scores[one]]) for one in (0, place)]
        value = float(np.mean(found[place]) - np.mean(found[0]))
        interval = bootstrap_interval(
            DifferenceOfScores(*both), units, drawn[units.num_blocks], "plain"
        )
        if interval is None:
            bounded = metric != "log_loss"
            differences[metric] = judge_alike(value, paired.num_units, same, bounded)
        else:
            differences[metric] = judge_difference(value, interval, found[0], found[place])
    if not single:
        return Against("", differences, None, None, same)
    right = [logits[0].argmax(axis=1) == paired.labels for logits in (first, other)]
    return Against("", differences, mcnemar(*right), mcnemar_by_group(*right, paired.units), same)


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
