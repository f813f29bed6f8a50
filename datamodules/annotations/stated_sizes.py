"""Whether annotations were made on these very images: their stated sizes are held to some files."""

import os

import numpy as np

from datamodules.annotations.found import Annotations
from datamodules.files.images import read_size
from datamodules.files.unreadable import UnreadableImage
from datamodules.problems import raise_problems
from datamodules.tables.manifest import RawTable

NUM_LOOKED_AT = 64


def check_sizes(raw: RawTable, found: Annotations, names: np.ndarray) -> None:
    """Hold the stated sizes of some images, spread over the table, to their files' own.

    Args:
        raw: The table.
        found: Annotations that may state sizes.
        names: (rows,) annotated image of each row, -1 where there is none.

    Raises:
        ValueError: Images are of other sizes; they are listed.
    """
    rows = np.flatnonzero(names >= 0)
    rows = rows[np.isfinite(found.sizes[names[rows]]).all(axis=1)]
    chosen = rows[:: max(1, len(rows) // NUM_LOOKED_AT)]
    problems = []
    for row in chosen.tolist():
        path = os.path.join(raw.roots[0], raw.columns["image"][row].as_py())
        width, height = found.sizes[names[row]].astype(int).tolist()
        own = find_size(path)
        if own not in (None, (height, width)):
            problems.append(
                f"{raw.row_name(row)}: {path} is {own[1]} x {own[0]} pixels, annotated at {width} "
                f"x {height}: the boxes belong to another copy of the image, or one that is turned"
            )
    raise_problems(problems, found.name)


def find_size(path: str) -> tuple[int, int] | None:
    """Height and width of an image; None: it cannot be read, which the check of all files says."""
    try:
        return read_size(path)
    except UnreadableImage:
        return None
