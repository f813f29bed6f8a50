"""Boxes that exist already, as a finder of regions: ``roi=boxes data.boxes=<file or folder>``."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from datamodules.annotations.found import Annotations
from datamodules.annotations.joining import join_boxes
from datamodules.annotations.options import BoxJoin
from datamodules.annotations.reading import read_annotations
from datamodules.annotations.region_names import Wanted, keep_class_out, name_regions
from datamodules.annotations.stated_sizes import find_size
from datamodules.problems import list_some
from datamodules.progress import show_progress
from datamodules.roi_finders.base import Found
from datamodules.tables.boxes import BoxFormat
from datamodules.tables.table import ImageTable

NO_ANNOTATION = "no annotation"
NO_BOX = "annotated, without a box of these categories and scores"


@dataclass(kw_only=True)
class BoxesFinder:
    """Looks up what another program or a person has found before.

    Args:
        boxes: File or folder of annotations, as ``data.boxes``.
        box_format: What the numbers of a plain table's boxes mean.
        box_regions: Categories to regions, as ``data.box_regions``.
        box_join: What is made of several boxes of one region in an image.
        box_min_score: Boxes of a lower score are left out.
    """

    boxes: str | None
    box_format: BoxFormat = "xyxy"
    box_regions: Wanted = None
    box_join: BoxJoin = "union"
    box_min_score: float = 0.0

    name = "boxes"
    proposes = False

    def __post_init__(self) -> None:
        if self.boxes is None:
            raise ValueError(
                "roi=boxes looks up boxes that exist already: name their file or folder by "
                "data.boxes=path/to/detections.json."
            )
        self.boxes = str(Path(self.boxes).expanduser().resolve())  # of a record read anywhere

    @cached_property
    def annotations(self) -> Annotations:
        """What the file says, read once."""
        return read_annotations(Path(self.boxes), "data.boxes", self.box_format)

    @property
    def region_names(self) -> tuple[str, ...]:
        """The regions that the categories become."""
        return name_regions(self.annotations, self.box_regions, [])[0]

    def find(self, table: ImageTable, rows: np.ndarray) -> Found:
        """Look the rows up.

        Raises:
            ValueError: The annotations are missing or wrong, or match no image.
        """
        found = self.annotations
        classes = table.class_names
        if keep_class_out(found, self.box_regions, classes, []) != self.box_regions:
            raise ValueError(
                f"The categories of {found.name} are the classes ({list_some(classes)}): regions "
                "of these names would tell the class. Set data.box_regions=all for one region roi."
            )
        joined = join_boxes(
            table.columns["image"], found, self.box_regions, self.box_join, self.box_min_score
        )
        shown = joined.any_box()[rows]
        sizes = _read_sizes(table, rows, np.flatnonzero(shown))
        boxes = {
            region: _to_pixels(own[rows], sizes, found.normalized)
            for region, own in joined.boxes.items()
        }
        inside = np.any([np.isfinite(own).all(axis=1) for own in boxes.values()], axis=0)
        unread = shown & np.isnan(sizes).any(axis=1)
        reasons = np.select(
            [inside, joined.names[rows] < 0, ~shown, unread],
            ["", NO_ANNOTATION, NO_BOX, "cannot be decoded"],
            "its box lies outside of the image",
        )
        return Found(boxes, reasons, [*joined.notes, *joined.several.values()])


def _read_sizes(table: ImageTable, rows: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Width and height of the upright images at some places of the rows, (rows, 2), else NaN."""
    sizes = np.full((len(rows), 2), np.nan)
    paths = [table.image_path(int(row)) for row in rows[places]]
    with ThreadPoolExecutor() as pool:
        read = show_progress(pool.map(find_size, paths), len(paths), "Reading image sizes")
        for place, size in zip(places.tolist(), read, strict=True):
            if size is not None:
                sizes[place] = size[::-1]
    return sizes


def _to_pixels(boxes: np.ndarray, sizes: np.ndarray, normalized: bool) -> np.ndarray:
    """Boxes in pixels, cut at the edges of their images; NaN where nothing is left."""
    limit = np.concatenate([sizes, sizes], axis=1)
    pixels = np.minimum(boxes * limit if normalized else boxes, limit)
    pixels[~(pixels[:, 2:] > pixels[:, :2]).all(axis=1)] = np.nan
    return pixels
