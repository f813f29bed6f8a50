"""Mask source, gate and backbone, one after the other."""

from collections.abc import Callable
from functools import cached_property

import torch
from timm.models import group_parameters
from timm.optim import auto_group_layers
from torch import Tensor, nn

from lightning_modules.networks.backbone import Backbone
from lightning_modules.networks.cells import Cells, find_cells
from lightning_modules.networks.gates.base import Gate, NetworkOutput, Promise
from lightning_modules.networks.mask_source import MaskSource
from lightning_modules.networks.mixing import Mixing, mix

BACKBONE = "backbone.net."  # before the names of the timm model's own parameters


class ROINetwork(nn.Module):
    """A backbone behind a gate.

    Args:
        backbone: The classifier.
        gate: What it may see.
        region_names: In the order of the ROI's planes.
        mask_jitter: See ``MaskSource``.
        roi_dropout: See ``MaskSource``.

    Shape: image (B, 3, H, W), roi (B, R, H, W) bool, has_roi (B, R) bool, detected (B,) bool
    -> NetworkOutput

    Raises:
        ValueError: The gate cannot serve the backbone.
    """

    def __init__(
        self,
        backbone: Backbone,
        gate: Gate,
        region_names: tuple[str, ...] = ("roi",),
        mask_jitter: int = 0,
        roi_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        gate.attach(backbone, tuple(region_names))
        if backbone.compiles and not gate.compiles:
            raise ValueError(
                f"model.compile=true: {type(gate).__name__} as it is set cannot train through a "
                "compiled backbone, or never runs it as a whole. Leave it out."
            )
        self.backbone = backbone
        self.gate = gate
        self.num_regions = len(region_names)
        self.mask_source = MaskSource(
            gate.dilate, gate.roi_missing, gate.teacher_forcing, mask_jitter, roi_dropout
        )

    def no_weight_decay(self) -> set[str]:
        """Names of the backbone's parameters that timm does not decay (position embeddings)."""
        names = getattr(self.backbone.net, "no_weight_decay", set)()
        return {f"{BACKBONE}{name}" for name in names}

    def group_matcher(self, coarse: bool = False) -> Callable[[str], int]:
        """How deep each parameter lies, as timm asks for its layer decay.

        Layers are the backbone's own; its head, the gate and the locator are as high as anything.
        """
        net = self.backbone.net
        if hasattr(net, "group_matcher"):
            layers = group_parameters(net, net.group_matcher(coarse=coarse), reverse=True)
        else:  # three families of timm name no layers
            layers = auto_group_layers(net)
        top = max(layers.values())
        return lambda name: layers.get(name.removeprefix(BACKBONE), top)

    @property
    def shows_background(self) -> bool:
        """Whether the classifier sees what is around the ROI, of all images or of some."""
        whole = self.gate.roi_missing == "full" or self.mask_source.roi_dropout > 0
        return self.gate.promise is Promise.NONE or (self.gate.locator is None and whole)

    @cached_property
    def cells(self) -> tuple[Cells, ...]:
        """Where an answer may be explained, found once; see ``find_cells``."""
        return find_cells(self)

    def set_margin(self, pixels: int) -> None:
        """Apply another margin than the one that was trained with."""
        self.gate.dilate = self.mask_source.dilate = pixels

    def answer(self, features: Tensor, mask: Tensor, origin: Tensor) -> NetworkOutput:
        """Return what ``forward`` returned when the last layer read ``features`` (B, E).

        ``mask`` is bool (B, 1, h, w) of any size, ``origin`` (B,): as they were then.
        """
        return NetworkOutput(self.backbone.head(features), mask, origin, None, {})

    def forward(
        self,
        image: Tensor,
        roi: Tensor,
        has_roi: Tensor,
        detected: Tensor | None = None,
        mixing: Mixing | None = None,
    ) -> NetworkOutput:
        """Return logits, the mask applied and where it came from.

        With ``mixing`` the answers are to mixtures; ``maps`` then has ``partner`` and ``own_share``
        (B,) of each, while origin and mask_logits are those of the images before.
        """
        mask, origin, mask_logits = self.mask_source(
            image, roi, has_roi, detected, self.gate.locator
        )
        mixed = {}
        if mixing is not None:
            visible = mask if self.gate.hides else torch.ones_like(mask)
            image, mask, share = mix(self.gate.hide(image, mask), visible, mixing)
            mixed = {"partner": mixing.partner, "own_share": share}
        logits, maps = self.gate(self.backbone, image, mask, roi, has_roi, mask_logits)
        return NetworkOutput(logits, mask, origin, mask_logits, maps | mixed)
