"""Mask source: from what is known of the ROI to the one mask that a gate applies."""

from enum import IntEnum
from typing import NamedTuple

import torch
from torch import Tensor, nn

from lightning_modules.networks.masks import move_rim


class MaskOrigin(IntEnum):
    """Where the mask of an image came from, in the order in which they are asked."""

    GIVEN = 0  # annotated by the user
    DETECTED = 1  # by a detector, before
    PREDICTED = 2  # by the gate's own locator
    FULL = 3  # nowhere: the image is shown whole
    ABSTAIN = 4  # nowhere: the image gets no answer


class MaskOutput(NamedTuple):
    """The mask (B, 1, H, W) bool, origin (B,) int64, and the locator's logits (B, 1, H, W)."""

    mask: Tensor
    origin: Tensor
    logits: Tensor | None


class MaskSource(nn.Module):
    """Decide image by image: given, detected, predicted, else what the policy says.

    In training the mask is predicted for a share of the images that have one (teacher forcing),
    its margin varies (mask jitter), and some images are shown whole (ROI dropout).

    Args:
        dilate: Pixels of the network's input, in a square; negative erodes. Beyond the border the
            mask counts as its own continuation.
        roi_missing: What an image gets that has neither ROI nor prediction: ``full`` shows it
            whole, ``abstain`` gives no answer, ``error`` stops.
        teacher_forcing: Share in [0, 1] of the training images with ROI that are gated by it and
            not by the prediction.
        mask_jitter: Pixels either way by which the margin varies in training.
        roi_dropout: Share in [0, 1) of the training images that are shown whole.
        smallest: Share of the image below which a prediction counts as none.

    Shape: image (B, 3, H, W), roi (B, R, H, W) bool, has_roi (B, R) bool, detected (B,) bool
    -> MaskOutput
    """

    def __init__(
        self,
        dilate: int,
        roi_missing: str,
        teacher_forcing: float = 1.0,
        mask_jitter: int = 0,
        roi_dropout: float = 0.0,
        smallest: float = 0.001,
    ) -> None:
        super().__init__()
        self.dilate = dilate
        self.roi_missing = roi_missing
        self.teacher_forcing = teacher_forcing
        self.mask_jitter = mask_jitter
        self.roi_dropout = roi_dropout
        self.smallest = smallest

    def forward(
        self,
        image: Tensor,
        roi: Tensor,
        has_roi: Tensor,
        detected: Tensor | None = None,
        locator: nn.Module | None = None,
    ) -> MaskOutput:
        """Return the mask applied, its ``MaskOrigin`` an image, and the locator's logits."""
        mask = join_regions(roi, has_roi)
        known = has_roi.any(dim=1)
        origin = torch.where(known, int(MaskOrigin.GIVEN), int(MaskOrigin.FULL))
        if detected is not None:
            origin = torch.where(known & detected, int(MaskOrigin.DETECTED), origin)
        logits = None
        # a prediction that nobody needs is not made
        if locator is not None and (self.training or not bool(known.all())):
            logits = locator(image).float()  # its losses are computed from it
            mask, origin = self._predict(mask, origin, known, logits)
        else:
            origin = self._apply_policy(origin, ~known)
        mask = self._set_margin(mask)
        full = origin == MaskOrigin.FULL
        if self.training and self.roi_dropout:
            dropped = torch.rand(len(full), device=full.device) < self.roi_dropout
            full = full | (dropped & (origin != MaskOrigin.ABSTAIN))
            origin = torch.where(full, int(MaskOrigin.FULL), origin)
        return MaskOutput(mask | full[:, None, None, None], origin, logits)

    def _predict(
        self, mask: Tensor, origin: Tensor, known: Tensor, logits: Tensor
    ) -> tuple[Tensor, Tensor]:
        predict = ~known
        if self.training:
            forced = torch.rand(len(known), device=known.device) < self.teacher_forcing
            predict = predict | ~forced
        found = logits.detach() > 0
        enough = found.float().mean(dim=(1, 2, 3)) >= self.smallest
        origin = torch.where(predict & enough, int(MaskOrigin.PREDICTED), origin)
        # a locator that finds nothing leaves a given mask in force, unless none are to be
        found_nowhere = predict & ~enough & (~known | (self.teacher_forcing == 0))
        fallback = MaskOrigin.ABSTAIN if self.roi_missing == "abstain" else MaskOrigin.FULL
        origin = torch.where(found_nowhere, int(fallback), origin)
        use = (predict & enough)[:, None, None, None]
        return torch.where(use, found, mask), origin

    def _apply_policy(self, origin: Tensor, missing: Tensor) -> Tensor:
        if self.roi_missing == "abstain":
            return torch.where(missing, int(MaskOrigin.ABSTAIN), origin)
        if self.roi_missing != "full" and bool(missing.any()):
            raise ValueError(
                f"{int(missing.sum())} images of a batch have no ROI and gate.roi_missing="
                f"{self.roi_missing}. Complete the ROIs, or set gate.roi_missing=full to show such "
                "images whole, or abstain to leave them without an answer."
            )
        return origin

    def _set_margin(self, mask: Tensor) -> Tensor:
        if not (self.training and self.mask_jitter):
            return move_rim(mask, self.dilate)
        reach = 2 * self.mask_jitter + 1
        offsets = torch.randint(reach, (len(mask),), device=mask.device) - self.mask_jitter
        moved = mask
        for offset in range(-self.mask_jitter, self.mask_jitter + 1):
            chosen = (offsets == offset)[:, None, None, None]
            moved = torch.where(chosen, move_rim(mask, self.dilate + offset), moved)
        return moved


def join_regions(roi: Tensor, has_roi: Tensor) -> Tensor:
    """Union of the regions that are known, (B, 1, H, W) bool."""
    return (roi & has_roi[:, :, None, None]).any(dim=1, keepdim=True)
