"""Plain tables of detections, CSV, Parquet or a JSON list of objects, one row a box.

Columns: the image (``image``, ``file_name``, ...), the box in one column (``box``, ``bbox``) or in
four, and where there are any the label, the score and the image's own width and height.
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from datamodules.annotations.found import Annotations
from datamodules.annotations.records import HIGHEST
from datamodules.boxes import BoxFormat, to_corners
from datamodules.manifest import read_csv
from datamodules.problems import list_some, raise_problems

NAMES = {
    "image": ("image", "file_name", "filename", "image_name", "image_path", "path", "file",
              "image_id"),
    "label": ("label", "category", "class", "class_name", "region", "name"),
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


def read_plain_file(path: Path) -> pa.Table:
    """Read a table as it stands.

    Raises:
        ValueError: It is none.
    """
    try:
        parquet = path.suffix.lower() in (".parquet", ".pq")
        return pa.parquet.read_table(path) if parquet else read_csv(path)
    except (pa.ArrowException, UnicodeDecodeError, OSError) as error:
        raise ValueError(f"{path} cannot be read as a table: {error}") from error


def read_plain(table: pa.Table, name: str, box_format: BoxFormat, first_row: int) -> Annotations:
    """Check and convert a table.

    Args:
        table: One row a box.
        name: Of the file.
        box_format: What the numbers of a box mean; four columns say that by their names, all but
            whether they are shares.
        first_row: Number that people give the first row.

    Raises:
        ValueError: A column is missing, or values are wrong; all are listed by row.
    """
    table = table.rename_columns([column.strip() for column in table.column_names])
    found = {key: _find_column(table, words) for key, words in NAMES.items()}
    sides = _find_sides(table)
    if found["image"] is None or (found["box"] is None and sides is None):
        raise ValueError(
            f"{name} is no table of boxes. Expected a column of images "
            f"({', '.join(NAMES['image'])}) and the box in one column ({' or '.join(NAMES['box'])})"
            f" or in four ({'; '.join(' '.join(four) for four in SIDES)}); found the columns "
            f"{list_some(table.column_names, 20)}."
        )
    problems: list[str] = []
    images = _as_text(table, found["image"], name)
    _name_rows(pc.equal(images, ""), f"{found['image']} is blank", first_row, problems)
    if sides is not None:
        kind, numbers = SIDES[sides], np.stack([_as_numbers(table[one]) for one in sides], axis=1)
    else:
        kind, numbers = box_format, _split_boxes(table, found["box"], name)
    normalized = box_format.endswith("_normalized")
    boxes = to_corners(numbers, kind)
    what = "the box is not four finite numbers"
    _name_rows(~(np.abs(boxes) < HIGHEST).all(axis=1), what, first_row, problems)
    inverted = (boxes[:, 2:] < boxes[:, :2]).any(axis=1)
    what = f"the box ends before it begins (read as {kind}; data.box_format names others)"
    _name_rows(inverted, what, first_row, problems)
    scores = np.full(len(boxes), np.nan)
    if found["score"] is not None:
        scores = _as_numbers(table[found["score"]])
        _name_rows(~np.isfinite(scores), f"{found['score']} is no number", first_row, problems)
    raise_problems(problems, name)
    _check_unit(boxes, normalized, name)
    coded = images.combine_chunks().dictionary_encode()
    labels = pa.array(np.full(len(boxes), ""), pa.string())
    if found["label"] is not None:
        labels = _as_text(table, found["label"], name).combine_chunks()
    image = coded.indices.to_numpy().astype(np.int64)
    return Annotations(
        name=name,
        format="table",
        names=coded.dictionary,
        sizes=_read_sizes(table, image, len(coded.dictionary)),
        image=image,
        labels=labels,
        boxes=boxes,
        scores=scores,
        normalized=normalized,
        detected=True,
        numbered=pa.types.is_integer(table[found["image"]].type),
    )


def _find_column(table: pa.Table, words: tuple[str, ...]) -> str | None:
    lower = {column.lower(): column for column in reversed(table.column_names)}
    return next((lower[word] for word in words if word in lower), None)


def _find_sides(table: pa.Table) -> tuple[str, ...] | None:
    return next((four for four in SIDES if set(four) <= set(table.column_names)), None)


def _as_text(table: pa.Table, column: str, name: str) -> pa.ChunkedArray:
    try:
        texts = table[column].cast(pa.string())
    except pa.ArrowException as error:
        kind = table[column].type
        raise ValueError(f"{name}: {column} is of the kind {kind}, expected text.") from error
    return pc.utf8_trim_whitespace(pc.fill_null(texts, ""))


def _as_numbers(column: pa.ChunkedArray) -> np.ndarray:
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


def _split_boxes(table: pa.Table, box: str, name: str) -> np.ndarray:
    """(rows, 4) float64, NaN where a row has not four numbers."""
    column = table[box]
    kind = column.type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy()
        if (lengths == 4).all():
            return _as_numbers(pc.list_flatten(column)).reshape(-1, 4)
        rows = [row if row is not None and len(row) == 4 else None for row in column.to_pylist()]
        return np.array([row or [np.nan] * 4 for row in rows], float)
    texts = pc.replace_substring_regex(_as_text(table, box, name), r"[\[\](),;\s]+", " ")
    rows = [text.split() for text in texts.to_pylist()]
    return np.array(
        [[_as_number(one) for one in row] if len(row) == 4 else [np.nan] * 4 for row in rows]
    ).reshape(-1, 4)


def _name_rows(
    wrong: np.ndarray | pa.ChunkedArray, what: str, first_row: int, problems: list[str]
) -> None:
    rows = np.flatnonzero(np.asarray(wrong, bool))
    if len(rows):
        problems.append(f"{what} in row {list_some((rows[:6] + first_row).tolist())}")
        problems[-1] += f" ({len(rows)} in all)" if len(rows) > 5 else ""


def _check_unit(boxes: np.ndarray, normalized: bool, name: str) -> None:
    """Pixels and shares are told apart by their numbers: none of both kinds look like the other."""
    highest = boxes.max(initial=0)
    if normalized and highest > 2:
        raise ValueError(
            f"{name}: boxes reach {highest:g}, which are no shares of an image's size. Take "
            "_normalized off data.box_format."
        )
    if not normalized and len(boxes) and 0 < highest <= 1.5:
        raise ValueError(
            f"{name}: no box goes beyond {highest:g}, which look like shares of an image's size "
            "and not like pixels. Set data.box_format=xyxy_normalized."
        )


def _read_sizes(table: pa.Table, image: np.ndarray, count: int) -> np.ndarray:
    sizes = np.full((count, 2), np.nan)
    if set(SIZE) <= set(table.column_names):
        sizes[image] = np.stack([_as_numbers(table[one]) for one in SIZE], axis=1)
    return sizes
