"""Columns that name a region or a distractor, and the boxes in them.

A box is one column ``<kind>_<name>`` of four numbers, or the columns ``<kind>_<name>_x0 _y0 _x1
_y1``. Blank means that there is none.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datamodules.problems import list_some
from datamodules.tables.numbers import NUMBER, parse_numbers

BoxFormat = Literal[
    "xyxy", "xywh", "cxcywh", "xyxy_normalized", "xywh_normalized", "cxcywh_normalized"
]
BOX_SIDES = ("x0", "y0", "x1", "y1")
DEFAULT_REGION = "roi"
# pixels: a share of six digits times a size is a hair beside the whole number that was meant
BOX_TOLERANCE = 1e-3
FOUR_NUMBERS = rf"^{NUMBER}( {NUMBER}){{3}}$"


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
    for name, texts in _collect_texts(columns, kind, problems).items():
        numbers = _parse_texts(texts, box_words(kind, name), row_name, problems)
        boxes[name] = to_corners(numbers, box_format)
    return boxes


def _collect_texts(columns: pa.Table, kind: str, problems: list[str]) -> dict[str, pa.ChunkedArray]:
    """Name to the text of its four numbers in each row, whether in one column or in four."""
    names = set(columns.column_names)
    stems = sorted(
        {
            name[: -len("_x0")]
            for name in names
            if name.endswith(tuple(f"_{side}" for side in BOX_SIDES)) and region_of(name, kind)
        }
    )
    texts: dict[str, pa.ChunkedArray] = {}
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
        parts = [columns[side] for side in sides]
        texts[region_of(stem, kind)] = pc.binary_join_element_wise(*parts, " ")
    number_columns = {f"{stem}_{side}" for stem in stems for side in BOX_SIDES}
    for column in sorted(names - number_columns - set(stems)):
        name = region_of(column, kind)
        if name is not None:
            texts[name] = columns[column]
    return texts


def _parse_texts(
    texts: pa.ChunkedArray, words: str, row_name: Callable[[int], str], problems: list[str]
) -> np.ndarray:
    """(rows, 4) of four numbers each, NaN where the text has none."""
    plain = pc.replace_substring_regex(texts, r"[\[\](),;\s]+", " ")
    plain = pc.utf8_trim_whitespace(plain)
    four = pc.match_substring_regex(plain, FOUR_NUMBERS)
    parsed = parse_numbers(pc.list_flatten(pc.split_pattern(plain.filter(four), " ")))
    numbers = np.full((len(texts), 4), np.nan)
    numbers[four.to_numpy()] = parsed.reshape(-1, 4)
    filled = pc.not_equal(plain, "").to_numpy()
    for row in np.flatnonzero(filled & ~np.isfinite(numbers).all(axis=1)).tolist():
        problems.append(
            f"{row_name(row)}: {words} is {texts[row].as_py()!r}, expected four numbers"
        )
    return numbers


def to_corners(boxes: np.ndarray, box_format: BoxFormat) -> np.ndarray:
    """Boxes (rows, 4) of a format as x0 y0 x1 y1."""
    kind = box_format.removesuffix("_normalized")
    if kind == "xyxy":
        return boxes
    size = boxes[:, 2:]
    start = boxes[:, :2] - size / 2 if kind == "cxcywh" else boxes[:, :2]
    return np.concatenate([start, start + size], axis=1)
