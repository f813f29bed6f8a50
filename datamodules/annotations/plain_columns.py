"""Columns of plain tables: which is which, and their texts and numbers."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datamodules.problems import list_some

NAMES = {
    "image": ("image", "file_name", "filename", "image_name", "image_path", "path", "file",
              "image_id"),
    "label": ("label", "category", "class_name", "region", "name", "class"),
    "score": ("score", "confidence", "conf", "probability"),
    "box": ("box", "bbox"),
}  # fmt: skip
SIDES = {
    ("x0", "y0", "x1", "y1"): "xyxy",
    ("x1", "y1", "x2", "y2"): "xyxy",
    ("xmin", "ymin", "xmax", "ymax"): "xyxy",
    ("x_min", "y_min", "x_max", "y_max"): "xyxy",
    ("left", "top", "right", "bottom"): "xyxy",
    ("x", "y", "w", "h"): "xywh",
    ("x", "y", "width", "height"): "xywh",
    ("left", "top", "width", "height"): "xywh",
    ("cx", "cy", "w", "h"): "cxcywh",
    ("x_center", "y_center", "width", "height"): "cxcywh",
}
SIZE = ("image_width", "image_height")


def find_column(table: pa.Table, words: tuple[str, ...]) -> str | None:
    """The first column that is called one of these, in any case of letters."""
    lower = {column.lower(): column for column in reversed(table.column_names)}
    return next((lower[word] for word in words if word in lower), None)


def find_sides(table: pa.Table) -> tuple[str, ...] | None:
    """The four columns that a box has, None where it has none of those that are known."""
    return next((four for four in SIDES if set(four) <= set(table.column_names)), None)


def as_text(table: pa.Table, column: str, name: str) -> pa.ChunkedArray:
    """A column as text without surrounding blanks, null as an empty one."""
    try:
        texts = table[column].cast(pa.string())
    except pa.ArrowException as error:
        kind = table[column].type
        raise ValueError(f"{name}: {column} is of the kind {kind}, expected text.") from error
    return pc.utf8_trim_whitespace(pc.fill_null(texts, ""))


def as_numbers(column: pa.ChunkedArray) -> np.ndarray:
    """(rows,) float64, NaN where it is none."""
    if not pa.types.is_string(column.type):
        try:
            return column.cast(pa.float64()).to_numpy()
        except pa.ArrowException:
            return np.full(len(column), np.nan)
    texts = pc.utf8_trim_whitespace(column)
    try:
        return pc.cast(texts, pa.float64()).to_numpy()
    except pa.ArrowInvalid:
        return np.array([_as_number(text) for text in texts.to_pylist()])


def _as_number(text: str | None) -> float:
    try:
        return float(text or "nan")
    except ValueError:
        return np.nan


def split_boxes(table: pa.Table, box: str, name: str) -> np.ndarray:
    """(rows, 4) float64, NaN where a row has not four numbers."""
    column = table[box]
    kind = column.type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy()
        if (lengths == 4).all():
            return as_numbers(pc.list_flatten(column)).reshape(-1, 4)
        rows = [row if row is not None and len(row) == 4 else None for row in column.to_pylist()]
        return np.array([row or [np.nan] * 4 for row in rows], float)
    texts = pc.replace_substring_regex(as_text(table, box, name), r"[\[\](),;\s]+", " ")
    rows = [text.split() for text in texts.to_pylist()]
    return np.array(
        [[_as_number(one) for one in row] if len(row) == 4 else [np.nan] * 4 for row in rows]
    ).reshape(-1, 4)


def name_rows(
    wrong: np.ndarray | pa.ChunkedArray, what: str, first_row: int, problems: list[str]
) -> None:
    """Name the first wrong rows, and how many there are."""
    rows = np.flatnonzero(np.asarray(wrong, bool))
    if len(rows):
        problems.append(f"{what} in row {list_some((rows[:6] + first_row).tolist())}")
        problems[-1] += f" ({len(rows)} in all)" if len(rows) > 5 else ""


def read_sizes(table: pa.Table, image: np.ndarray, count: int) -> np.ndarray:
    """(count, 2) width and height of each image, NaN where no column has them."""
    sizes = np.full((count, 2), np.nan)
    if set(SIZE) <= set(table.column_names):
        sizes[image] = np.stack([as_numbers(table[one]) for one in SIZE], axis=1)
    return sizes
