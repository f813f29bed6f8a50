"""Images that cannot be used: which, why, and what is left without them."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from datamodules.checks.examination import Examination
from datamodules.problems import list_some, raise_problems
from datamodules.splitting.splits import SPLITS
from datamodules.tables.table import ImageTable


class BadImage(NamedTuple):
    """An image that is missing or broken, or whose mask is, or is of another size.

    ``part`` is what is bad as a sentence begins ("the mask of roi"), "" for the image itself.
    """

    row: int
    part: str
    path: str
    reason: str

    def say(self, table: ImageTable) -> str:
        """The whole sentence."""
        part = f"{self.part} " if self.part else ""
        return f"{table.row_name(self.row)}: {part}{self.path} {self.reason}"

    def as_row(self, table: ImageTable) -> dict[str, str]:
        """A row of ``quarantine.csv``."""
        reason = f"{self.part} {self.reason}".strip()
        return {"id": table.ids[self.row].as_py(), "path": self.path, "reason": reason}


def find_bad(table: ImageTable, found: Examination) -> list[BadImage]:
    """List bad images and masks in the order of the rows."""
    bad = list(_find_broken(found))
    bad += [one for region in found.masks for one in _find_bad_masks(found, region)]
    return sorted(bad, key=lambda one: one.row)


def _find_broken(found: Examination) -> Iterator[BadImage]:
    for row in np.flatnonzero(found.images.broken).tolist():
        yield BadImage(row, "", found.images.path(row), found.images.error(row))


def _find_bad_masks(found: Examination, region: str) -> Iterator[BadImage]:
    images, masks = found.images, found.masks[region]
    part, whole = f"the mask of {region}", masks.named & ~images.broken
    for row in np.flatnonzero(whole & masks.broken).tolist():
        yield BadImage(row, part, masks.path(row), masks.error(row))
    differs = (masks["height"] != images["height"]) | (masks["width"] != images["width"])
    sizes = [files[side] for files in (masks, images) for side in ("width", "height")]
    for row in np.flatnonzero(whole & ~masks.broken & differs).tolist():
        width, height, image_width, image_height = (int(size[row]) for size in sizes)
        reason = (
            f"is {width} x {height} pixels, its image {image_width} x {image_height}; "
            "they must be alike"
        )
        yield BadImage(row, part, masks.path(row), reason)


def leave_out(table: ImageTable, rows: np.ndarray) -> ImageTable:
    """The table without some rows.

    Raises:
        ValueError: A split or a class of the training images would be gone.
    """
    kept = table.keep(np.setdiff1d(np.arange(len(table)), rows))
    problems = []
    before, after = table.counts(), kept.counts()
    for split in SPLITS:
        if sum(before[split]) and not sum(after[split]):
            problems.append(f"no {split} image is left: {_examples(table, rows, split)}")
    counts = zip(table.class_names, before["train"], after["train"], strict=True)
    gone = [name for name, was, now in counts if was and not now]
    if gone and sum(after["train"]):
        problems.append(f"no training image of {list_some(gone)} is left")
    raise_problems(problems, f"{table.name} without its bad images; repair the files")
    return kept


def _examples(table: ImageTable, rows: np.ndarray, split: str) -> str:
    here = np.intersect1d(rows, table.rows_of(split))
    return list_some([table.row_name(row) for row in here[:3].tolist()], 3, len(here))
