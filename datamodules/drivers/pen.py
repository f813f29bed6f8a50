"""Fills shapes and draws lines on a picture that is ZOOM times larger.

Lengths are native pixels, x to the right and y down. The large picture is averaged down in disjoint
ZOOM x ZOOM blocks, so that a native pixel depends on its own block and on nothing beside it. So two
promises are exact: what an expression changes stays inside the regions, and what the background
changes stays outside.
"""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw

from datamodules.drivers.colours import Colour

SIZE = 96
ZOOM = 4


class Pen:
    """Fills shapes given in head coordinates on a picture that is ZOOM times larger."""

    def __init__(
        self, image: Image.Image, x: float = 0, y: float = 0, scale: float = 1, roll: float = 0
    ) -> None:
        """Put the origin at native pixel (x, y); ``roll`` in radians, clockwise."""
        self.draw = ImageDraw.Draw(image)
        turn = [[math.cos(roll), math.sin(roll)], [-math.sin(roll), math.cos(roll)]]
        self.matrix = ZOOM * scale * np.array(turn)
        self.origin = ZOOM * np.array([x, y])
        self.scale = ZOOM * scale

    def fill(self, points: ArrayLike, colour: Colour | int) -> None:
        """Fill a polygon, points (N, 2)."""
        self.draw.polygon((points @ self.matrix + self.origin).ravel().tolist(), fill=colour)

    def oval(
        self, x: float, y: float, rx: float, ry: float, colour: Colour | int, power: float = 2.0
    ) -> None:
        """Fill a superellipse: power 2 is an ellipse, 4 a box with round corners."""
        self.fill(oval_points(x, y, rx, ry, power), colour)

    def box(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        """Fill a rectangle."""
        self.fill([[left, top], [right, top], [right, bottom], [left, bottom]], colour)

    def band(self, x: ArrayLike, top: ArrayLike, bottom: ArrayLike, colour: Colour) -> None:
        """Fill between two curves over x, only where ``top`` is above ``bottom``."""
        x, top, bottom = np.broadcast_arrays(x, top, bottom)
        keep = bottom > top
        if keep.sum() > 1:
            upper, lower = np.stack([x, top], 1)[keep], np.stack([x, bottom], 1)[keep]
            self.fill(np.concatenate([upper, lower[::-1]]), colour)

    def line(self, points: ArrayLike, colour: Colour, width: float) -> None:
        """Draw a line with round ends."""
        placed = (points @ self.matrix + self.origin).tolist()
        thick = max(1, round(width * self.scale))
        self.draw.line([tuple(p) for p in placed], fill=colour, width=thick, joint="curve")
        for x, y in (placed[0], placed[-1]):
            r = thick / 2 - 0.5
            self.draw.ellipse((x - r, y - r, x + r, y + r), fill=colour)


def oval_points(
    x: float, y: float, rx: float, ry: float, power: float = 2.0, num: int = 48
) -> NDArray[np.float64]:
    """Return the outline of a superellipse, (num, 2)."""
    angle = np.linspace(0, 2 * math.pi, num, endpoint=False)
    cos, sin = np.cos(angle), np.sin(angle)
    round_x = np.sign(cos) * np.abs(cos) ** (2 / power)
    round_y = np.sign(sin) * np.abs(sin) ** (2 / power)
    return np.stack([x + rx * round_x, y + ry * round_y], 1)
