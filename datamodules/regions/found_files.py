"""Tables that are written: one with other boxes to train on, and the list of what was missed."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from datamodules.files.images import read_size
from datamodules.files.unreadable import UnreadableImage
from datamodules.problems import raise_problems
from datamodules.regions.planes import box_pixels
from datamodules.tables.boxes import BOX_SIDES, region_of
from datamodules.tables.table import ImageTable

DECIMALS = 1  # of a pixel, in the boxes that are written


def write_manifest(
    path: Path, table: ImageTable, boxes: Mapping[str, np.ndarray], sources: np.ndarray
) -> None:
    """Write the table with other boxes; paths stay as they are, relative to its root.

    Args:
        path: CSV to write.
        table: The source, ``in_pixels``; its masks are kept where they are in
            ``table.mask_paths``.
        boxes: Region name to (rows, 4) x0 y0 x1 y1 in pixels, NaN: none.
        sources: (rows,) text of the column ``roi_source``.
    """
    columns = with_boxes(table, boxes, table.distractors, DECIMALS)
    columns["roi_source"] = pa.array(sources.tolist(), pa.string())
    pyarrow.csv.write_csv(pa.table(columns), path)


def with_boxes(
    table: ImageTable,
    boxes: Mapping[str, np.ndarray],
    distractors: Mapping[str, np.ndarray],
    decimals: int | None = None,
) -> dict[str, pa.ChunkedArray | pa.Array]:
    """The columns of a table, with these boxes for its own, wherever they came from.

    Args:
        table: The source; its masks are kept where they are in ``table.mask_paths``.
        boxes: Region name to (rows, 4) x0 y0 x1 y1, NaN: none.
        distractors: The same of what must not count.
        decimals: To round to; None: as they are.
    """
    columns = {}
    for name in table.columns.column_names:
        if _is_box(name):
            continue
        region = region_of(name, "mask")
        if region is None:
            columns[name] = table.columns[name]
        elif region in table.mask_paths:
            known = pc.not_equal(table.mask_paths[region], "")
            columns[name] = pc.if_else(known, table.columns[name], "")
    for kind, named in (("box", boxes), ("distractor", distractors)):
        for name, numbers in named.items():
            columns[f"{kind}_{name}"] = _to_text(numbers, decimals)
    return columns


def _is_box(name: str) -> bool:
    stem = name[:-3] if name.endswith(tuple(f"_{side}" for side in BOX_SIDES)) else name
    return any(region_of(stem, kind) is not None for kind in ("box", "distractor"))


def _to_text(boxes: np.ndarray, decimals: int | None) -> pa.Array:
    """``x0 y0 x1 y1`` of each row, blank where there is none."""
    known = np.isfinite(boxes).all(axis=1)
    numbers = np.where(known[:, None], boxes, 0.0)
    numbers = numbers if decimals is None else np.round(numbers, decimals)
    sides = [pa.array(numbers[:, side]).cast(pa.string()) for side in range(4)]
    return pc.if_else(pa.array(known), pc.binary_join_element_wise(*sides, " "), "")


def in_pixels(table: ImageTable) -> ImageTable:
    """The same table with boxes and distractors in pixels, where they are shares of a size.

    Raises:
        ValueError: Images that have a box cannot be read; all are listed.
    """
    if not table.boxes_normalized:
        return table
    known = np.zeros(len(table), bool)
    for boxes in (*table.boxes.values(), *table.distractors.values()):
        known |= np.isfinite(boxes).all(axis=1)
    sizes, problems = np.zeros((len(table), 2), int), []
    for row in np.flatnonzero(known).tolist():
        try:
            sizes[row] = read_size(table.image_path(row))
        except UnreadableImage as error:
            problems.append(f"{table.row_name(row)}: {error}")
    raise_problems(problems, f"the images of {table.name}, whose boxes are shares of their size")
    boxes, distractors = (
        {name: _to_pixels(own, sizes) for name, own in named.items()}
        for named in (table.boxes, table.distractors)
    )
    return replace(table, boxes=boxes, distractors=distractors, boxes_normalized=False)


def _to_pixels(boxes: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Shares (rows, 4) as whole pixels of images of these heights and widths (rows, 2)."""
    pixels = np.full(boxes.shape, np.nan)
    for row in np.flatnonzero(np.isfinite(boxes).all(axis=1)).tolist():
        pixels[row] = box_pixels(boxes[row], True, *sizes[row].tolist())
    return pixels


def write_misses(path: Path, table: ImageTable, rows: np.ndarray, reasons: np.ndarray) -> None:
    """Write id, label and reason of what was missed; a header alone where nothing was."""
    missed = np.flatnonzero(reasons != "")
    names = np.array(table.class_names, object)
    columns = {
        "id": table.ids.take(pa.array(rows[missed])),
        "label": pa.array(names[table.labels[rows[missed]]].tolist(), pa.string()),
        "reason": pa.array(reasons[missed].tolist(), pa.string()),
    }
    pyarrow.csv.write_csv(pa.table(columns), path)
