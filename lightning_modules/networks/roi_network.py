"""Mask source, gate and backbone, one after the other."""

from typing import NamedTuple

from torch import Tensor, nn

from lightning_modules.networks.backbone import Backbone
from lightning_modules.networks.gates.base import Gate
from lightning_modules.networks.mask_source import MaskSource


class NetworkOutput(NamedTuple):
    """What a network says of a batch.

    logits (B, C) float; mask (B, 1, H, W) bool, as applied; origin (B,), a ``MaskOrigin`` an image.
    """

    logits: Tensor
    mask: Tensor
    origin: Tensor


class ROINetwork(nn.Module):
    """A backbone behind a gate.

    Shape: image (B, 3, H, W), roi (B, R, H, W) bool, has_roi (B, R) bool -> NetworkOutput
    """

    def __init__(self, backbone: Backbone, gate: Gate) -> None:
        super().__init__()
        self.backbone = backbone
        self.gate = gate
        self.mask_source = MaskSource(gate.dilate, gate.roi_missing)

    def no_weight_decay(self) -> set[str]:
        """Names of the backbone's parameters that timm does not decay (position embeddings)."""
        names = getattr(self.backbone.net, "no_weight_decay", set)()
        return {f"backbone.net.{name}" for name in names}

    def forward(self, image: Tensor, roi: Tensor, has_roi: Tensor) -> NetworkOutput:
        """Return logits, the mask applied and where it came from."""
        mask, origin = self.mask_source(roi, has_roi)
        return NetworkOutput(self.gate(self.backbone, image, mask), mask, origin)
