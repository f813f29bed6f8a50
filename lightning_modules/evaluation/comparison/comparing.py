"""Compare variants: every later one with the first, on the same images, metric by metric."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from lightning_modules.evaluation.comparison.metrics import METRICS
from lightning_modules.evaluation.comparison.paired import Paired
from lightning_modules.evaluation.comparison.resampled import Draws, Measured, judge
from lightning_modules.evaluation.comparison.scores import make_scores
from lightning_modules.evaluation.comparison.variants import Variant
from lightning_modules.evaluation.statistics.difference import Difference
from lightning_modules.evaluation.statistics.holm import holm
from lightning_modules.evaluation.statistics.mcnemar import McNemar, mcnemar, mcnemar_by_group
from lightning_modules.evaluation.statistics.units import find_units

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
    drawn = Draws(seed)
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
        one, two = ([run[metric] for run in measured[i]] for i in (0, place))
        differences[metric] = judge(one, two, paired.unit_name, same, metric != "log_loss")
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
