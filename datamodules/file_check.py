"""Every image and mask is decoded once before the first training on it, and remembered."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from datamodules.boxes import box_words
from datamodules.images import read_image, read_mask
from datamodules.problems import list_some, raise_problems
from datamodules.progress import show_progress
from datamodules.regions import box_pixels
from datamodules.table import ImageTable

# height, width, and whether any pixel is set
Decoded = tuple[int, int, bool]
# by path, bytes and modification time in ns
Known = dict[tuple[str, int, int], Decoded]
REMEMBERED = ("path", "bytes", "time", "height", "width", "any_set")


class FileCheck(NamedTuple):
    """What is to be said of files that are whole, and which rows have a ROI that is empty."""

    notes: list[str]
    empty: np.ndarray


def check_files(table: ImageTable, memory: Path) -> FileCheck:
    """Decode what was not decoded before, in parallel, and hold masks and boxes to image sizes.

    Args:
        table: The images; masks are checked with them.
        memory: Parquet file that remembers decoded files by path, size and time.

    Returns:
        Notes, one sentence each, and (rows,) bool of ROIs that are annotated as absent.

    Raises:
        ValueError: Files are missing, unreadable or do not fit together; all are listed.
    """
    images = [table.image_path(row) for row in range(len(table))]
    masks = {r: [table.mask_path(r, row) for row in range(len(table))] for r in table.mask_paths}
    jobs = [(path, "image") for path in dict.fromkeys(images)]
    jobs += [
        (path, "mask") for path in dict.fromkeys(p for ps in masks.values() for p in ps) if path
    ]
    sizes = _decode_all(jobs, memory)
    problems: list[str] = []
    for row, path in enumerate(images):
        if isinstance(sizes[path], str):
            problems.append(f"{table.row_name(row)}: {path} {sizes[path]}")
            continue
        problems += _find_misfits(
            table, row, sizes[path][:2], {r: p[row] for r, p in masks.items()}, sizes
        )
    raise_problems(problems, f"the files of {table.name}")
    empty = _find_empty(table, masks, sizes)
    return FileCheck(_say_empty(table, np.flatnonzero(empty).tolist()), empty)


def _find_empty(
    table: ImageTable, masks: dict[str, list[str]], sizes: dict[str, Decoded | str]
) -> np.ndarray:
    shown = np.zeros(len(table), bool)
    for paths in masks.values():
        shown |= [bool(path) and sizes[path][2] for path in paths]
    for boxes in table.boxes.values():
        shown |= np.isfinite(boxes).all(axis=1)
    return table.annotated.any(axis=1) & ~shown


def _say_empty(table: ImageTable, empty: list[int]) -> list[str]:
    """A mask without a set pixel says that the region is absent, and a gate then shows nothing."""
    if not empty:
        return []
    names = list_some([table.row_name(row) for row in empty], 3)
    return [
        f"The ROI of {len(empty)} of {len(table)} images is empty (annotated as absent): {names}. "
        "A gate shows nothing of them, and a model can only guess; leave their mask blank if it is "
        "unknown."
    ]


def _find_misfits(
    table: ImageTable,
    row: int,
    size: tuple[int, int],
    masks: dict[str, str],
    sizes: dict[str, Decoded | str],
) -> Iterator[str]:
    height, width = size
    for region, path in masks.items():
        found = sizes.get(path, size)
        found = found if isinstance(found, str) else found[:2]
        if isinstance(found, str):
            yield f"{table.row_name(row)}: the mask of {region} {path} {found}"
        elif found != size:
            yield (
                f"{table.row_name(row)}: the mask of {region} is {found[1]} x {found[0]} pixels, "
                f"its image {width} x {height}; they must be alike"
            )
    named = [(box_words("box", name), boxes[row]) for name, boxes in table.boxes.items()]
    named += [(box_words("distractor", n), boxes[row]) for n, boxes in table.distractors.items()]
    for words, box in named:
        if not np.isfinite(box).all():
            continue
        x0, y0, x1, y1 = box_pixels(box, table.boxes_normalized, height, width)
        if table.detected[row]:  # detectors do not stop at the edge, and drawing does
            x1, y1 = min(x1, width), min(y1, height)
        if x0 < 0 or y0 < 0 or x1 > width or y1 > height or x1 <= x0 or y1 <= y0:
            yield (
                f"{table.row_name(row)}: {words} ({x0} {y0} {x1} {y1}) does not lie "
                f"inside its image of {width} x {height} pixels (expected x0 y0 x1 y1 with x0 < "
                "x1, y0 < y1; data.box_format names other conventions)"
            )


def _decode_all(jobs: list[tuple[str, str]], memory: Path) -> dict[str, Decoded | str]:
    """Path to its size, or to what is wrong with it."""
    known = _recall(memory)
    sizes: dict[str, Decoded | str] = {}
    stamps: dict[str, tuple[str, int, int]] = {}
    waiting = []
    for path, kind in jobs:
        try:
            stat = os.stat(path)
        except OSError:
            sizes[path] = "does not exist"
            continue
        stamps[path] = (path, stat.st_size, stat.st_mtime_ns)
        if stamps[path] in known:
            sizes[path] = known[stamps[path]]
        else:
            waiting.append((path, kind))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        decoded = pool.map(_decode, waiting)
        for (path, _), size in zip(waiting, show_progress(decoded, len(waiting)), strict=True):
            sizes[path] = size
            if not isinstance(size, str):
                known[stamps[path]] = size
    if known and waiting:
        _remember(known, memory)
    return sizes


def _decode(job: tuple[str, str]) -> Decoded | str:
    path, kind = job
    try:
        pixels = read_image(path) if kind == "image" else read_mask(path)
    except Exception as error:  # Pillow's decoders raise anything on a broken file
        return f"cannot be decoded: {type(error).__name__}: {error}"
    return pixels.shape[0], pixels.shape[1], bool(pixels.any())


def _recall(memory: Path) -> Known:
    if not memory.is_file():
        return {}
    try:
        columns = pa.parquet.read_table(memory, columns=list(REMEMBERED)).to_pydict()
    except (OSError, pa.ArrowInvalid):
        return {}  # a broken memory only costs the decoding
    rows = zip(*columns.values(), strict=True)
    return {(path, size, time): tuple(decoded) for path, size, time, *decoded in rows}


def _remember(known: Known, memory: Path) -> None:
    columns = zip(*[(*key, *decoded) for key, decoded in known.items()], strict=True)
    table = pa.table(dict(zip(REMEMBERED, map(list, columns), strict=True)))
    memory.parent.mkdir(parents=True, exist_ok=True)
    beside = memory.with_name(f".{memory.name}.{os.getpid()}")
    pa.parquet.write_table(table, beside)
    os.replace(beside, memory)
