"""Every image and mask is decoded once before the first training on it, and held to each other."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from datamodules.checks.bad_images import BadImage, find_bad, leave_out
from datamodules.checks.examination import Examination, examine_files
from datamodules.options import BadImagePolicy
from datamodules.problems import list_some, raise_problems
from datamodules.tables.boxes import BOX_TOLERANCE, box_words
from datamodules.tables.table import ImageTable


class FileCheck(NamedTuple):
    """The images that can be used.

    Args:
        table: Without bad images.
        found: What is known of its files.
        notes: What is to be said of them, one sentence each.
        empty: (rows,) bool of ROIs that are annotated as absent.
        bad: What was left out: id, path and reason.
    """

    table: ImageTable
    found: Examination
    notes: list[str]
    empty: np.ndarray
    bad: list[dict[str, str]]


def check_files(
    table: ImageTable, memory: Path, on_bad_image: BadImagePolicy = "error"
) -> FileCheck:
    """Decode what was not decoded before, in parallel, and hold masks and boxes to image sizes.

    Args:
        table: The images; masks are checked with them.
        memory: Parquet file that remembers decoded files by path, size and time.
        on_bad_image: ``error`` stops at images that cannot be used, ``skip`` and ``quarantine``
            leave them out.

    Raises:
        ValueError: Files are missing, unreadable or do not fit together; all are listed. Or too
            little is left.
    """
    found = examine_files(table, memory)
    bad = find_bad(table, found)
    rows = np.unique([one.row for one in bad]).astype(int)
    misplaced = find_misplaced_boxes(table, found)
    problems = [(one.row, one.say(table)) for one in bad] if on_bad_image == "error" else []
    problems = [text for _, text in sorted(problems + misplaced, key=lambda problem: problem[0])]
    advice = " (data.on_bad_image=skip leaves such images out)" if len(rows) else ""
    raise_problems(problems, f"the files of {table.name}{advice}")
    notes = _say_left_out(table, bad, len(rows), on_bad_image) if len(rows) else []
    listed = [one.as_row(table) for one in bad]
    if len(rows):
        table, found = leave_out(table, rows), found.keep(np.setdiff1d(np.arange(len(table)), rows))
    empty = find_empty(table, found)
    notes += _say_empty(table, np.flatnonzero(empty).tolist())
    return FileCheck(table, found, notes, empty, listed)


def find_empty(table: ImageTable, found: Examination) -> np.ndarray:
    """(rows,) bool: the image has a ROI, and not a pixel of it is set."""
    shown = np.zeros(len(table), bool)
    for masks in found.masks.values():
        shown |= masks["set_pixels"] > 0
    for boxes in table.boxes.values():
        shown |= np.isfinite(boxes).all(axis=1)
    return table.annotated.any(axis=1) & ~shown


def find_misplaced_boxes(table: ImageTable, found: Examination) -> list[tuple[int, str]]:
    """Row and sentence of each box that does not lie inside its image."""
    kinds = [(box_words("box", name), boxes) for name, boxes in table.boxes.items()]
    kinds += [(box_words("distractor", name), b) for name, b in table.distractors.items()]
    size = np.stack([found.images["width"], found.images["height"]], axis=1)
    return [one for words, boxes in kinds for one in _find_misplaced(table, words, boxes, size)]


def _find_misplaced(
    table: ImageTable, words: str, boxes: np.ndarray, size: np.ndarray
) -> Iterator[tuple[int, str]]:
    there = np.flatnonzero(np.isfinite(boxes).all(axis=1) & (size > 0).all(axis=1))
    corners = boxes[there] * np.tile(size[there], 2) if table.boxes_normalized else boxes[there]
    # as box_pixels rounds, for all at once
    start, stop = np.floor(corners[:, :2] + BOX_TOLERANCE), np.ceil(corners[:, 2:] - BOX_TOLERANCE)
    # detectors do not stop at the edge, and drawing does
    cut = table.detected[there][:, None]
    stop = np.where(cut, np.minimum(stop, size[there]), stop)
    wrong = ((start < 0) | (stop > size[there]) | (stop <= start)).any(axis=1)
    for row in there[wrong].tolist():
        width, height = size[row].tolist()
        # not box_pixels: a number as large as 1e300 is no whole number of pixels
        typed = " ".join(f"{value:g}" for value in boxes[row].tolist())
        shares = " as shares" if table.boxes_normalized else ""
        yield (
            row,
            f"{table.row_name(row)}: {words} ({typed}{shares}) does not lie "
            f"inside its image of {width} x {height} pixels (expected x0 y0 x1 y1 with x0 < "
            "x1, y0 < y1; data.box_format names other conventions)",
        )


def _say_left_out(
    table: ImageTable, bad: list[BadImage], num_images: int, policy: BadImagePolicy
) -> list[str]:
    examples = list_some([one.say(table) for one in bad[:3]], 3, len(bad))
    listed = "; quarantine.csv lists them" if policy == "quarantine" else ""
    return [
        f"{num_images} of {len(table)} images are left out (data.on_bad_image={policy}{listed}): "
        f"{examples}."
    ]


def _say_empty(table: ImageTable, empty: list[int]) -> list[str]:
    """A mask without a set pixel says that the region is absent, and a gate then shows nothing."""
    if not empty:
        return []
    names = list_some([table.row_name(row) for row in empty[:3]], 3, len(empty))
    return [
        f"The ROI of {len(empty)} of {len(table)} images is empty (annotated as absent): {names}. "
        "A gate shows nothing of them, and a model can only guess; leave their mask blank if it is "
        "unknown."
    ]
