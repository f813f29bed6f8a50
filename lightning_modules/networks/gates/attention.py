"""Attention gate: soft attention on the last feature map, taught the ROI. It LEAKS.

Kept to compare with. The map multiplies the features as in "Attention U-Net" (Oktay et al. 2018,
arXiv 1804.03999) and is supervised as in "Embedding Human Knowledge into Deep Neural Network via
Attention Map" (Mitsuhara et al. 2019, arXiv 1905.03540, after the Attention Branch Network).
"""

import math
from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from lightning_modules.networks.across import across
from lightning_modules.networks.backbone import Backbone
from lightning_modules.networks.gates.base import (
    Gate,
    GateInput,
    GateOutput,
    NetworkOutput,
    check_dilate,
)
from lightning_modules.networks.gates.late import check_averages
from lightning_modules.networks.mask_source import MaskOrigin
from lightning_modules.networks.masks import shares_of


class AttentionGate(Gate):
    """Multiply the last map by an attention that imitates the ROI. NOT recommended.

    The ROI is read in training only. Attention that lies inside the ROI does not keep the answer
    there: every cell has seen the background. Use ``TwoStageGate`` when no ROI is given at test.
    The attention starts at 1/2 everywhere and is doubled, so the backbone starts unchanged.

    Args:
        dilate: Pixels of the network's input by which the ROI to imitate grows; negative erodes.
            ``auto`` is decided from the training images before a gate is built.
        supervision: Weight, at least 0, of the binary cross-entropy of the attention against the
            share of each cell that the ROI covers.

    Shape: image (B, 3, H, W), mask (B, 1, H, W) bool, not applied -> GateOutput with ``attention``
    (B, 1, h, w) in [0, 1] and ``attention_logits``
    """

    hides = False
    uses_mask = False

    def __init__(self, dilate: int | Literal["auto"] = 0, supervision: float = 1.0) -> None:
        super().__init__()
        if not 0 <= supervision < math.inf:
            raise ValueError(f"gate.supervision is {supervision}, expected 0 or more.")
        self.dilate = check_dilate(dilate)
        self.supervision = supervision

    def attach(self, backbone: Backbone, region_names: tuple[str, ...]) -> None:  # noqa: D102
        check_averages(backbone, "attention")
        self.look = nn.Conv2d(backbone.num_features, 1, 1)
        nn.init.zeros_(self.look.weight)
        nn.init.zeros_(self.look.bias)

    def respond(self, backbone: Backbone, given: GateInput) -> GateOutput:  # noqa: D102
        features = backbone.features(given.image)
        logits = self.look(backbone.as_map(features))
        attention = logits.sigmoid()
        answer = backbone.classify(backbone.weigh(features, 2 * attention))
        return GateOutput(answer, {"attention": attention, "attention_logits": logits})

    def losses(  # noqa: D102
        self, network: nn.Module, output: NetworkOutput, batch: Mapping[str, Any]
    ) -> dict[str, Tensor]:
        logits = output.maps["attention_logits"].float()
        target = shares_of(output.mask, logits.shape[2:])
        losses = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
        mean = average_known(losses.mean(dim=(1, 2, 3)), output.origin)
        return {"attention": self.supervision * mean}


def average_known(losses: Tensor, origin: Tensor) -> Tensor:
    """Mean of losses (B,) over the images whose mask is a ROI, 0 without any."""
    known = (origin == MaskOrigin.GIVEN) | (origin == MaskOrigin.DETECTED)
    total = across(known.sum().to(losses.dtype)).clamp_min(torch.finfo(losses.dtype).tiny)
    return torch.where(known, losses, 0.0).sum() / total
