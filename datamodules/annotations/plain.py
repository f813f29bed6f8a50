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
from datamodules.annotations.plain_columns import (
    NAMES,
    SIDES,
    as_numbers,
    as_text,
    find_column,
    find_sides,
    name_rows,
    read_sizes,
    split_boxes,
)
from datamodules.annotations.records import HIGHEST
from datamodules.problems import list_some, raise_problems
from datamodules.tables.boxes import BoxFormat, to_corners
from datamodules.tables.manifest import read_csv


def read_plain_file(path: Path) -> pa.Table:
    """Read a table as it stands.

    Raises:
        ValueError: It is none.
    """
    try:
        parquet = path.suffix.lower() in (".parquet", ".pq")
        table = pa.parquet.read_table(path) if parquet else read_csv(path)
        table.validate(full=True)  # a broken Parquet file may hold text that is none
        return table
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
    found = {key: find_column(table, words) for key, words in NAMES.items()}
    if found["image"] is None or (found["box"] is None and find_sides(table) is None):
        raise ValueError(
            f"{name} is no table of boxes. Expected a column of images "
            f"({', '.join(NAMES['image'])}) and the box in one column ({' or '.join(NAMES['box'])})"
            f" or in four ({'; '.join(' '.join(four) for four in SIDES)}); found the columns "
            f"{list_some(table.column_names, 20)}."
        )
    problems: list[str] = []
    images = as_text(table, found["image"], name)
    name_rows(pc.equal(images, ""), f"{found['image']} is blank", first_row, problems)
    boxes = _read_boxes(table, found["box"], name, box_format, first_row, problems)
    scores = np.full(len(boxes), np.nan)
    if found["score"] is not None:
        scores = as_numbers(table[found["score"]])
        name_rows(~np.isfinite(scores), f"{found['score']} is no number", first_row, problems)
    raise_problems(problems, name)
    normalized = box_format.endswith("_normalized")
    _check_unit(boxes, normalized, name)
    coded = images.combine_chunks().dictionary_encode()
    labels = pa.array(np.full(len(boxes), ""), pa.string())
    if found["label"] is not None:
        labels = as_text(table, found["label"], name).combine_chunks()
    image = coded.indices.to_numpy().astype(np.int64)
    digits = pc.match_substring_regex(coded.dictionary, "^[0-9]+$")
    return Annotations(
        name=name,
        format="table",
        names=coded.dictionary,
        sizes=read_sizes(table, image, len(coded.dictionary)),
        image=image,
        labels=labels,
        boxes=boxes,
        scores=scores,
        normalized=normalized,
        detected=True,
        numbered=bool(pc.all(digits).as_py()),
    )


def _read_boxes(
    table: pa.Table,
    column: str | None,
    name: str,
    box_format: BoxFormat,
    first_row: int,
    problems: list[str],
) -> np.ndarray:
    """(rows, 4) corners, of four columns where there are such."""
    sides = find_sides(table)
    if sides is not None:
        kind, numbers = SIDES[sides], np.stack([as_numbers(table[one]) for one in sides], axis=1)
    else:
        kind, numbers = box_format, split_boxes(table, column, name)
    boxes = to_corners(numbers, kind)
    finite = (np.abs(boxes) < HIGHEST).all(axis=1)
    name_rows(~finite, "the box is not four finite numbers", first_row, problems)
    inverted = (boxes[:, 2:] < boxes[:, :2]).any(axis=1)
    what = f"the box ends before it begins (read as {kind}; data.box_format names others)"
    name_rows(inverted, what, first_row, problems)
    return boxes


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
