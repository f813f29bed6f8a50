"""Decisions of a person on labels, applied to the table: another class, or left out."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from datamodules.problems import list_some, raise_problems
from datamodules.tables.codes import Codes
from datamodules.tables.decisions import EXCLUDE, Decision, read_decisions
from datamodules.tables.table import ImageTable

KEPT = ("train", "val", "test")


def apply_corrections(table: ImageTable, path: Path) -> ImageTable:
    """The table with corrected labels and without the images that are left out.

    Splits are those of the labels as they were: results with and without corrections are of the
    same images, but for those that are left out.

    Raises:
        ValueError: The file cannot be read, or names images or classes that there are not; all are
            listed.
    """
    found = read_decisions(path, table.class_names)
    problems: list[str] = []
    rows_of = _number_rows(table, found.key, {one.name for one in found.rows})
    labels, kept = table.labels.copy(), np.ones(len(table), bool)
    changes: Counter[str] = Counter()
    for one in _find_clear(found.rows, problems):
        rows = rows_of.get(one.name, [])
        problem = _find_problem(one, rows, table, found.key)
        if problem is not None:
            problems.append(f"line {one.line}: {problem}")
            continue
        kept[rows] = one.label is not None
        if one.label is not None:
            for row in rows:
                changes[_say_change(table, row, one.label)] += 1
            labels[rows] = table.class_names.index(one.label)
    raise_problems(problems, f"data.corrections={path}")
    note = _say(path, changes, int((~kept).sum()), found.undecided)
    corrected = _with_labels(table, labels, [*table.notes, note])
    if kept.all():
        return corrected
    left = corrected.keep(np.flatnonzero(kept))
    _check_left(corrected, left, path)
    return left


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
