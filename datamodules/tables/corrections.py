"""Decisions of a person on labels, applied to the table: another class, or left out.

The file is a CSV with the columns ``id`` (or ``image``) and ``label``, the right class; blank or
``exclude`` leaves the image out. Where there is a column ``decision``, as in the
``label_errors.csv`` of a cross-validation, that is the right class or ``exclude`` instead; blank
keeps the label, and ``label`` is the one that was doubted.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from datamodules.problems import list_some, raise_problems
from datamodules.tables.codes import Codes
from datamodules.tables.manifest import read_csv
from datamodules.tables.table import ImageTable

EXCLUDE = "exclude"
KEPT = ("train", "val", "test")


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


def apply_corrections(table: ImageTable, path: Path) -> ImageTable:
    """The table with corrected labels and without the images that are left out.

    Splits are those of the labels as they were: results with and without corrections are of the
    same images, but for those that are left out.

    Raises:
        ValueError: The file cannot be read, or names images or classes that there are not; all are
            listed.
    """
    columns = _read(path)
    key = "id" if "id" in columns else "image"
    decisions, undecided = _find_decisions(columns, key, table.class_names)
    problems: list[str] = []
    rows_of = _number_rows(table, key, {one.name for one in decisions})
    labels, kept = table.labels.copy(), np.ones(len(table), bool)
    changes: Counter[str] = Counter()
    for one in _find_clear(decisions, problems):
        rows = rows_of.get(one.name, [])
        problem = _find_problem(one, rows, table, key)
        if problem is not None:
            problems.append(f"line {one.line}: {problem}")
            continue
        kept[rows] = one.label is not None
        if one.label is not None:
            for row in rows:
                changes[_say_change(table, row, one.label)] += 1
            labels[rows] = table.class_names.index(one.label)
    raise_problems(problems, f"data.corrections={path}")
    note = _say(path, changes, int((~kept).sum()), undecided)
    corrected = _with_labels(table, labels, [*table.notes, note])
    if kept.all():
        return corrected
    left = corrected.keep(np.flatnonzero(kept))
    _check_left(corrected, left, path)
    return left


def _read(path: Path) -> dict[str, list[str]]:
    """Columns of the file by name, without blanks around their values."""
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


def _find_clear(decisions: Sequence[Decision], problems: list[str]) -> Iterator[Decision]:
    """Those that name an image once."""
    seen: dict[str, int] = {}
    for one in decisions:
        if one.name in seen:
            problems.append(f"line {one.line}: {one.name} stands in line {seen[one.name]} already")
            continue
        seen[one.name] = one.line
        yield one


def _number_rows(table: ImageTable, key: str, names: set[str]) -> dict[str, list[int]]:
    """Name to the rows of the table that have it."""
    column = table.ids if key == "id" else table.columns["image"]
    rows: dict[str, list[int]] = {}
    for row, name in enumerate(column.to_pylist()):
        if name in names:
            rows.setdefault(name, []).append(row)
    return rows


def _find_problem(one: Decision, rows: list[int], table: ImageTable, key: str) -> str | None:
    if not rows:
        return f"{key} {one.name!r} is no image of {table.name}"
    if one.label is not None and one.label not in table.class_names:
        return (
            f"{one.label!r} is no class, expected {list_some(table.class_names, 20)}"
            f" or {EXCLUDE} ({one.name})"
        )
    now = {table.class_names[table.labels[row]] for row in rows}
    if one.doubted is not None and one.label is not None and not now <= {one.doubted, one.label}:
        return (
            f"{one.name} was labelled {one.doubted} when it was listed and is "
            f"{' and '.join(sorted(now))} now: look at it again, and write that as its label"
        )
    return None


def _say_change(table: ImageTable, row: int, label: str) -> str:
    before = table.class_names[table.labels[row]]
    return "" if before == label else f"{before} to {label}"


def _say(path: Path, changes: Counter[str], left_out: int, undecided: int) -> str:
    """What was done, in one line."""
    same = changes.pop("", 0)
    kinds = ", ".join(f"{number} {change}" for change, number in changes.most_common())
    parts = [f"{changes.total()} labels changed" + (f" ({kinds})" if kinds else "")]
    parts.append(f"{left_out} images left out")
    parts += [f"{same} had the right label already"] if same else []
    parts += [f"{undecided} rows without a decision"] if undecided else []
    return f"Corrections of {path.name}: {', '.join(parts)}."


def _with_labels(table: ImageTable, labels: np.ndarray, notes: list[str]) -> ImageTable:
    names = pa.array(table.class_names)
    text = Codes(labels, names).to_arrow().cast(pa.string())
    place = table.columns.column_names.index("label")
    columns = table.columns.set_column(place, "label", text)
    return replace(table, columns=columns, labels=labels, notes=notes)


def _check_left(before: ImageTable, left: ImageTable, path: Path) -> None:
    """No class may lose all of its training images, nor a split all of its images."""
    then, now = before.counts(), left.counts()
    problems = [
        f"no image is left in {split}" for split in KEPT if sum(then[split]) and not sum(now[split])
    ]
    trained = zip(left.class_names, then["train"], now["train"], strict=True)
    problems += [
        f"no training image is left of {name}" for name, one, other in trained if one and not other
    ]
    raise_problems(problems, f"what data.corrections={path} leaves")
