"""What the doctor has found, worst first."""

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np

from datamodules.tables.table import ImageTable

MOST_EXAMPLES = 100  # of a finding
MOST_PICTURES = 8


class Level(IntEnum):
    """How bad a finding is; the worst is the command's exit status."""

    NOTE = 0
    WARNING = 1
    ERROR = 2


@dataclass(frozen=True)
class Finding:
    """One kind of thing that was found.

    Args:
        level: How bad it is.
        topic: What it is called in tables.
        sentence: What was found, what was expected, and what to do.
        count: How often.
        examples: Where, a line each.
        pictures: Rows to show; those of one tuple stand side by side.
    """

    level: Level
    topic: str
    sentence: str
    count: int
    examples: list[str] = field(default_factory=list)
    pictures: list[tuple[int, ...]] = field(default_factory=list)


def of_rows(
    table: ImageTable, level: Level, topic: str, sentence: str, rows: np.ndarray
) -> Finding:
    """A finding that holds of single images.

    Args:
        table: All images.
        level: How bad it is.
        topic: What it is called in tables.
        sentence: What was found, and what to do.
        rows: (N,) which images.
    """
    some = rows[:MOST_EXAMPLES].tolist()
    names = [table.row_name(row) for row in some]
    pictures = [(row,) for row in some[:MOST_PICTURES]]
    return Finding(level, topic, sentence, len(rows), names, pictures)


@dataclass
class Diagnosis:
    """All that was found.

    Args:
        findings: In the order of the examination.
        sections: Title to rows of a table, the first its head: what was seen, good or bad.
    """

    findings: list[Finding] = field(default_factory=list)
    sections: dict[str, list[list[str]]] = field(default_factory=dict)

    def add(self, *findings: Finding | None) -> None:
        """Take findings; None is none."""
        self.findings += [one for one in findings if one is not None]

    @property
    def level(self) -> Level:
        """Of the worst finding."""
        return max((one.level for one in self.findings), default=Level.NOTE)

    def worst_first(self) -> list[Finding]:
        """Findings by level."""
        return sorted(self.findings, key=lambda one: -one.level)
