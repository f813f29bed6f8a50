"""Where pixels go: mirror, rotation, shift, scale and crop as one matrix an image.

One matrix means one resampling. Coordinates are those of ``grid_sample``: the image reaches from -1
to 1 along x and y, whatever its size.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from datamodules.augmentation.draws import Draws

# cells a side in which a crop's share of the ROI is measured, and crops that are tried
CELLS = 32
NUM_CROPS = 10
# an inside pixel is one whose filter read more inside than outside
MOST = 0.5
FILTER = "bilinear"


@dataclass(frozen=True)
class Geometry:
    """How far an image may be moved; see ``Augmentation`` for the numbers."""

    horizontal_flip: float
    rotation: float
    translation: float
    scale: float
    crop: float
    keep_roi: float

    @property
    def resamples(self) -> bool:
        """Whether anything but the mirror is on."""
        return bool(self.rotation or self.translation or self.scale or self.crop < 1)

    def matrices(self, draws: Draws, roi: Tensor, size: tuple[int, int]) -> np.ndarray:
        """(B, 2, 3) from a place in the result to the place in the source that it shows.

        Args:
            draws: What chance says.
            roi: (B, R, H, W) bool, the regions that a crop keeps.
            size: Height and width of the result in pixels.
        """
        turn = self._turns(draws, size)
        low, high = self._crops(draws, roi)
        half, centre = (high - low) / 2, (high + low) / 2
        return half[:, :, None] * turn + np.pad(centre[:, :, None], ((0, 0), (0, 0), (2, 0)))

    def _turns(self, draws: Draws, size: tuple[int, int]) -> np.ndarray:
        """(B, 2, 3) of mirror, rotation, shift and scale, undone."""
        angle = np.radians(draws.between("rotation", -self.rotation, self.rotation))
        zoom = 1 / draws.between("scale", 1 - self.scale, 1 + self.scale)
        cos, sin = np.cos(angle) * zoom, np.sin(angle) * zoom
        aspect = size[0] / size[1]
        linear = np.stack([cos, sin * aspect, -sin / aspect, cos], axis=1).reshape(-1, 2, 2)
        most = 2 * self.translation  # the image is 2 wide
        shift = np.stack([draws.between(f"shift_{axis}", -most, most) for axis in "xy"], axis=1)
        offset = -np.einsum("bij,bj->bi", linear, shift)
        linear[:, :, 0] *= np.where(draws.happens("flip", self.horizontal_flip), -1, 1)[:, None]
        return np.concatenate([linear, offset[:, :, None]], axis=2)

    def _crops(self, draws: Draws, roi: Tensor) -> tuple[np.ndarray, np.ndarray]:
        """Corners x y (B, 2) of the window that each image is cut to, the whole without a crop.

        The first of ``NUM_CROPS`` windows that keeps enough of the ROI, else the whole image.
        """
        whole = np.ones((len(roi), 2))
        if self.crop == 1:
            return -whole, whole
        chance = draws.uniform("crop", 4 * NUM_CROPS).reshape(len(roi), NUM_CROPS, 4)
        area = self.crop + (1 - self.crop) * chance[:, :, 0]
        # a large window fits in the image only if it is about as wide as high
        aspect = np.clip((4 / 3) ** (2 * chance[:, :, 1] - 1), area, 1 / area)
        sides = np.minimum(np.sqrt(np.stack([area * aspect, area / aspect], axis=2)), 1)
        starts = chance[:, :, 2:] * (1 - sides)
        kept = share_inside(roi, starts, starts + sides)
        first = np.argmax(kept >= self.keep_roi, axis=1)
        rows = np.arange(len(roi))
        fits = (kept[rows, first] >= self.keep_roi)[:, None]
        low = np.where(fits, 2 * starts[rows, first] - 1, -whole)
        return low, np.where(fits, low + 2 * sides[rows, first], whole)


def share_inside(roi: Tensor, starts: np.ndarray, stops: np.ndarray) -> np.ndarray:
    """Share of the ROI's area inside windows, (B, K); 1 where there is no ROI.

    Shape: roi (B, R, H, W) bool, starts and stops (B, K, 2) of x y as shares of the sides.
    """
    area = functional.adaptive_avg_pool2d(roi.any(dim=1, keepdim=True).float(), CELLS)[:, 0].numpy()
    edges = np.arange(CELLS + 1) / CELLS
    covered = [
        np.clip(
            np.minimum(stops[:, :, axis, None], edges[1:])
            - np.maximum(starts[:, :, axis, None], edges[:-1]),
            0,
            None,
        )
        for axis in (0, 1)
    ]
    inside = np.einsum("bkx,byx,bky->bk", covered[0], area, covered[1]) * CELLS**2
    total = area.sum(axis=(1, 2))[:, None]
    return np.where(total > 0, inside / np.maximum(total, 1e-12), 1.0)


def sample(pixels: Tensor, matrices: np.ndarray, size: tuple[int, int]) -> Tensor:
    """Resample (B, C, H, W) to ``size``, bilinear; what lies outside the source is 0."""
    height, width = size
    # x and y as one complex number: the sums below then run over whole lines
    columns = torch.view_as_complex(torch.from_numpy(matrices.swapaxes(1, 2).copy()).float())
    x, y, offset = columns[:, :, None, None].unbind(1)
    xs = (torch.arange(width) * 2 + 1) / width - 1
    ys = ((torch.arange(height) * 2 + 1) / height - 1)[:, None]
    grid = torch.view_as_real(x * xs + (y * ys + offset))
    return functional.grid_sample(pixels, grid, mode=FILTER, align_corners=False)


def mirror(flipped: np.ndarray, *planes: Tensor) -> None:
    """Mirror some images (B,) bool left to right, to the pixel, in place."""
    for row in np.flatnonzero(flipped).tolist():
        for plane in planes:
            plane[row] = plane[row].flip(2)


def mirror_order(region_names: Sequence[str]) -> list[int]:
    """Which plane each plane becomes in a mirror: left_<name> and right_<name> change places."""
    order = {name: index for index, name in enumerate(region_names)}
    return [order.get(_mirror_name(name), index) for name, index in order.items()]


def _mirror_name(name: str) -> str:
    for side, other in (("left_", "right_"), ("right_", "left_")):
        if name.startswith(side):
            return other + name.removeprefix(side)
    return name
