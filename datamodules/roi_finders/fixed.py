"""Fixed cameras: boxes given once, for all images or by the path that a camera's images have."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, get_args

import numpy as np

from datamodules.files.images import read_size
from datamodules.files.unreadable import UnreadableImage
from datamodules.problems import raise_problems
from datamodules.regions.planes import box_pixels
from datamodules.roi_finders.base import Found
from datamodules.roi_finders.looking import run_in_threads
from datamodules.tables.boxes import BoxFormat, to_corners
from datamodules.tables.table import ImageTable

Boxes = Mapping[str, Sequence[float]]


@dataclass(kw_only=True)
class FixedFinder:
    """Gives every image of a camera the same boxes.

    Args:
        boxes: Region name to four numbers, for all images; None where there are ``cameras``.
        cameras: Regular expression, looked for in the image's path, to the boxes of that camera.
        box_format: What the four numbers mean.
    """

    boxes: Boxes | None = None
    cameras: Mapping[str, Boxes] | None = None
    box_format: BoxFormat = "xyxy"

    name: ClassVar[str] = "fixed"
    proposes: ClassVar[bool] = False

    def __post_init__(self) -> None:
        raise_problems(list(self._find_problems()), "the options of roi=fixed")

    def _find_problems(self) -> Iterator[str]:
        if bool(self.boxes) == bool(self.cameras):
            yield (
                'set either roi.boxes, such as "roi.boxes={mouth: [40, 60, 80, 90]}", or '
                "roi.cameras, an expression on the path to such boxes"
            )
            return
        if self.box_format not in get_args(BoxFormat):
            formats = " or ".join(get_args(BoxFormat))
            yield f"roi.box_format is {self.box_format!r}, expected {formats}"
        for expression in self.cameras or ():
            try:
                re.compile(expression)
            except re.error as error:
                yield f"roi.cameras: {expression!r} is no regular expression: {error}"
        for where, boxes in self._named():
            if not isinstance(boxes, Mapping) or not boxes:
                yield f"{where} is {boxes!r}, expected regions and their boxes"
                continue
            for region, box in boxes.items():
                if not _are_numbers(box):
                    yield f"{where}.{region} is {box!r}, expected four finite numbers"
                elif self.box_format.startswith("xyxy") and not (
                    box[0] < box[2] and box[1] < box[3]
                ):
                    yield (
                        f"{where}.{region} is {list(box)}, expected x0 y0 x1 y1 with x0 < x1, "
                        "y0 < y1; roi.box_format names other conventions"
                    )

    def _named(self) -> list[tuple[str, Boxes]]:
        """Where boxes stand in the configuration, and the boxes."""
        if self.boxes:
            return [("roi.boxes", self.boxes)]
        return [(f"roi.cameras.{name}", boxes) for name, boxes in self.cameras.items()]

    @property
    def region_names(self) -> tuple[str, ...]:
        """Regions of any camera, in the order in which they are named."""
        return tuple(dict.fromkeys(region for _, boxes in self._named() for region in boxes))

    def find(self, table: ImageTable, rows: np.ndarray) -> Found:
        """Give the rows their camera's boxes.

        Raises:
            ValueError: A path is of two cameras, or a box is not inside its image; all are listed.
        """
        cameras = [boxes for _, boxes in self._named()]
        chosen = self._choose(table, rows)
        found = {region: np.full((len(rows), 4), np.nan) for region in self.region_names}
        reasons = np.where(chosen < 0, "no camera's expression is in its path", "").astype(object)
        places = np.flatnonzero(chosen >= 0)
        sizes = run_in_threads(
            lambda row: _try_size(table.image_path(row)), rows[places], "Reading image sizes"
        )
        problems: list[str] = []
        for place, size in zip(places.tolist(), sizes, strict=True):
            if isinstance(size, str):
                reasons[place] = size
                continue
            for region, box in cameras[chosen[place]].items():
                found[region][place] = corners = self._corners(box, *size)
                if not _is_inside(corners, *size):
                    problems.append(
                        f"{table.row_name(int(rows[place]))}: the box of {region} {corners} does "
                        f"not lie inside its image of {size[1]} x {size[0]} pixels"
                    )
        raise_problems(problems, "the boxes of roi=fixed")
        return Found(found, reasons)

    def _choose(self, table: ImageTable, rows: np.ndarray) -> np.ndarray:
        """(rows,) number of each image's camera, -1 where there is none."""
        if not self.cameras:
            return np.zeros(len(rows), int)
        expressions = [re.compile(expression) for expression in self.cameras]
        chosen, problems = np.full(len(rows), -1), []
        for place, row in enumerate(rows.tolist()):
            path = table.columns["image"][row].as_py()
            hits = [number for number, one in enumerate(expressions) if one.search(path)]
            if len(hits) > 1:
                words = " and ".join(repr(expressions[hit].pattern) for hit in hits)
                problems.append(f"{table.row_name(row)}: {path} is of two cameras, {words}")
            elif hits:
                chosen[place] = hits[0]
        raise_problems(problems, "roi.cameras")
        return chosen

    def _corners(self, box: Sequence[float], height: int, width: int) -> tuple[int, int, int, int]:
        corners = to_corners(np.array([box], float), self.box_format)[0]
        return box_pixels(corners, self.box_format.endswith("_normalized"), height, width)


def _try_size(path: str) -> tuple[int, int] | str:
    """Height and width, or what is wrong with the file."""
    try:
        return read_size(path)
    except UnreadableImage as error:
        return error.reason


def _are_numbers(box: object) -> bool:
    if isinstance(box, str) or not isinstance(box, Sequence) or len(box) != 4:
        return False
    numbers = all(isinstance(one, int | float) and not isinstance(one, bool) for one in box)
    return numbers and bool(np.isfinite(np.array(box, float)).all())


def _is_inside(box: tuple[int, int, int, int], height: int, width: int) -> bool:
    x0, y0, x1, y1 = box
    return 0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height
