"""The file of decisions on labels: which image, and its right class.

A CSV with the columns ``id`` (or ``image``) and ``label``, the right class; blank or ``exclude``
leaves the image out. Where there is a column ``decision``, as in the ``label_errors.csv`` of a
cross-validation, that is the right class or ``exclude`` instead; blank keeps the label, and
``label`` is the one that was doubted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from datamodules.tables.manifest import read_csv

EXCLUDE = "exclude"


@dataclass(frozen=True)
class Decision:
    """One row of the file.

    Args:
        line: Of the file, from 1.
        name: Of the image, by id or path.
        label: The right class; None: the image is left out.
        doubted: The label that the decision is about; None: whatever it is.
    """

    line: int
    name: str
    label: str | None
    doubted: str | None


@dataclass(frozen=True)
class Decisions:
    """What a file says.

    Args:
        key: ``id`` or ``image``: what its names are.
        rows: One each.
        undecided: Number of rows without a decision.
    """

    key: str
    rows: list[Decision]
    undecided: int


def read_decisions(path: Path, class_names: Sequence[str]) -> Decisions:
    """Read a file of decisions; names and classes are not checked.

    Args:
        path: A CSV file.
        class_names: Of the data, one of which may be ``exclude``.

    Raises:
        ValueError: It cannot be read, or lacks a column.
    """
    columns = read_columns(path)
    key = "id" if "id" in columns else "image"
    return Decisions(key, *_find_decisions(columns, key, class_names))


def read_columns(path: Path) -> dict[str, list[str]]:
    """Columns of the file by name, without blanks around their values.

    Raises:
        ValueError: See ``read_decisions``.
    """
    if not path.is_file():
        raise ValueError(f"data.corrections: there is no file {path}. {__doc__}")
    try:
        read = read_csv(path)
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise ValueError(f"data.corrections={path} cannot be read as CSV: {error}") from error
    columns = {
        name.strip(): [(value or "").strip() for value in read[name].to_pylist()]
        for name in read.column_names
    }
    if not {"id", "image"} & columns.keys() or not {"label", "decision"} & columns.keys():
        raise ValueError(
            f"data.corrections={path} has the columns {', '.join(columns)}, expected id or image, "
            "and label (the right class, blank or exclude) or decision."
        )
    return columns


def _find_decisions(
    columns: dict[str, list[str]], key: str, class_names: Sequence[str]
) -> tuple[list[Decision], int]:
    """The decisions, and the number of rows that have none."""
    by_decision = "decision" in columns
    words = columns["decision" if by_decision else "label"]
    doubted = columns.get("label") if by_decision else None
    decisions = []
    for place, (name, word) in enumerate(zip(columns[key], words, strict=True)):
        if by_decision and not word:
            continue
        # a class may have that name
        out = not word or (word.lower() == EXCLUDE and word not in class_names)
        name = name.replace("\\", "/") if key == "image" else name
        before = doubted[place] or None if doubted is not None else None
        decisions.append(Decision(place + 2, name, None if out else word, before))
    return decisions, len(words) - len(decisions)
