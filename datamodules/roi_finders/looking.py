"""Looking into many images, one after the other, in threads."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar

import numpy as np

from datamodules.files.images import read_image
from datamodules.files.unreadable import UnreadableImage
from datamodules.problems import list_some
from datamodules.progress import show_progress
from datamodules.roi_finders.base import Found
from datamodules.tables.table import ImageTable

T = TypeVar("T")
# images whose answers wait at once: a queue of millions would cost more than the work
CHUNK = 1024


class Answer(NamedTuple):
    """What one image answered.

    Args:
        boxes: (regions, 4) float64 of x0 y0 x1 y1 in pixels, NaN: not found; None: nothing was.
        reason: Why nothing was found.
        remark: What is to be counted and said of images of its kind.
    """

    boxes: np.ndarray | None
    reason: str = ""
    remark: str = ""


def look_into(
    table: ImageTable,
    rows: np.ndarray,
    region_names: Sequence[str],
    look: Callable[[np.ndarray], Answer],
    title: str,
) -> Found:
    """Decode images in threads and gather what ``look`` says of each.

    Args:
        table: The images.
        rows: Which of them.
        region_names: Of the answers' boxes, in order.
        look: Takes (H, W, 3) uint8, upright; called from several threads.
        title: Of the progress bar.
    """

    def answer(row: int) -> Answer:
        try:
            return look(read_image(table.image_path(row), table.window))
        except UnreadableImage as error:
            return Answer(None, error.reason)

    boxes = np.full((len(region_names), len(rows), 4), np.nan)
    reasons, remarks = np.full(len(rows), "", object), np.full(len(rows), "", object)
    for place, one in enumerate(run_in_threads(answer, rows, title)):
        reasons[place], remarks[place] = one.reason, one.remark
        if one.boxes is not None:
            boxes[:, place] = one.boxes
    notes = [
        _count_remark(table, rows[remarks == remark], remark)
        for remark in dict.fromkeys(remarks[remarks != ""].tolist())
    ]
    return Found(dict(zip(region_names, boxes, strict=True)), reasons, notes)


def run_in_threads(work: Callable[[int], T], rows: np.ndarray, title: str) -> Iterator[T]:
    """What ``work`` makes of each row, in their order, under a progress bar."""

    def all_results() -> Iterator[T]:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for start in range(0, len(rows), CHUNK):
                yield from pool.map(work, rows[start : start + CHUNK].tolist())

    return show_progress(all_results(), len(rows), title)


def _count_remark(table: ImageTable, rows: np.ndarray, remark: str) -> str:
    names = list_some([table.ids[row].as_py() for row in rows.tolist()], 3)
    return f"{remark} in {len(rows)} image{'s' if len(rows) > 1 else ''}: {names}."
