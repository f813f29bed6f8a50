"""Pixel gate: hard masking of the input.

Early masking beats late masking on every backbone tried in "Masking Strategies for Background
Bias Removal" (arXiv 2308.12127); first layer best in "Classifying a specific image region using
convolutional nets with an ROI mask as input" (arXiv 1812.00291).
"""

import math
from typing import Literal

import torch
from torch import Tensor

from lightning_modules.networks.backbone import Backbone
from lightning_modules.networks.gates.base import (
    Gate,
    GateInput,
    GateOutput,
    Promise,
    check_dilate,
    check_roi_missing,
)
from lightning_modules.networks.gates.remask import Remask
from lightning_modules.networks.masks import shares_of


class PixelGate(Gate):
    """Hide every pixel outside the region of interest; the backbone never sees it.

    Hidden pixels take ``fill``, a constant, so nothing about them remains, not even NaN. An
    all-true mask leaves the image untouched.

    Args:
        dilate: Pixels of the network's input by which the mask grows; negative erodes. ``auto`` is
            decided from the training images before a gate is built.
        fill: In normalised units; 0 is the mean of the backbone's training images.
        roi_missing: What an image without ROI gets: ``error`` stops, ``full`` shows all of it,
            ``abstain`` gives no answer.
        pooling: How the last feature map is averaged: ``area`` weighs each cell by the share of it
            that the mask covers (all alike for an empty mask), ``mean`` takes all cells alike.
            Backbones that do not average a map are left as they are.
        remask: Multiply the features by the mask after each stage of a CNN as well.

    Shape: image (B, 3, H, W), mask (B, 1, H, W) bool -> GateOutput
    """

    promise = Promise.EXACT
    mixes = True

    def __init__(
        self,
        dilate: int | Literal["auto"] = 0,
        fill: float = 0.0,
        roi_missing: Literal["error", "full", "abstain"] = "error",
        pooling: Literal["area", "mean"] = "area",
        remask: bool = False,
    ) -> None:
        super().__init__()
        if not math.isfinite(fill):
            raise ValueError(f"gate.fill is {fill}, expected a finite number.")
        if pooling not in ("area", "mean"):
            raise ValueError(f"gate.pooling is {pooling!r}, expected 'area' or 'mean'.")
        self.dilate = check_dilate(dilate)
        self.fill = float(fill)
        self.roi_missing = check_roi_missing(roi_missing)
        self.pooling = pooling
        self.remask = Remask() if remask else None

    def attach(self, backbone: Backbone, region_names: tuple[str, ...]) -> None:  # noqa: D102
        if self.remask is not None:
            self.remask.hook(backbone)

    def hide(self, image: Tensor, mask: Tensor) -> Tensor:  # noqa: D102
        return torch.where(mask, image, image.new_tensor(self.fill))

    def respond(self, backbone: Backbone, given: GateInput) -> GateOutput:  # noqa: D102
        seen = self.hide(given.image, given.mask)
        return GateOutput(self.answer(backbone, seen, given.mask), {})

    def answer(self, backbone: Backbone, seen: Tensor, mask: Tensor) -> Tensor:
        """Return the logits of a hidden image (B, 3, H, W)."""
        weighs = self.pooling == "area" and backbone.averages
        if self.remask is not None:
            self.remask.mask = mask
        features = backbone.features(seen)
        if weighs:
            features = backbone.weigh(features, area_weights(mask, backbone.as_map(features)))
        return backbone.classify(features)


def area_weights(mask: Tensor, features: Tensor) -> Tensor:
    """Weights of mean 1 of the cells, (B, 1, h, w): a mean of products is a weighted mean."""
    shares = shares_of(mask, features.shape[2:])
    mean = shares.mean(dim=(2, 3), keepdim=True)
    weights = shares / mean.clamp_min(torch.finfo(shares.dtype).tiny)
    return torch.where(mean > 0, weights, 1.0).to(features.dtype)
