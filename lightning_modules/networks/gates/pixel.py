"""Pixel gate: hard masking of the input.

Early masking beats late masking on every backbone tried in "Masking Strategies for Background Bias
Removal" (arXiv 2308.12127).
"""

import math
from typing import Literal

import torch
from torch import Tensor

from lightning_modules.networks.gates.base import Gate, Promise, check_roi_missing


class PixelGate(Gate):
    """Hide every pixel outside the region of interest; the backbone never sees it.

    Hidden pixels take ``fill``, a constant, so nothing about them remains, not even NaN. An
    all-true mask leaves the image untouched.

    Args:
        dilate: Pixels of the network's input by which the mask grows; negative erodes.
        fill: In normalised units; 0 is the mean of the backbone's training images.
        roi_missing: What an image without ROI gets: ``error`` stops, ``full`` shows all of it.

    Shape: image (B, 3, H, W), mask (B, 1, H, W) bool -> logits (B, C)
    """

    promise = Promise.EXACT

    def __init__(
        self, dilate: int = 0, fill: float = 0.0, roi_missing: Literal["error", "full"] = "error"
    ) -> None:
        super().__init__()
        if not math.isfinite(fill):
            raise ValueError(f"gate.fill is {fill}, expected a finite number.")
        self.dilate = dilate
        self.fill = float(fill)
        self.roi_missing = check_roi_missing(roi_missing)

    def hide(self, image: Tensor, mask: Tensor) -> Tensor:  # noqa: D102
        return torch.where(mask, image, image.new_tensor(self.fill))
