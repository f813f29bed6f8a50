"""Guide gate: a plain classifier whose explanations are pulled into the ROI. It LEAKS.

Kept to compare with. ``energy`` is the loss of "Studying How to Efficiently and Effectively Guide
Models with Explanations" (Rao et al. 2023, arXiv 2303.11932) on Grad-CAM; ``rrr`` that of
"Right for the Right Reasons" (Ross et al. 2017, arXiv 1703.03717, eq. 1).
"""

import math
from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn

from lightning_modules.networks.backbone import Backbone
from lightning_modules.networks.gates.attention import average_known
from lightning_modules.networks.gates.base import (
    Gate,
    GateInput,
    GateOutput,
    NetworkOutput,
    check_dilate,
)
from lightning_modules.networks.gates.late import check_averages
from lightning_modules.networks.masks import shares_of


class GuideGate(Gate):
    """Penalise explanations that leave the ROI, in training only. NOT recommended.

    An explanation inside the ROI does not keep the answer there: heat maps moved and flips did not
    in every set tried. Use ``TwoStageGate`` when no ROI is given at test.

    Args:
        kind: ``energy``: 1 minus the share, in [0, 1], of the label's Grad-CAM on the last map that
            lies inside the ROI. ``rrr``: the squared input gradient of the summed log-probabilities
            outside the ROI, summed over pixels (of the input: behind average pooling the gradient
            on the last map is the same in every cell). It takes about twice the time.
        weight: Of that loss, at least 0.
        dilate: Pixels of the network's input by which the ROI grows; negative erodes. ``auto`` is
            decided from the training images before a gate is built.

    Shape: image (B, 3, H, W), mask (B, 1, H, W) bool, not applied -> GateOutput with ``features``
    (B, D, h, w)
    """

    hides = False
    uses_mask = False

    def __init__(
        self,
        kind: Literal["energy", "rrr"] = "energy",
        weight: float = 1.0,
        dilate: int | Literal["auto"] = 0,
    ) -> None:
        super().__init__()
        if kind not in ("energy", "rrr"):
            raise ValueError(f"gate.kind is {kind!r}, expected 'energy' or 'rrr'.")
        if not 0 <= weight < math.inf:
            raise ValueError(f"gate.weight is {weight}, expected 0 or more.")
        self.dilate = check_dilate(dilate)
        self.kind = kind
        self.compiles = kind != "rrr"  # whose loss is a gradient through the whole backbone
        self.weight = weight

    def attach(self, backbone: Backbone, region_names: tuple[str, ...]) -> None:  # noqa: D102
        check_averages(backbone, "guide")

    def respond(self, backbone: Backbone, given: GateInput) -> GateOutput:  # noqa: D102
        maps, image = {}, given.image
        if self.training and self.kind == "rrr":
            maps["image"] = image = image.detach().requires_grad_()
        features = backbone.features(image)
        # the logits are computed from this very tensor, or they would have no gradient in it
        last = backbone.as_map(features)
        channels_first = last is features
        if self.training and not last.requires_grad:  # behind a frozen backbone
            last = last.detach().requires_grad_()
        maps["features"] = last
        logits = backbone.classify(last if channels_first else last.permute(0, 2, 3, 1))
        return GateOutput(logits, maps)

    def losses(  # noqa: D102
        self, network: nn.Module, output: NetworkOutput, batch: Mapping[str, Any]
    ) -> dict[str, Tensor]:
        energy = self.kind == "energy"
        losses = _energy_losses(output, batch["label"]) if energy else _rrr_losses(output)
        return {self.kind: self.weight * average_known(losses, output.origin)}


def _energy_losses(output: NetworkOutput, label: Tensor) -> Tensor:
    """1 minus the share of Grad-CAM inside the mask, (B,); 1 where Grad-CAM is nowhere positive."""
    features = output.maps["features"]
    score = output.logits.gather(1, label[:, None]).sum()
    (gradient,) = torch.autograd.grad(score, features, create_graph=True)
    cam = (gradient.float() * features.float()).sum(dim=1, keepdim=True).relu()
    inside = (cam * shares_of(output.mask, cam.shape[2:])).sum(dim=(1, 2, 3))
    return 1 - inside / cam.sum(dim=(1, 2, 3)).clamp_min(torch.finfo(cam.dtype).eps)


def _rrr_losses(output: NetworkOutput) -> Tensor:
    """Squared gradient of the summed log-probabilities outside the mask, (B,)."""
    score = output.logits.float().log_softmax(dim=1).sum()
    (gradient,) = torch.autograd.grad(score, output.maps["image"], create_graph=True)
    return torch.where(output.mask, 0.0, gradient.float().square()).sum(dim=(1, 2, 3))
