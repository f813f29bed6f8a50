"""YOLO: one text file an image, a line a box: class, centre and size as shares, maybe a score."""

from pathlib import Path

import numpy as np

from datamodules.annotations.collecting import Collected
from datamodules.annotations.found import Annotations
from datamodules.problems import raise_problems

NAMES = ("classes.txt", "obj.names", "labels.txt")  # what numbers of classes are called


def read_yolo(paths: list[Path], folder: Path, name: str) -> Annotations:
    """Read and check the files of a folder.

    Args:
        paths: One an image; the image is the file of that name.
        folder: Names of images are relative to it.
        name: Of the folder, for messages.

    Raises:
        ValueError: A line is wrong; all are listed.
    """
    collected, problems = Collected(), []
    found = next((folder / one for one in NAMES if (folder / one).is_file()), None)
    words = [] if found is None else found.read_text(encoding="utf-8-sig").split("\n")
    for path in paths:
        where = path.relative_to(folder)
        collected.add_image(where.with_suffix("").as_posix(), (np.nan, np.nan))
        lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
        for number, line in enumerate(lines, start=1):
            try:
                values = [float(word) for word in line.split()]
            except ValueError:
                values = [np.nan]
            if not values:
                continue
            if len(values) not in (5, 6) or not np.isfinite(values).all() or min(values[3:5]) < 0:
                problems.append(
                    f"{where.as_posix()} line {number} is {line[:60]!r}, expected class, x and y "
                    "of the centre, width, height (shares of the image's size) and maybe a score"
                )
                continue
            kind, x, y, width, height = values[:5]
            box = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
            place = int(kind)
            label = words[place].strip() if 0 <= place < len(words) else str(place)
            collected.add(label, box, score=values[5] if len(values) == 6 else np.nan)
    raise_problems(problems, name)
    highest = max((max(box) for box in collected.boxes), default=0)
    if highest > 2:
        raise ValueError(f"{name}: boxes reach {highest:g}, expected shares of the image's size.")
    scored = bool(np.isfinite(collected.scores).any())
    return collected.finish(name=name, format="YOLO", normalized=True, detected=scored)
