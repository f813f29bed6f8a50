"""Whether annotations were made on these very images: their stated sizes are held to some files."""

import os

import numpy as np
from PIL import Image

from datamodules.annotations.found import Annotations
from datamodules.manifest import RawTable
from datamodules.problems import raise_problems

NUM_LOOKED_AT = 64
ORIENTATION = 0x0112  # EXIF
TURNED = (5, 6, 7, 8)


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
        own = upright_size(path)
        if own not in (None, (width, height)):
            problems.append(
                f"{raw.row_name(row)}: {path} is {own[0]} x {own[1]} pixels, annotated at {width} "
                f"x {height}: the boxes belong to another copy of the image, or one that is turned"
            )
    raise_problems(problems, found.name)


def upright_size(path: str) -> tuple[int, int] | None:
    """Width and height of an image once it is turned upright; None: it cannot be read.

    Only the head of the file is read; a broken file is for the check of all files to name.
    """
    try:
        with Image.open(path) as image:
            turned = image.getexif().get(ORIENTATION) in TURNED
            return (image.height, image.width) if turned else image.size
    except Exception:  # Pillow's decoders raise anything on a broken file
        return None
