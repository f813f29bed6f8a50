"""Masks as a few numbers: whether there is one, its size, place and shape."""

import numpy as np

from datamodules.files.images import read_size
from datamodules.regions.planes import read_regions
from datamodules.tables.table import ImageTable

MOST_PARTS = 10
ABSENT = (0.0, 0.0) + (-1.0,) * 11
EMPTY = (1.0, 1.0) + (-1.0,) * 11


def measure_regions(table: ImageTable, row: int, annotated: np.ndarray) -> list[tuple[float, ...]]:
    """Measure each region of one image, ``annotated`` (R,); no pixel of the image is read."""
    if not annotated.any():
        return [ABSENT] * len(annotated)
    masks = [table.mask_path(region, row) for region in table.mask_paths]
    height, width = read_size(next(filter(None, masks), None) or table.image_path(row))
    planes = read_regions(table, row, height, width)
    pairs = zip(planes, annotated, strict=True)
    return [describe_mask(plane) if there else ABSENT for plane, there in pairs]


def describe_mask(mask: np.ndarray) -> tuple[float, ...]:
    """Presence, emptiness, area, box, centroid, aspect, extent, compactness and number of parts.

    Lengths are shares of the image's; the compactness of an upright square is 1, of a line near 0.
    """
    from scipy.ndimage import label

    area = np.count_nonzero(mask)
    if area == 0:
        return EMPTY
    sums = [np.count_nonzero(mask, axis=axis) for axis in (1, 0)]
    ends = np.array([np.flatnonzero(s)[[0, -1]] + [0, 1] for s in sums])
    (y0, y1), (x0, x1) = ends
    box = ends[:, 1] - ends[:, 0]
    centroid = [s @ (np.arange(len(s)) + 0.5) / area for s in sums]
    place = np.concatenate([ends.mean(axis=1), box, centroid]) / np.tile(mask.shape, 3)
    crop = np.pad(mask[y0:y1, x0:x1], 1)
    edges = sum(np.count_nonzero(np.diff(crop, axis=axis)) for axis in (0, 1))
    shape = (np.log(box[1] / box[0]), area / box.prod(), 16 * area / edges**2)
    return (1.0, 0.0, area / mask.size, *place, *shape, min(label(crop)[1], MOST_PARTS))
