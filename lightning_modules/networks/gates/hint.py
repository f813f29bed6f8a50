"""Hint gate: the mask as a fourth input channel, for tasks where context is legitimate.

Eppel 2018, "Classifying a specific image region using convolutional nets with an ROI mask as
input" (arXiv 1812.00291), in its version that adds to the first layer.
"""

from typing import Literal

import torch
from timm.layers import Conv2dSame
from torch import Tensor, nn

from lightning_modules.networks.backbone import Backbone
from lightning_modules.networks.gates.base import (
    Gate,
    GateInput,
    GateOutput,
    check_dilate,
    check_roi_missing,
)


class HintGate(Gate):
    """Show the whole image and tell the backbone where the region of interest is.

    Nothing is hidden and nothing promised: the background may speak. The new weights start at
    zero, so the backbone starts as it would without the mask, whatever the mask. They are trained
    even when the backbone is frozen.

    Args:
        dilate: Pixels of the network's input by which the mask grows; negative erodes. ``auto`` is
            decided from the training images before a gate is built.
        roi_missing: What an image without ROI gets: ``full`` an all-true mask, ``error`` stops,
            ``abstain`` gives no answer.

    Shape: image (B, 3, H, W), mask (B, 1, H, W) bool -> GateOutput
    """

    hides = False

    def __init__(
        self,
        dilate: int | Literal["auto"] = 0,
        roi_missing: Literal["error", "full", "abstain"] = "full",
    ) -> None:
        super().__init__()
        self.dilate = check_dilate(dilate)
        self.roi_missing = check_roi_missing(roi_missing)

    def attach(self, backbone: Backbone, region_names: tuple[str, ...]) -> None:
        """Let the backbone's first convolution read a fourth channel.

        Raises:
            ValueError: Its first layer is no convolution of the image.
        """
        net = backbone.net
        named = net.pretrained_cfg["first_conv"] or ()
        # a stem of several branches names the convolution of each, and each sees four channels
        names = (named,) if isinstance(named, str) else named
        first = {name: net.get_submodule(name) for name in names}
        if not first or not all(_reads_image(module) for module in first.values()):
            raise ValueError(
                "gate=hint needs a backbone whose first layer is a convolution of the image; that "
                f"of {net.pretrained_cfg['architecture']} ({type(net).__name__}) is not: choose "
                "another model.backbone or gate=pixel."
            )
        for name, conv in first.items():
            net.set_submodule(name, HintedConv(conv))

    def respond(self, backbone: Backbone, given: GateInput) -> GateOutput:  # noqa: D102
        mask = given.mask.to(given.image.dtype)
        return GateOutput(backbone(torch.cat([given.image, mask], dim=1)), {})


class HintedConv(nn.Module):
    """A convolution of the image plus one of the mask, which starts at zero.

    Two convolutions rather than one of four channels: sums of another order round differently,
    and the backbone would not start exactly as it was.

    Args:
        conv: Of three channels; its geometry is taken over.

    Shape: image and mask (B, 4, H, W) -> (B, D, h, w)
    """

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self.conv = conv
        # not of the class of ``conv``: weights that are standardised cannot be zero
        pads_like_tensorflow = isinstance(conv, Conv2dSame) or getattr(conv, "same_pad", False)
        self.mask_conv = (Conv2dSame if pads_like_tensorflow else nn.Conv2d)(
            1,
            conv.out_channels,
            conv.kernel_size,
            conv.stride,
            conv.padding,
            conv.dilation,
            bias=False,
            device=conv.weight.device,
            dtype=conv.weight.dtype,
        )
        nn.init.zeros_(self.mask_conv.weight)

    def forward(self, image: Tensor) -> Tensor:
        """Return the sum of both convolutions."""
        # a slice of four interleaved channels would take another kernel than three do
        colours = image[:, :3].contiguous(memory_format=torch.channels_last)
        return self.conv(colours) + self.mask_conv(image[:, 3:])


def _reads_image(module: nn.Module) -> bool:
    return isinstance(module, nn.Conv2d) and module.in_channels == 3
