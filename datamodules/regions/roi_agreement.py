"""How well found regions agree with those that people gave."""

from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple

import numpy as np

from datamodules.files.images import read_mask, read_size
from datamodules.files.unreadable import UnreadableImage
from datamodules.regions.planes import box_pixels
from datamodules.tables.table import ImageTable

MOST_COMPARED = 2_000
CLOSE_PIXELS = 5.0
CLOSE_SHARE = 0.1  # of the longer side of all given regions of the image together


class Agreement(NamedTuple):
    """Of one region, over the images that have it given and found.

    Args:
        num: Images compared.
        iou: Mean intersection over union of the boxes, in [0, 1].
        offset: Median distance of the boxes' centres in pixels.
        close: Share in [0, 1] of the boxes with their centre within 5 px or a tenth of the size of
            the given regions together, whichever is more.
        snug: The same of all four sides.
    """

    num: int
    iou: float
    offset: float
    close: float
    snug: float


def compare_with_given(
    table: ImageTable, rows: np.ndarray, boxes: Mapping[str, np.ndarray], seed: int
) -> dict[str, Agreement]:
    """Compare found boxes with the given ones of the same name, on a seeded sample of images.

    Args:
        table: With the given regions.
        rows: That were looked at.
        boxes: Region name to (rows, 4) found boxes in pixels, NaN: none.
        seed: Of the sample.

    Returns:
        Region name to its agreement; without the regions that nothing can be said of.
    """
    shared = [name for name in boxes if name in table.mask_paths or name in table.boxes]
    known = table.annotated[rows].any(axis=1)
    places = np.flatnonzero(known)
    if not shared or not len(places):
        return {}
    if len(places) > MOST_COMPARED:
        places = np.sort(np.random.default_rng(seed).choice(places, MOST_COMPARED, replace=False))
    given = np.array([given_boxes(table, int(row), shared) for row in rows[places]])
    found = np.stack([boxes[name][places] for name in shared], axis=1)
    whole = np.concatenate([_least(given[..., :2]), -_least(-given[..., 2:])], axis=1)
    allowed = np.maximum(CLOSE_PIXELS, CLOSE_SHARE * (whole[:, 2:] - whole[:, :2]).max(axis=1))
    return {
        name: _compare(given[both, number], found[both, number], allowed[both])
        for number, name in enumerate(shared)
        if (both := np.isfinite(given[:, number] + found[:, number]).all(axis=1)).any()
    }


def _least(corners: np.ndarray) -> np.ndarray:
    """(N, 2) least of (N, regions, 2), where NaN counts as not there; all NaN gives infinity."""
    return np.where(np.isnan(corners), np.inf, corners).min(axis=1)


def given_boxes(table: ImageTable, row: int, regions: list[str]) -> np.ndarray:
    """Boxes (regions, 4) in pixels that people gave, those around masks included; NaN: none.

    A mask or an image that cannot be read gives none: training names it, a comparison need not end.
    """
    boxes = np.full((len(regions), 4), np.nan)
    for number, region in enumerate(regions):
        path = table.mask_path(region, row)
        with suppress(UnreadableImage):
            if path:
                boxes[number] = box_around(read_mask(path))
            elif region in table.boxes and np.isfinite(table.boxes[region][row]).all():
                size = read_size(table.image_path(row))
                boxes[number] = box_pixels(table.boxes[region][row], table.boxes_normalized, *size)
    return boxes


def box_around(mask: np.ndarray) -> np.ndarray:
    """The smallest box (4,) around the set pixels of a mask (H, W); NaN where none is set."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return np.full(4, np.nan)
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], float)


def _compare(given: np.ndarray, found: np.ndarray, allowed: np.ndarray) -> Agreement:
    inner = np.minimum(given[:, 2:], found[:, 2:]) - np.maximum(given[:, :2], found[:, :2])
    shared = inner.clip(0).prod(axis=1)
    areas = sum((one[:, 2:] - one[:, :2]).prod(axis=1) for one in (given, found))
    centres = (found[:, :2] + found[:, 2:] - given[:, :2] - given[:, 2:]) / 2
    offset = np.hypot(*centres.T)
    sides = np.abs(found - given).max(axis=1)
    return Agreement(
        num=len(given),
        iou=float((shared / (areas - shared)).mean()),
        offset=float(np.median(offset)),
        close=float((offset <= allowed).mean()),
        snug=float((sides <= allowed).mean()),
    )
