"""Two stages: a locator finds the region, the pixel gate shows it alone to the classifier.

Hard masking of the input by learned parts beats one-stage attention ("iFAM", arXiv 2506.08915).
The straight-through estimator is that of Bengio et al. 2013 (arXiv 1308.3432).
"""

from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from lightning_modules.networks.across import weigh_mean
from lightning_modules.networks.backbone import Backbone
from lightning_modules.networks.gates.base import (
    GateInput,
    GateOutput,
    NetworkOutput,
    Promise,
    check_roi_missing,
)
from lightning_modules.networks.gates.pixel import PixelGate
from lightning_modules.networks.locator import Locator
from lightning_modules.networks.mask_source import join_regions


class TwoStageGate(PixelGate):
    """Gate by a predicted mask wherever no ROI is given.

    Where ROI labels exist they alone train the locator, by cross-entropy and Dice; the classifier's
    gradient stays out of it, or it would write the label into the mask (arXiv 2103.01890). Without
    any (``unsupervised``, experimental) the classifier shapes the mask through a straight-through
    estimator, held small and smooth, and what it hides must tell nothing.

    Args:
        dilate: As in ``PixelGate``; of given and predicted masks alike.
        fill: As in ``PixelGate``.
        roi_missing: What an image gets whose ROI is neither given nor found: ``predict`` shows it
            whole, and the result says how many; ``abstain`` gives no answer.
        pooling: As in ``PixelGate``.
        teacher_forcing: Share in [0, 1] of the training images with ROI that are gated by it and
            not by the prediction.
        mask_weight: Of the locator's loss on images with ROI, at least 0.
        unsupervised: No training image has a ROI.
        area: Weight of the mask's share of the image, unsupervised.
        variation: Weight of the mask's total variation, unsupervised.
        complement: Weight of what the hidden part tells of the class, unsupervised.

    Shape: as ``Gate``
    """

    promise = Promise.EXACT_GIVEN_MASK

    def __init__(
        self,
        dilate: int | Literal["auto"] = 0,
        fill: float = 0.0,
        roi_missing: Literal["predict", "abstain"] = "predict",
        pooling: Literal["area", "mean"] = "area",
        teacher_forcing: float = 0.5,
        mask_weight: float = 1.0,
        unsupervised: bool = False,
        area: float = 0.5,
        variation: float = 0.1,
        complement: float = 0.5,
    ) -> None:
        policy = check_roi_missing(roi_missing, ("predict", "abstain"))
        super().__init__(dilate, fill, "full" if policy == "predict" else "abstain", pooling)
        if not 0 <= teacher_forcing <= 1:
            raise ValueError(f"gate.teacher_forcing is {teacher_forcing}, expected 0 to 1.")
        weights = {"mask_weight": mask_weight, "area": area, "variation": variation}
        for name, weight in (weights | {"complement": complement}).items():
            if not weight >= 0:
                raise ValueError(f"gate.{name} is {weight}, expected 0 or more.")
        self.teacher_forcing = teacher_forcing
        self.mask_weight = mask_weight
        self.unsupervised = unsupervised
        self.mixes = (
            not unsupervised
        )  # whose mask learns from what the classifier says of one image
        self.area, self.variation, self.complement = area, variation, complement

    def attach(self, backbone: Backbone, region_names: tuple[str, ...]) -> None:  # noqa: D102
        self.locator = Locator(backbone)

    def respond(self, backbone: Backbone, given: GateInput) -> GateOutput:  # noqa: D102
        seen = self.hide(given.image, given.mask)
        if self.unsupervised and self.training and given.mask_logits is not None:
            seen = seen + (given.image - self.fill) * _straight_through(given.mask_logits)
        return GateOutput(self.answer(backbone, seen, given.mask), {})

    def losses(  # noqa: D102
        self, network: nn.Module, output: NetworkOutput, batch: Mapping[str, Any]
    ) -> dict[str, Tensor]:
        logits = output.mask_logits
        if self.unsupervised:
            return self._unsupervised_losses(network, output, batch["image"])
        # a region that is unknown would teach that nothing is there
        known = batch["has_roi"].all(dim=1)
        target = join_regions(batch["roi"], batch["has_roi"])
        logits, target = logits[known], target[known].float()
        loss = weigh_mean(_cross_entropy_and_dice(logits, target), len(logits))
        return {"mask": self.mask_weight * loss}

    def _unsupervised_losses(
        self, network: nn.Module, output: NetworkOutput, image: Tensor
    ) -> dict[str, Tensor]:
        logits = output.mask_logits
        probs = logits.sigmoid()
        steps = [probs.diff(dim=axis).abs().mean() for axis in (2, 3)]
        hidden = torch.where(output.mask, self.fill, image)
        hidden = hidden - (image - self.fill) * _straight_through(logits)
        # the classifier must not learn to know nothing of the hidden part: its weights stand still
        frozen = {name: value.detach() for name, value in network.backbone.named_parameters()}
        frozen |= {name: value.clone() for name, value in network.backbone.named_buffers()}
        told = functional_call(network.backbone, frozen, (hidden,)).float()
        return {
            name: weigh_mean(loss, len(image))
            for name, loss in {
                "area": self.area * probs.mean(),
                "variation": self.variation * sum(steps),
                "complement": -self.complement * told.log_softmax(dim=1).mean(),
            }.items()
        }


def _straight_through(logits: Tensor) -> Tensor:
    """Zero in value, the gradient of the soft mask: (B, 1, H, W)."""
    soft = logits.sigmoid()
    return soft - soft.detach()


def _cross_entropy_and_dice(logits: Tensor, target: Tensor) -> Tensor:
    """Mean over images of binary cross-entropy + 1 - soft Dice (Milletari et al. 2016, eq. 3)."""
    if not len(logits):
        return logits.sum() * 0.0
    cross_entropy = functional.binary_cross_entropy_with_logits(logits, target)
    probs = logits.sigmoid().flatten(1)
    target = target.flatten(1)
    overlap = (probs * target).sum(dim=1)
    dice = (2 * overlap + 1) / (probs.sum(dim=1) + target.sum(dim=1) + 1)
    return cross_entropy + (1 - dice).mean()
