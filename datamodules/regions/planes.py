"""Regions of interest: from mask files and boxes to one plane per named region or distractor.

A region's plane follows the image through every resampling by one rule: a pixel is inside only if
every source pixel that its filter reads is inside. That is what the gates' EXACT promise rests on.
"""

import numpy as np

from datamodules.files.images import read_mask
from datamodules.tables.boxes import BOX_TOLERANCE
from datamodules.tables.table import ImageTable

# half width of the filter in source pixels, at a scale of one
FILTER_RADIUS = {"nearest": 0.5, "bilinear": 1.0, "bicubic": 2.0}


def read_regions(table: ImageTable, row: int, height: int, width: int) -> np.ndarray:
    """Read the regions of one image.

    Args:
        table: Where its masks and boxes stand.
        row: Which image.
        height: Of the image, in pixels.
        width: Of the image, in pixels.

    Returns:
        (R, H, W) bool; a region that is not annotated is empty.

    Raises:
        ValueError: A mask has another size than its image.
    """
    planes = np.zeros((len(table.region_names), height, width), bool)
    for plane, region in zip(planes, table.region_names, strict=True):
        path = table.mask_path(region, row)
        if path:
            mask = read_mask(path)
            if mask.shape != plane.shape:
                raise ValueError(
                    f"{path} is {mask.shape[1]} x {mask.shape[0]}, its image {width} x {height}"
                )
            plane[:] = mask
        elif region in table.boxes:
            _draw_box(plane, table.boxes[region][row], table.boxes_normalized)
    return planes


def read_distractors(table: ImageTable, row: int, height: int, width: int) -> np.ndarray:
    """Planes (K, H, W) bool of what must not count in one image; empty where it has none."""
    planes = np.zeros((len(table.distractors), height, width), bool)
    for plane, boxes in zip(planes, table.distractors.values(), strict=True):
        _draw_box(plane, boxes[row], table.boxes_normalized)
    return planes


def _draw_box(plane: np.ndarray, box: np.ndarray, normalized: bool) -> None:
    if np.isfinite(box).all():
        x0, y0, x1, y1 = box_pixels(box, normalized, *plane.shape)
        plane[y0:y1, x0:x1] = True


def box_pixels(
    box: np.ndarray, normalized: bool, height: int, width: int
) -> tuple[int, int, int, int]:
    """Corners x0 y0 x1 y1 of a box in whole pixels, half-open, rounded outwards.

    Args:
        box: (4,) x0 y0 x1 y1.
        normalized: Whether they are shares of the image's size.
        height: Of the image, in pixels.
        width: Of the image, in pixels.
    """
    x0, y0, x1, y1 = box
    if normalized:
        x0, x1, y0, y1 = x0 * width, x1 * width, y0 * height, y1 * height
    start = np.floor(np.array([x0, y0]) + BOX_TOLERANCE).astype(int)
    stop = np.ceil(np.array([x1, y1]) - BOX_TOLERANCE).astype(int)
    return (*start.tolist(), *stop.tolist())


def resize_regions(planes: np.ndarray, size: tuple[int, int], interpolation: str) -> np.ndarray:
    """Resize planes so that a pixel is inside only if all that its filter reads is inside.

    Args:
        planes: (R, H, W) bool.
        size: Height and width to reach, in pixels.
        interpolation: The filter of the image's own resize, with antialiasing.

    Returns:
        (R, *size) bool.
    """
    if planes.shape[1:] == tuple(size):
        return planes
    radius = FILTER_RADIUS[interpolation]
    for length in size:  # whole lines are compared: the second time those of the turned image
        planes = np.ascontiguousarray(_all_inside(planes, length, radius).swapaxes(1, 2))
    return planes


def resize_generously(planes: np.ndarray, size: tuple[int, int], interpolation: str) -> np.ndarray:
    """Resize planes as ``resize_regions``, but a pixel is inside if anything its filter reads is.

    For what has to be covered whole, where a region has to be kept pure.
    """
    return ~resize_regions(~planes, size, interpolation)


def _all_inside(planes: np.ndarray, length: int, radius: float) -> np.ndarray:
    """Whether every source pixel below the filter is true, from top to bottom (R, length, W)."""
    source = planes.shape[1]
    if source == length:
        return planes
    scale = source / length
    # an antialiased filter widens with the scale when it shrinks, never below its own width
    support = radius * max(scale, 1.0)
    centres = (np.arange(length) + 0.5) * scale
    start = np.clip(np.floor(centres - support), 0, source - 1).astype(int)
    stop = np.clip(np.ceil(centres + support), start + 1, source).astype(int)
    inside = planes[:, start]
    for step in range(1, int((stop - start).max())):
        inside &= planes[:, np.minimum(start + step, stop - 1)]
    return inside
