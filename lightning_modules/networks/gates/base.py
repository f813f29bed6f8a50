"""What every gate is: a rule of what the backbone may see, and a promise about it."""

from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from lightning_modules.networks.backbone import Backbone

Policy = Literal["error", "full", "abstain"]


class Promise(Enum):
    """What holds of the logits, in eval mode, at the same batch shape, dtype and device.

    EXACT: bit-identical whatever stands outside the applied mask's resampling support.
    EXACT_GIVEN_MASK: the same for a fixed predicted or detected mask.
    NONE: nothing.
    """

    EXACT = "exact"
    EXACT_GIVEN_MASK = "exact_given_mask"
    NONE = "none"


class GateInput(NamedTuple):
    """A batch as a gate gets it.

    image (B, 3, H, W), mask (B, 1, H, W) bool to apply, roi (B, R, H, W) bool and has_roi (B, R)
    bool as the user knows them, mask_logits (B, 1, H, W) float of a locator that was asked.
    """

    image: Tensor
    mask: Tensor
    roi: Tensor | None
    has_roi: Tensor | None
    mask_logits: Tensor | None


class GateOutput(NamedTuple):
    """Logits (B, C), and what the gate's own loss and the reports read, by name.

    ``region_weights`` (B, R) is the share of each named region in the answer, ``region_logits``
    (B, R, C) what each says alone, ``region_present`` (B, R) bool which take part; ``attention``
    (B, 1, h, w) a soft map in [0, 1] and ``attention_logits``; ``features`` (B, D, h, w) the last
    map, and in training ``image`` where its gradient is asked for. Of mixtures the network adds
    ``partner`` (B,), the row mixed in, and ``own_share`` (B,) in [0, 1] of the label.
    """

    logits: Tensor
    maps: dict[str, Tensor]


class NetworkOutput(NamedTuple):
    """What a network says of a batch.

    logits (B, C) float; mask (B, 1, H, W) bool, as applied; origin (B,), a ``MaskOrigin`` an image;
    mask_logits (B, 1, H, W) float of the locator, None where it was not asked; maps, see
    ``GateOutput``.
    """

    logits: Tensor
    mask: Tensor
    origin: Tensor
    mask_logits: Tensor | None
    maps: dict[str, Tensor]


class Gate(nn.Module):
    """Lets a backbone see what the mask allows.

    A gate is built from its configuration alone and then attached to the backbone, where it checks
    that it can serve it and makes the parameters whose sizes depend on it.

    Shape: image (B, 3, H, W), mask (B, 1, H, W) bool, roi (B, R, H, W) bool, has_roi (B, R) bool,
    mask_logits (B, 1, H, W) float of a locator -> GateOutput
    """

    promise = Promise.NONE
    dilate = 0
    roi_missing = "full"
    hides = True  # whether it gates at all: a run behind a gate that does not is never called gated
    uses_mask = True  # whether the answer depends on the mask at all
    mixes = False  # whether it serves a mixture of hidden images behind the union of their masks
    compiles = True  # whether it trains through ``Backbone.features``, and by first derivatives
    teacher_forcing = 1.0
    weighed: tuple[str, ...] = ()  # regions whose share in the answer is known, ``region_weights``
    backbone_size: tuple[int, int] | None = None  # of what the backbone sees; None: the whole image

    def __init__(self) -> None:
        super().__init__()
        self.locator: nn.Module | None = None  # (B, 3, H, W) -> logits (B, 1, H, W)

    def attach(self, backbone: "Backbone", region_names: tuple[str, ...]) -> None:
        """Check that this backbone and these regions can be served; make own parameters.

        Raises:
            ValueError: They cannot.
        """

    def hide(self, image: Tensor, mask: Tensor) -> Tensor:
        """Return the image as the backbone sees it, (B, 3, H, W)."""
        return image

    def forward(
        self,
        backbone: "Backbone",
        image: Tensor,
        mask: Tensor,
        roi: Tensor | None = None,
        has_roi: Tensor | None = None,
        mask_logits: Tensor | None = None,
    ) -> GateOutput:
        """Check the mask's shape, then ``respond``."""
        check_mask(image, mask)
        return self.respond(backbone, GateInput(image, mask, roi, has_roi, mask_logits))

    def respond(self, backbone: "Backbone", given: GateInput) -> GateOutput:
        """Return the logits of ``backbone`` and the gate's maps."""
        return GateOutput(backbone(self.hide(given.image, given.mask)), {})

    def all_tokens(
        self, backbone: "Backbone", tokens: Tensor, mask: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """Of tokens (B, L, D) that went through a backbone, those of the whole image (B, N, D).

        Returns:
            They, and which of them took part, (B, N) bool; None: all.
        """
        return tokens, None

    def put_back(self, heat: Tensor, given: GateInput) -> Tensor:
        """Bring a map (N, 1, h, w) >= 0 of what the backbone saw to the image, (B, 1, H, W)."""
        return functional.interpolate(heat, given.image.shape[2:], mode="bicubic").relu()

    def losses(
        self, network: nn.Module, output: NetworkOutput, batch: Mapping[str, Any]
    ) -> dict[str, Tensor]:
        """Return the gate's own training losses by name, weighted, each a scalar."""
        return {}


def check_mask(image: Tensor, mask: Tensor) -> None:
    """Refuse what would broadcast: a mask of three regions fits three colour channels."""
    expected = (image.shape[0], 1, *image.shape[2:])
    if tuple(mask.shape) != expected or mask.dtype != torch.bool:
        raise ValueError(
            f"The mask is {mask.dtype} of shape {tuple(mask.shape)}, expected torch.bool of "
            f"{expected}."
        )


def check_roi_missing(roi_missing: str, allowed: tuple[str, ...] = get_args(Policy)) -> str:
    """Return the policy for an image without ROI, or refuse an unknown one."""
    if roi_missing not in allowed:
        raise ValueError(
            f"gate.roi_missing is {roi_missing!r}, expected {' or '.join(map(repr, allowed))}."
        )
    return roi_missing


def check_dilate(dilate: int | str) -> int:
    """Return the margin in pixels; ``auto`` is decided from the training images before."""
    if isinstance(dilate, str):
        raise ValueError(
            f"gate.dilate is {dilate!r}: a gate that is built needs its margin in pixels."
        )
    return dilate
