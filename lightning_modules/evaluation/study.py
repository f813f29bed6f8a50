"""A study: the runs of a sweep side by side, a row a variant, mean and deviation over its seeds."""

import re
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from lightning_modules.evaluation.study_columns import COLUMNS, PICTURED, Column

# what repeats a run and makes no other variant of it
REPEATS = ("seed", "data.fold")


@dataclass(frozen=True)
class Record:
    """One run, as its folder tells of it.

    Args:
        folder: Its name within the sweep's.
        overrides: What was set for it, ``key=value``.
        state: As status.json has it; only a ``finished`` run counts.
        reason: Why it failed.
        metrics: By name.
    """

    folder: str
    overrides: Sequence[str]
    state: str
    reason: str
    metrics: dict[str, Any]

    @property
    def repeat(self) -> tuple[str, ...]:
        """Which of the repeats it is: its seed and fold."""
        return tuple(sorted(word for word in self.overrides if key_of(word) in REPEATS))

    @property
    def settings(self) -> tuple[str, ...]:
        """What makes it the variant that it is."""
        return tuple(word for word in self.overrides if key_of(word) not in REPEATS)


@dataclass(frozen=True)
class Row:
    """One variant.

    Args:
        variant: Its name.
        records: Its runs, one a repeat.
        expected: Number of repeats in the sweep.
    """

    variant: str
    records: Sequence[Record]
    expected: int

    @property
    def finished(self) -> list[Record]:
        """The runs that count."""
        return [record for record in self.records if record.state == "finished"]

    def values(self, metric: str) -> list[Any]:
        """The metric of each finished run that has it."""
        found = (record.metrics.get(metric) for record in self.finished)
        return [value for value in found if value is not None]

    def mean(self, metric: str) -> float | None:
        """Over the runs; None: no run has it."""
        values = self.values(metric)
        return statistics.fmean(values) if values else None

    def deviation(self, metric: str) -> float | None:
        """Standard deviation over the runs (n - 1); None: of fewer than two."""
        values = self.values(metric)
        return statistics.stdev(values) if len(values) > 1 else None


def make_rows(records: Iterable[Record]) -> list[Row]:
    """Group the runs of a sweep; of two for the same repeat the finished one counts, then the last.

    Variants stand in the order of their first run, runs in that of the numbers in their folders.
    """
    ordered = sorted(records, key=lambda record: _natural(record.folder))
    groups: dict[frozenset[str], dict[tuple[str, ...], Record]] = {}
    for record in ordered:
        runs = groups.setdefault(frozenset(record.settings), {})
        before = runs.get(record.repeat)
        if before is None or before.state != "finished" or record.state == "finished":
            runs[record.repeat] = record
    expected = len({record.repeat for record in ordered})
    common = frozenset.intersection(*groups) if groups else frozenset()
    return [
        Row(_name(next(iter(runs.values())).settings, common), list(runs.values()), expected)
        for runs in groups.values()
    ]


def _natural(name: str) -> list[str | int]:
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


def _name(settings: Sequence[str], common: frozenset[str]) -> str:
    """What a variant does not share with all others, else what says most about it."""
    own = [word for word in settings if word not in common]
    keys = ("study", "experiment", "gate")
    own = own or [word for key in keys for word in settings if key_of(word) == key][:1]
    return ", ".join(word.removeprefix("study=") for word in own) or "as configured"


def key_of(word: str) -> str:
    """The key of ``key=value``, without Hydra's plus."""
    return word.partition("=")[0].lstrip("+")


def columns_of(rows: Sequence[Row]) -> list[Column]:
    """The columns that any run has; the validation's only where nothing was tested."""
    found = [column for column in COLUMNS if any(row.values(column.metric) for row in rows)]
    tested = any(column.metric == PICTURED for column in found)
    return [column for column in found if not (tested and column.metric.startswith("best_val"))]
