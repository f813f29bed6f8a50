"""Shapes of annotations: outlines, runs of pixels and pictures, and how they are drawn.

A pixel is inside an outline if its centre is; a rectangle with whole corners covers exactly the
pixels of the half-open box of these corners.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from datamodules.annotations.rle import decode_runs


@dataclass(frozen=True, slots=True)
class Outline:
    """The union of closed polygons.

    Args:
        rings: Each (P, 2) float64 x and y in pixels, at least three points.
    """

    rings: Sequence[np.ndarray]

    def bounds(self) -> tuple[float, float, float, float]:
        """Smallest box x0 y0 x1 y1 around it."""
        points = np.concatenate(self.rings)
        return (*points.min(axis=0).tolist(), *points.max(axis=0).tolist())

    def draw(self, mask: np.ndarray) -> None:
        """Set the pixels inside, in (H, W) bool."""
        for ring in self.rings:
            _fill(ring, mask)


@dataclass(frozen=True, slots=True)
class Picture:
    """A small mask at a place.

    Args:
        pixels: (h, w) bool.
        left: Column of its first pixel in the image.
        top: Row of its first pixel.
    """

    pixels: np.ndarray
    left: int = 0
    top: int = 0

    def bounds(self) -> tuple[float, float, float, float]:
        """Smallest box x0 y0 x1 y1 around its set pixels; of none at all a point."""
        rows, columns = (np.flatnonzero(self.pixels.any(axis=axis)) for axis in (1, 0))
        if not len(rows):
            return (self.left, self.top, self.left, self.top)
        x, y = self.left + columns, self.top + rows
        return (float(x[0]), float(y[0]), float(x[-1] + 1), float(y[-1] + 1))

    def draw(self, mask: np.ndarray) -> None:
        """Set its pixels, in (H, W) bool; what reaches out is cut."""
        left, top = max(self.left, 0), max(self.top, 0)
        target = mask[top:, left:]
        source = self.pixels[top - self.top :, left - self.left :]
        height, width = np.minimum(target.shape, source.shape)
        target[:height, :width] |= source[:height, :width]


@dataclass(frozen=True, slots=True)
class Runs:
    """A mask as runs of pixels, outside and inside in turn, drawn when it is needed.

    Args:
        counts: (N,) lengths in pixels, as ``check_runs`` accepts.
        height: Of the mask.
        width: Of the mask.
        by_columns: Whether pixels are counted down the columns (COCO), or along the rows (CVAT).
        left: Column of its first pixel in the image.
        top: Row of its first pixel.
    """

    counts: np.ndarray
    height: int
    width: int
    by_columns: bool
    left: int = 0
    top: int = 0

    def bounds(self) -> tuple[float, float, float, float]:
        """As of a picture."""
        return self._picture().bounds()

    def draw(self, mask: np.ndarray) -> None:
        """As a picture."""
        self._picture().draw(mask)

    def _picture(self) -> Picture:
        pixels = decode_runs(self.counts, self.height, self.width, self.by_columns)
        return Picture(pixels, self.left, self.top)


Shape = Outline | Picture | Runs


def ellipse(x: float, y: float, across: float, down: float, degrees: float = 0.0) -> Outline:
    """An ellipse as a polygon of 72 points; radii in pixels, turned clockwise on the screen."""
    angle = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    points = np.stack([across * np.cos(angle), down * np.sin(angle)], axis=1)
    return Outline([turn(points, degrees) + np.array([x, y])])


def rectangle(x0: float, y0: float, x1: float, y1: float, degrees: float = 0.0) -> Outline:
    """A rectangle, turned clockwise on the screen about its centre."""
    corners = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], float)
    centre = corners.mean(axis=0)
    return Outline([turn(corners - centre, degrees) + centre])


def turn(points: np.ndarray, degrees: float) -> np.ndarray:
    """Turn (P, 2) points about the origin, clockwise where y points down."""
    cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return points @ np.array([[cos, sin], [-sin, cos]])


def _fill(ring: np.ndarray, mask: np.ndarray) -> None:
    """Even-odd rule along each row of pixel centres."""
    height, width = mask.shape
    x, y = ring.T
    next_x, next_y = np.roll(ring, -1, axis=0).T
    first = int(np.clip(np.floor(y.min()), 0, height))
    last = int(np.clip(np.ceil(y.max()), first, height))
    centres = np.arange(first, last) + 0.5
    row, edge = np.nonzero((y <= centres[:, None]) != (next_y <= centres[:, None]))
    slope = (next_x[edge] - x[edge]) / (next_y[edge] - y[edge])
    crossing = x[edge] + (centres[row] - y[edge]) * slope
    start = np.clip(np.ceil(crossing - 0.5), 0, width).astype(int)
    turns = np.zeros((last - first, width + 1), np.int32)
    np.add.at(turns, (row, start), 1)
    mask[first:last] |= np.cumsum(turns, axis=1)[:, :width] % 2 == 1
