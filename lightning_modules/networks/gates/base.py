"""What every gate is: a rule of what the backbone may see, and a promise about it."""

from enum import Enum

import torch
from torch import Tensor, nn


class Promise(Enum):
    """What holds of the logits, in eval mode, at the same batch shape, dtype and device.

    EXACT: bit-identical whatever stands outside the applied mask's resampling support.
    EXACT_GIVEN_MASK: the same for a fixed predicted or detected mask.
    NONE: nothing.
    """

    EXACT = "exact"
    EXACT_GIVEN_MASK = "exact_given_mask"
    NONE = "none"


class Gate(nn.Module):
    """Lets a backbone see what the mask allows.

    Shape: image (B, 3, H, W), mask (B, 1, H, W) bool -> logits (B, C)
    """

    promise = Promise.NONE
    dilate = 0
    roi_missing = "full"

    def hide(self, image: Tensor, mask: Tensor) -> Tensor:
        """Return the image as the backbone sees it, (B, 3, H, W)."""
        return image

    def forward(self, backbone: nn.Module, image: Tensor, mask: Tensor) -> Tensor:
        """Return the logits of ``backbone``."""
        check_mask(image, mask)
        return backbone(self.hide(image, mask))


def check_mask(image: Tensor, mask: Tensor) -> None:
    """Refuse what would broadcast: a mask of three regions fits three colour channels."""
    expected = (image.shape[0], 1, *image.shape[2:])
    if tuple(mask.shape) != expected or mask.dtype != torch.bool:
        raise ValueError(
            f"The mask is {mask.dtype} of shape {tuple(mask.shape)}, expected torch.bool of "
            f"{expected}."
        )


def check_roi_missing(roi_missing: str) -> str:
    """Return the policy for an image without ROI, or refuse an unknown one."""
    if roi_missing not in ("error", "full"):
        raise ValueError(f"gate.roi_missing is {roi_missing!r}, expected 'error' or 'full'.")
    return roi_missing
