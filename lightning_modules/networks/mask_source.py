"""Mask source: from the user's regions to the one mask that a gate applies."""

from enum import IntEnum

import torch
from torch import Tensor, nn
from torch.nn import functional


class MaskOrigin(IntEnum):
    """Where the mask of an image came from."""

    GIVEN = 0
    FULL = 1


class MaskSource(nn.Module):
    """Join the annotated regions, give images without one what the policy says, then dilate.

    Args:
        dilate: Pixels of the network's input, in a square; negative erodes. Beyond the border the
            mask counts as its own continuation.
        roi_missing: ``full`` shows an image without any annotated region whole, ``error`` stops.

    Shape: roi (B, R, H, W) bool, has_roi (B, R) bool -> mask (B, 1, H, W) bool, origin (B,) int64
    """

    def __init__(self, dilate: int, roi_missing: str) -> None:
        super().__init__()
        self.dilate = dilate
        self.roi_missing = roi_missing

    def forward(self, roi: Tensor, has_roi: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mask and a ``MaskOrigin`` an image."""
        mask = (roi & has_roi[:, :, None, None]).any(dim=1, keepdim=True)
        missing = ~has_roi.any(dim=1)
        mask = dilate_mask(mask, self.dilate)
        if self.roi_missing == "error" and bool(missing.any()):
            raise ValueError(
                f"{int(missing.sum())} images of a batch have no ROI and gate.roi_missing=error. "
                "Complete the ROIs, or set gate.roi_missing=full to show such images whole."
            )
        origin = torch.where(missing, int(MaskOrigin.FULL), int(MaskOrigin.GIVEN))
        return mask | missing[:, None, None, None], origin


def dilate_mask(mask: Tensor, pixels: int) -> Tensor:
    """Grow a bool mask by a square of ``pixels`` each way; shrink it when negative."""
    if pixels == 0:
        return mask
    grown = mask if pixels > 0 else ~mask
    width = 2 * abs(pixels) + 1
    # max_pool2d pads with minus infinity, so the border neither grows nor eats the mask
    grown = functional.max_pool2d(grown.float(), width, stride=1, padding=abs(pixels)) > 0
    return grown if pixels > 0 else ~grown
