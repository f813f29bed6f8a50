"""Whether the results of an evaluation keep what was required of them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lightning_modules.evaluation.requirements.file import EVERY, Requirement

END = {"low_min": "_low", "high_max": "_high"}
MOST_NAMED = 5


@dataclass(frozen=True)
class Verdict:
    """What became of one requirement.

    Args:
        requirement: Which.
        met: Whether it is kept.
        measured: In words: a number, of groups the worst, or why there is none.
    """

    requirement: Requirement
    met: bool
    measured: str

    @property
    def sentence(self) -> str:
        """What was required and what was measured."""
        return f"{self.requirement.name}: {self.requirement.text} required, {self.measured}"


def judge_requirements(
    requirements: Sequence[Requirement], metrics: Mapping[str, Any]
) -> list[Verdict]:
    """Judge each requirement; what was not measured or is no number is not met.

    Args:
        requirements: Of the file.
        metrics: Of the evaluation, as in metrics.json.
    """
    named = {one.group for one in requirements if one.group is not None}
    return [
        _judge_metric(one, metrics) if one.group is None else _judge_groups(one, metrics, named)
        for one in requirements
    ]


def tabulate(verdicts: Sequence[Verdict]) -> list[str]:
    """Lines of a table: requirement, bound, what was measured, whether it is met."""
    cells = [("requirement", "bound", "met", "measured")]
    cells += [
        (one.requirement.name, one.requirement.text, "yes" if one.met else "NO", one.measured)
        for one in verdicts
    ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    ]


def _keeps(requirement: Requirement, value: float) -> bool:
    """NaN keeps nothing."""
    if requirement.bound.endswith("min"):
        return value >= requirement.limit
    return value <= requirement.limit


def _judge_metric(requirement: Requirement, metrics: Mapping[str, Any]) -> Verdict:
    end = END.get(requirement.bound, "")
    names = [f"{requirement.metric}{end}", f"test_{requirement.metric}{end}"]
    found = [name for name in names if name in metrics]
    if len(found) == 2:
        return Verdict(
            requirement,
            False,
            f"two metrics have this name, {' and '.join(found)}: call it {found[1]}"
            + (f" without {end}" if end else ""),
        )
    if not found:
        stem = any(name.removesuffix(end) in metrics for name in names)
        what = "it has no 95 % interval" if end and stem else "it was not measured"
        return Verdict(requirement, False, what)
    value = metrics[found[0]]
    if isinstance(value, bool) or not isinstance(value, int | float):
        what = "not a number" if value is None else f"no number but {value!r}"
        return Verdict(requirement, False, what)
    if math.isnan(value):
        return Verdict(requirement, False, "not a number")
    return Verdict(requirement, _keeps(requirement, value), _show(value, requirement))


def _judge_groups(requirement: Requirement, metrics: Mapping[str, Any], named: set[str]) -> Verdict:
    groups: Mapping[str, Any] = metrics.get("test_groups") or {}
    if not groups:
        return Verdict(requirement, False, "no groups were measured (data.slice_by names them)")
    if requirement.group == EVERY:
        chosen = {name: group for name, group in groups.items() if name not in named}
        if not chosen:
            return Verdict(requirement, False, "every group is named: leave * out")
    elif requirement.group in groups:
        chosen = {requirement.group: groups[requirement.group]}
    else:
        return Verdict(requirement, False, f"no such group. Measured: {_list(list(groups))}")
    values = {name: _value_of(group, requirement) for name, group in chosen.items()}
    missed = [name for name, value in values.items() if not _keeps(requirement, value)]
    sign = 1 if requirement.bound.endswith("min") else -1
    order = sorted(missed or values, key=lambda name: sign * values[name])
    text = _list([f"{_show(values[name], requirement)} in {name}" for name in order], bool(missed))
    if missed and len(values) > 1:
        text = f"{len(missed)} of {len(values)} groups miss it: {text}"
    return Verdict(requirement, not missed, text)


def _value_of(group: Mapping[str, Any], requirement: Requirement) -> float:
    """Accuracy of a group, or an end of its interval; NaN where too little is in it for one."""
    if requirement.bound not in END:
        return group["accuracy"]
    return group.get(END[requirement.bound].removeprefix("_"), math.nan)


def _list(names: list[str], several: bool = True) -> str:
    if not several:
        return names[0]
    more = len(names) - MOST_NAMED
    return "; ".join(names[:MOST_NAMED]) + (f"; and {more} more" if more > 0 else "")


def _show(value: float, requirement: Requirement) -> str:
    """Enough digits to tell the value from the limit."""
    if math.isnan(value):
        return "no 95 % interval"
    texts = [f"{value:.{digits}g}" for digits in (4, 6, 9, 17)]
    return next((text for text in texts if float(text) != requirement.limit), texts[0])
