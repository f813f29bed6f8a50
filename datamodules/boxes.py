"""Columns that name a region or a distractor, and the boxes in them.

A box is one column ``<kind>_<name>`` of four numbers, or the columns ``<kind>_<name>_x0 _y0 _x1
_y1``. Blank means that there is none.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np
import pyarrow as pa

from datamodules.problems import list_some

BoxFormat = Literal[
    "xyxy", "xywh", "cxcywh", "xyxy_normalized", "xywh_normalized", "cxcywh_normalized"
]
BOX_SIDES = ("x0", "y0", "x1", "y1")
DEFAULT_REGION = "roi"


def region_of(column: str, kind: str) -> str | None:
    """Region that a column is about: ``mask`` -> roi, ``mask_mouth`` -> mouth, others None."""
    if column == kind:
        return DEFAULT_REGION
    return column.removeprefix(f"{kind}_") if column.startswith(f"{kind}_") else None


def box_words(kind: str, name: str) -> str:
    """A box as messages call it."""
    return f"the box of {name}" if kind == "box" else f"the box of the {kind} {name}"


def read_boxes(
    columns: pa.Table,
    kind: str,
    box_format: BoxFormat,
    row_name: Callable[[int], str],
    problems: list[str],
) -> dict[str, np.ndarray]:
    """Read the boxes of a kind.

    Args:
        columns: All columns as text.
        kind: ``box`` or ``distractor``.
        box_format: What the numbers mean.
        row_name: A row as its reader finds it.
        problems: Takes what is wrong.

    Returns:
        Name to (rows, 4) float64 of x0 y0 x1 y1, NaN where blank.
    """
    boxes = {}
    for name, rows in _collect_texts(columns, kind, problems).items():
        numbers = _parse_rows(rows, box_words(kind, name), row_name, problems)
        boxes[name] = to_corners(numbers, box_format)
    return boxes


def _collect_texts(columns: pa.Table, kind: str, problems: list[str]) -> dict[str, list[str]]:
    """Name to the text of its four numbers in each row, whether in one column or in four."""
    names = set(columns.column_names)
    stems = sorted(
        {
            name[: -len("_x0")]
            for name in names
            if name.endswith(tuple(f"_{side}" for side in BOX_SIDES)) and region_of(name, kind)
        }
    )
    texts: dict[str, list[str]] = {}
    for stem in stems:
        sides = [f"{stem}_{side}" for side in BOX_SIDES]
        absent = [side for side in sides if side not in names]
        if absent:
            present = next(side for side in sides if side in names)
            problems.append(f"{list_some(absent)} missing beside {present}; a box has four numbers")
            continue
        if stem in names:
            problems.append(f"{stem} and {stem}_x0 both give one box; keep one of them")
            continue
        parts = [columns[side].to_pylist() for side in sides]
        texts[region_of(stem, kind)] = [" ".join(row) for row in zip(*parts, strict=True)]
    number_columns = {f"{stem}_{side}" for stem in stems for side in BOX_SIDES}
    for column in sorted(names - number_columns - set(stems)):
        name = region_of(column, kind)
        if name is not None:
            texts[name] = columns[column].to_pylist()
    return texts


def _parse_rows(
    rows: list[str], words: str, row_name: Callable[[int], str], problems: list[str]
) -> np.ndarray:
    numbers = np.full((len(rows), 4), np.nan)
    for index, text in enumerate(rows):
        parts = text.strip("[]() ").replace(",", " ").replace(";", " ").split()
        if not parts:
            continue
        try:
            values = [float(part) for part in parts]
        except ValueError:
            values = []
        if len(values) != 4 or not np.isfinite(values).all():
            problems.append(f"{row_name(index)}: {words} is {text!r}, expected four numbers")
            continue
        numbers[index] = values
    return numbers


def to_corners(boxes: np.ndarray, box_format: BoxFormat) -> np.ndarray:
    """Boxes (N, 4) of any convention as x0 y0 x1 y1."""
    kind = box_format.removesuffix("_normalized")
    if kind == "xyxy":
        return boxes
    size = boxes[:, 2:]
    start = boxes[:, :2] - size / 2 if kind == "cxcywh" else boxes[:, :2]
    return np.concatenate([start, start + size], axis=1)
