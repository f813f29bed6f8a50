"""Rectangles that hide a part of the ROI, or of what lies around it."""

import numpy as np
import torch
from torch import Tensor

from datamodules.augmentation.draws import Draws

# sides of a rectangle: as shares of the ROI's box, or of the image
INSIDE_SIDES = (0.2, 0.5)
OUTSIDE_SIDES = (0.2, 0.6)


def hidden_inside(draws: Draws, roi: Tensor, chosen: np.ndarray) -> Tensor:
    """A rectangle within the box around the ROI of the chosen images, (B, 1, H, W) bool.

    At most a quarter of the box; images without ROI have none.

    Shape: roi (B, R, H, W) bool, chosen (B,) bool
    """
    mask = roi.any(dim=1).numpy()
    spans = [_span(mask.any(axis=axis)) for axis in (1, 2)]
    low, high = (np.stack([span[end] for span in spans], axis=1) for end in (0, 1))
    return _rectangles(draws, "inside", low, high, INSIDE_SIDES, mask.shape[1:], chosen)


def hidden_outside(draws: Draws, roi: Tensor, chosen: np.ndarray) -> Tensor:
    """A rectangle anywhere in the chosen images, less their ROI, (B, 1, H, W) bool."""
    height, width = roi.shape[2:]
    low, high = np.zeros((len(roi), 2)), np.tile([float(width), float(height)], (len(roi), 1))
    drawn = _rectangles(draws, "outside", low, high, OUTSIDE_SIDES, (height, width), chosen)
    return drawn & ~roi.any(dim=1, keepdim=True)


def _span(line: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and one past the last true place of each row (B, N); equal where there is none."""
    stop = line.shape[1] - np.argmax(line[:, ::-1], axis=1)
    start = np.where(line.any(axis=1), np.argmax(line, axis=1), stop)
    return start.astype(float), stop.astype(float)


def _rectangles(
    draws: Draws,
    name: str,
    low: np.ndarray,
    high: np.ndarray,
    sides: tuple[float, float],
    size: tuple[int, int],
    chosen: np.ndarray,
) -> Tensor:
    """Draw a rectangle between the corners x y (B, 2) of each chosen image."""
    chance = draws.uniform(f"erase_{name}", 4)
    lengths = (high - low) * (sides[0] + (sides[1] - sides[0]) * chance[:, :2])
    starts = low + chance[:, 2:] * (high - low - lengths)
    inside = [
        (np.arange(number) >= starts[:, axis, None])
        & (np.arange(number) < (starts + lengths)[:, axis, None])
        for axis, number in ((0, size[1]), (1, size[0]))
    ]
    drawn = inside[1][:, :, None] & inside[0][:, None, :] & chosen[:, None, None]
    return torch.from_numpy(drawn)[:, None]
