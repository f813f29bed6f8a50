"""Masking again after each stage: what bled over the rim inside the network is removed."""

from functools import partial
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from lightning_modules.networks.backbone import Backbone


class Remask:
    """Multiply the output of every stage of a CNN by the mask, max-pooled to its size.

    A cell stays when the mask covers any of it. Set ``mask`` before the backbone runs.
    """

    def __init__(self) -> None:
        self.mask: Tensor | None = None

    def hook(self, backbone: Backbone) -> None:
        """Hook the stages of a backbone.

        Raises:
            ValueError: It has no stages of falling resolution (a ViT).
        """
        stages = list(getattr(backbone.net, "feature_info", None) or [])
        if len({stage["reduction"] for stage in stages}) < 2:
            raise ValueError(
                f"gate.remask needs a CNN with stages; {type(backbone.net).__name__} has none. "
                "Leave it out; a ViT's patches are masked by gate=token."
            )
        for stage in stages:
            module = backbone.net.get_submodule(stage["module"])
            module.register_forward_hook(partial(self._apply, stage["num_chs"]))

    def _apply(self, channels: int, stage: nn.Module, inputs: Any, features: Tensor) -> Tensor:  # noqa: ANN401
        if self.mask is None:
            return features
        first = features.shape[1] == channels
        size = features.shape[2:] if first else features.shape[1:3]
        mask = functional.adaptive_max_pool2d(self.mask.float(), size).to(features.dtype)
        return features * (mask if first else mask.permute(0, 2, 3, 1))
