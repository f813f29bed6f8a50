"""Locator: where the region of interest probably is, from a small copy of the image.

A feature pyramid (Lin et al. 2017, "Feature Pyramid Networks for Object Detection") on the first
stages of a copy of the backbone, pretrained where that is, at half the resolution; a thin branch
on the whole resolution draws the outline.
"""

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional

from lightning_modules.networks.backbone import Backbone

WIDTH = 32  # channels of the pyramid
DETAIL = 16  # channels of the outline's branch
COARSEST = 16  # stride of the last stage that is used
# a mask that is not learned yet is empty: a gate then falls back to what it has
START_BIAS = -2.0


class Locator(nn.Module):
    """Logits of the ROI for every pixel; above 0 is inside.

    Args:
        backbone: Whose first stages are copied, weights included; one without stages (a ViT) or of
            a fixed input size gets a small convolutional encoder instead.

    Shape: image (B, 3, H, W), normalised -> logits (B, 1, H, W)
    """

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        stages = _usable_stages(backbone.net)
        self.encoder = _CopiedStages(backbone.net, stages) if stages else _SmallEncoder()
        self.lateral = nn.ModuleList(nn.Conv2d(c, WIDTH, 1) for c in self.encoder.channels)
        self.refine = nn.ModuleList(_separable(WIDTH, WIDTH) for _ in self.encoder.channels)
        self.detail = nn.Sequential(_convolve(3, DETAIL, stride=2), _separable(DETAIL, DETAIL))
        self.narrow = nn.Conv2d(WIDTH, DETAIL, 1)
        self.outline = nn.Sequential(_separable(DETAIL, DETAIL), nn.Conv2d(DETAIL, 1, 1))
        nn.init.constant_(self.outline[-1].bias, START_BIAS)
        self.to(memory_format=torch.channels_last)

    def forward(self, image: Tensor) -> Tensor:
        """Return the logits."""
        image = image.contiguous(memory_format=torch.channels_last)
        half = functional.avg_pool2d(image, 2, ceil_mode=True)
        maps = self.encoder(half)
        pyramid = None
        for features, lateral, refine in zip(
            reversed(maps), reversed(self.lateral), reversed(self.refine), strict=True
        ):
            level = lateral(features)
            if pyramid is not None:
                level = level + _enlarge(pyramid, level.shape[2:])
            pyramid = refine(level)
        detail = self.detail(image)
        merged = detail + _enlarge(self.narrow(pyramid), detail.shape[2:])
        return _enlarge(self.outline(merged), image.shape[2:])


class _CopiedStages(nn.Module):
    """The first stages of a timm model with features of several strides."""

    def __init__(self, net: nn.Module, stages: list[int]) -> None:
        super().__init__()
        self.stages = stages
        self.channels = [net.feature_info[index]["num_chs"] for index in stages]
        self.net = copy.deepcopy(net).requires_grad_(True)
        self.net.prune_intermediate_layers(stages, prune_norm=True, prune_head=True)

    def forward(self, image: Tensor) -> list[Tensor]:
        return self.net.forward_intermediates(
            image, indices=self.stages, stop_early=True, output_fmt="NCHW", intermediates_only=True
        )


class _SmallEncoder(nn.Module):
    """Four stages of stride 2 from scratch, about 50 thousand parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.channels = [24, 48, 96, 128]
        widths = [3, *self.channels]
        self.stages = nn.ModuleList(
            nn.Sequential(
                _convolve(widths[i], out, stride=2)
                if i == 0
                else _separable(widths[i], out, stride=2),
                _separable(out, out),
            )
            for i, out in enumerate(self.channels)
        )

    def forward(self, image: Tensor) -> list[Tensor]:
        maps = []
        for stage in self.stages:
            image = stage(image)
            maps.append(image)
        return maps


def _usable_stages(net: nn.Module) -> list[int]:
    """Indices of the stages with strides up to COARSEST, none where they cannot be used."""
    fixed = net.pretrained_cfg.get("fixed_input_size", False)
    if fixed or not hasattr(net, "prune_intermediate_layers"):
        return []
    reductions = [stage["reduction"] for stage in net.feature_info]
    if len(set(reductions)) < 4:
        return []
    return [index for index, stride in enumerate(reductions) if stride <= COARSEST]


def _convolve(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def _separable(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, inputs, 3, stride=stride, padding=1, groups=inputs, bias=False),
        nn.Conv2d(inputs, outputs, 1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def _enlarge(features: Tensor, size: torch.Size) -> Tensor:
    return functional.interpolate(features, size, mode="bilinear", align_corners=False)
