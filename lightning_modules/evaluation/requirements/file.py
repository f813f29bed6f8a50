"""The file of requirements: a metric a line, and the bounds that it has to keep.

accuracy: {min: 0.9}          # a name of metrics.json; test_ may be left out
macro_f1: {low_min: 0.85}     # the lower end of its 95 % interval
flip_rate: {max: 0.02}
groups:                       # the accuracy of groups (data.slice_by)
  "*": {min: 0.8}             # every group that is not named below
  "drowsy, background night": {min: 0.7}
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from lightning_modules.evaluation.requirements.names import bare, find_unknown, is_share
from lightning_modules.run_reading import read_text

BOUNDS = ("min", "max", "low_min", "high_max")
EXPECTED = "{min: 0.9}, {max: 0.1}, {low_min: 0.85} or {high_max: 0.15}"
GROUPS, EVERY = ("groups", "test_groups"), "*"


@dataclass(frozen=True)
class Requirement:
    """One bound.

    Args:
        metric: Its name as written; ``groups`` for the accuracy of groups.
        bound: ``min``, ``max``, ``low_min`` (lower end of the 95 % interval, at least) or
            ``high_max`` (upper end, at most).
        limit: Finite.
        line: Of the file, from 1.
        group: Of ``groups``, which one; ``*``: every one that no other requirement names.
    """

    metric: str
    bound: str
    limit: float
    line: int
    group: str | None = None

    @property
    def name(self) -> str:
        """The metric, or ``groups: <name>``."""
        return self.metric if self.group is None else f"groups: {self.group}"

    @property
    def text(self) -> str:
        """``at least 0.9``, with the end of the interval that it is about."""
        end = {"low_min": "lower end ", "high_max": "upper end "}.get(self.bound, "")
        return f"{end}{'at least' if self.bound.endswith('min') else 'at most'} {self.limit:g}"


def read_requirements(path: Path, measured: Iterable[str] = ()) -> list[Requirement]:
    """Read and check a file of requirements.

    Args:
        path: A YAML file.
        measured: Names that the model's own test has measured, if that is known.

    Raises:
        ValueError: It cannot be read, is empty or has mistakes, which are all listed by line.
    """
    if not path.is_file():
        raise ValueError(f"require={path}: there is no such file. Expected YAML such as\n{__doc__}")
    text = read_text(path)
    try:
        node = yaml.compose(text, yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise ValueError(f"require={path} is no YAML: {error}") from error
    if not isinstance(node, yaml.MappingNode) or not node.value:
        what = "is empty" if node is None or not node.value else "names no metrics"
        raise ValueError(f"require={path} {what}. Expected a line such as accuracy: {{min: 0.9}}.")
    problems: list[str] = []
    found = list(_read_all(node, list(measured), problems))
    if problems:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise ValueError("\n".join([f"{count} in require={path}:", *(f"  {p}" for p in problems)]))
    return found


def _read_all(
    node: yaml.MappingNode, measured: list[str], problems: list[str]
) -> Iterator[Requirement]:
    for line, name, value in _entries(node, problems, "test_"):
        if name not in GROUPS:
            unknown = find_unknown(name, measured)
            problems += [] if unknown is None else [f"line {line}: {unknown}"]
            yield from _read_bounds(name, None, value, line, problems)
        elif not isinstance(value, yaml.MappingNode) or not value.value:
            problems.append(
                f'line {line}: {name} expects groups and their bounds, such as "*": {{min: 0.8}}'
            )
        else:
            for own_line, group, bounds in _entries(value, problems):
                if bare(group) in BOUNDS:
                    problems.append(
                        f"line {own_line}: {name} expects a group before the bound, such as "
                        f'"*": {{{group}: {bounds.value}}} for every group'
                    )
                else:
                    yield from _read_bounds("groups", group, bounds, own_line, problems)


def _entries(
    node: yaml.MappingNode, problems: list[str], prefix: str = ""
) -> Iterator[tuple[int, str, yaml.Node]]:
    """Line, name and value of each entry; a name may stand once, with or without the prefix."""
    seen: dict[str, int] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            problems.append(f"line {line}: expected a name before the colon")
            continue
        name = key.value.removeprefix(prefix)
        if name in seen:
            problems.append(f"line {line}: {key.value} stands in line {seen[name]} already")
        seen.setdefault(name, line)
        yield line, key.value, value


def _read_bounds(
    metric: str, group: str | None, node: yaml.Node, line: int, problems: list[str]
) -> Iterator[Requirement]:
    name = metric if group is None else f"groups, {group!r}"
    if not isinstance(node, yaml.MappingNode) or not node.value:
        problems.append(f"line {line}: {name} expects bounds: {EXPECTED}")
        return
    limits: dict[str, float] = {}
    for own_line, bound, value in _entries(node, problems):
        limit = _read_number(value)
        if bound not in BOUNDS:
            problems.append(f"line {own_line}: {name}: {bound} is no bound, expected {EXPECTED}")
        elif limit is None:
            written = value.value if isinstance(value, yaml.ScalarNode) else "no number"
            problems.append(f"line {own_line}: {name}: {bound} is {written!r}, expected a number")
        elif (group is not None or is_share(metric)) and not 0 <= limit <= 1:
            hint = f"; {limit:g} % is {limit / 100:g}" if 1 < limit <= 100 else ""
            problems.append(
                f"line {own_line}: {name} lies between 0 and 1, and {bound} is {limit:g}{hint}"
            )
        else:
            limits[bound] = limit
            yield Requirement(metric, bound, limit, own_line, group)
    for low in {"min", "low_min"} & limits.keys():
        for high in {"max", "high_max"} & limits.keys():
            if limits[low] > limits[high]:
                problems.append(
                    f"line {line}: {name}: {low} {limits[low]:g} is above {high} "
                    f"{limits[high]:g}, which nothing can keep"
                )


def _read_number(node: yaml.Node) -> float | None:
    """A finite number that was written without quotes."""
    if not isinstance(node, yaml.ScalarNode) or node.style is not None:
        return None
    try:
        number = float(node.value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
