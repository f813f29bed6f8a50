"""The rim of a mask, ring by ring, beside the clean colours to either side of it."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import distance_transform_cdt, uniform_filter

MOST_EROSION = 3  # pixels
NUM_DEPTHS = MOST_EROSION + 1
BAND = 2  # pixels, thickness of the bands that the clean colours are read from
REACH = 2 * NUM_DEPTHS + 1  # pixels, so that every band is seen from every rim pixel
LEAST_PIXELS = 8  # of a band, for its colour to count


def crop_around(image: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cut out all that is read, with a plane of ones; and each pixel's depth, -1 down outside."""
    found = [np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0)]
    window = tuple(slice(max(at[0] - 2 * REACH, 0), at[-1] + 2 * REACH) for at in found)
    mask = mask[window]
    # chessboard, as the mask source erodes by a square; the border is no edge there either
    inside = distance_transform_cdt(mask, "chessboard")
    outside = distance_transform_cdt(~mask, "chessboard")
    planes = np.dstack([image[window], np.ones_like(mask)]).astype(np.float32)
    return planes, np.where(mask, inside - 1, -outside)


@dataclass(frozen=True)
class Rim:
    """Pixels of a rim with the mean colours around each, (N, 3) in grey levels.

    Args:
        depth: (N,) ring of each pixel, 0 the outermost.
        colour: Of the pixel.
        inner: Just inside the rim.
        deeper: Further in.
        outer: Just outside.
        known: (N,) bool, whether inner and outer could be read.
        known_deeper: (N,) bool, whether all three could.
    """

    depth: np.ndarray
    colour: np.ndarray
    inner: np.ndarray
    deeper: np.ndarray
    outer: np.ndarray
    known: np.ndarray
    known_deeper: np.ndarray

    @classmethod
    def of(cls, image: np.ndarray, depth: np.ndarray) -> "Rim":
        """Read a rim from an image (H, W, 4), the last plane ones, and each pixel's depth."""
        rim = (depth >= 0) & (depth < NUM_DEPTHS)
        inner, has_inner = _band_colour(image, (depth - NUM_DEPTHS) // BAND == 0, rim)
        deeper, has_deeper = _band_colour(image, (depth - 2 * NUM_DEPTHS) // BAND == 0, rim)
        outer, has_outer = _band_colour(image, (-depth - NUM_DEPTHS) // BAND == 0, rim)
        known = has_inner & has_outer
        return cls(depth[rim], image[rim, :3], inner, deeper, outer, known, known & has_deeper)

    def sums(self) -> np.ndarray:
        """Sum over the pixels at each depth what shares are quotients of, (5, depths).

        With c the colour, O outside, I inside, J further in and M = (I + J)/2: (c - I)(O - I),
        (O - I)^2, (J - I)(O - M), (O - I)(O - M), 1. Quotients of sums are linear in c, so noise
        averages out, where shares clamped pixel by pixel would drift to the middle.
        """
        across = (self.outer - self.inner) * self.known[:, None]
        # from M and not from I, whose own noise would pass for a slope
        run = (across - (self.deeper - self.inner) / 2) * self.known_deeper[:, None]
        pairs = (self.colour - self.inner, across), (across, across)
        pairs += (self.deeper - self.inner, run), (across, run)
        terms = [(left * right).sum(axis=1) for left, right in pairs]
        sums = [np.bincount(self.depth, term, NUM_DEPTHS) for term in (*terms, self.known)]
        return np.stack(sums)

    def products(self) -> np.ndarray:
        """Products of this image's means 1, I, O and c at each depth, (depths, 4, 4, 3).

        Means, because beside a pixel of texture the colour that mixed with it is not O but near it.
        """
        products = np.zeros((NUM_DEPTHS, 4, 4, 3))
        for depth in range(NUM_DEPTHS):
            rows = self.known & (self.depth == depth)
            if rows.any():
                colours = (self.inner, self.outer, self.colour)
                means = np.stack([np.ones(3), *(one[rows].mean(axis=0) for one in colours)])
                products[depth] = means[:, None] * means[None]
        return products


def _band_colour(image: np.ndarray, band: np.ndarray, rim: np.ndarray) -> tuple[np.ndarray, ...]:
    """Mean colour of a band around each pixel of the rim, and whether enough of it is there."""
    window = (2 * REACH + 1, 2 * REACH + 1, 1)
    means = uniform_filter(image * band[..., None], window, mode="constant")[rim]
    known = means[:, 3] * np.prod(window) > LEAST_PIXELS - 0.5
    return means[:, :3] / np.where(known, means[:, 3], 1)[:, None], known
