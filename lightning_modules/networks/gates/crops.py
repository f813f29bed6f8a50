"""Crops gate: each named region cut out, seen alone, and weighed against the others.

The fusion is the gated attention of "Attention-based Deep Multiple Instance Learning" (Ilse et al.
2018, eq. 9), over regions instead of instances.
"""

import difflib
import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from lightning_modules.networks.across import across
from lightning_modules.networks.backbone import Backbone
from lightning_modules.networks.gates.base import GateInput, GateOutput, NetworkOutput
from lightning_modules.networks.gates.cutting import Box, cut_box, find_boxes, widen_box
from lightning_modules.networks.gates.fusion import GatedAttention, measure_embedding, scatter
from lightning_modules.networks.gates.pixel import PixelGate
from lightning_modules.networks.mask_source import MaskOrigin
from lightning_modules.networks.masks import move_rim


class Crops(NamedTuple):
    """What is cut out of a batch, N crops in all.

    ``shown`` (B, 1, H, W) bool, the mask applied before; ``place``, image and region of each crop,
    two (N,); ``boxes`` (N), without margin; ``present`` (B, R) bool.
    """

    shown: Tensor
    place: tuple[Tensor, Tensor]
    boxes: list[Box]
    present: Tensor


class CropsGate(PixelGate):
    """Cut each region out of the hidden image and classify the regions together.

    Every crop is stretched to a square and goes through the same backbone; regions that are absent
    count nothing. What the mask hides is filled before cutting, so the margin shows no background.
    An image that is shown whole is one crop in the place of the first region; one whose mask is
    empty is one crop of ``fill``, which says nothing.

    Args:
        regions: Which regions of the data are cut out, in this order; null: all.
        dilate: As in ``PixelGate``; regions grow alike, within the mask.
        fill: As in ``PixelGate``.
        roi_missing: As in ``PixelGate``.
        crop_size: Side of the square in pixels that the backbone sees.
        crop_margin: Added on each side of a region's box, a share of that side, at least 0.
        auxiliary: Weight, at least 0, of the cross-entropy of each region alone.

    Shape: image (B, 3, H, W), mask (B, 1, H, W) bool, roi (B, R, H, W) bool, has_roi (B, R) bool
    -> GateOutput with ``region_weights`` (B, R), 0 for absent regions and 1 in sum,
    ``region_logits`` (B, R, C) and ``region_present`` (B, R) bool, R counting ``regions``
    """

    mixes = False  # regions of two images have no crop in common

    def __init__(
        self,
        regions: Sequence[str] | None = None,
        dilate: int | Literal["auto"] = 0,
        fill: float = 0.0,
        roi_missing: Literal["error", "full", "abstain"] = "error",
        crop_size: int = 64,
        crop_margin: float = 0.1,
        auxiliary: float = 0.3,
    ) -> None:
        super().__init__(dilate, fill, roi_missing)
        if crop_size < 1:
            raise ValueError(f"gate.crop_size is {crop_size}, expected pixels, at least 1.")
        for name, value in {"crop_margin": crop_margin, "auxiliary": auxiliary}.items():
            if not 0 <= value < math.inf:
                raise ValueError(f"gate.{name} is {value}, expected 0 or more.")
        self.regions = [regions] if isinstance(regions, str) else regions
        self.crop_size = crop_size
        self.crop_margin = crop_margin
        self.auxiliary = auxiliary
        self.backbone_size = (crop_size, crop_size)

    def attach(self, backbone: Backbone, region_names: tuple[str, ...]) -> None:  # noqa: D102
        self.chosen = _find_regions(self.regions, region_names)
        self.weighed = tuple(region_names[index] for index in self.chosen)
        self.fusion = GatedAttention(measure_embedding(backbone, self.crop_size), len(self.chosen))

    def respond(self, backbone: Backbone, given: GateInput) -> GateOutput:  # noqa: D102
        cut = self._find_crops(given)
        place, present = cut.place, cut.present
        seen = self.hide(given.image, cut.shown)
        boxes = zip(place[0].tolist(), cut.boxes, strict=True)
        crops = [cut_box(seen[i], box, self.crop_margin, self.crop_size) for i, box in boxes]
        embedding = backbone.embed(backbone.features(torch.stack(crops)))
        embedding = embedding + self.fusion.names[place[1]].to(embedding.dtype)
        fused, weights = self.fusion(scatter(embedding, place, present), present)
        region_logits = scatter(backbone.head(embedding), place, present)
        maps = {"region_weights": weights, "region_logits": region_logits}
        return GateOutput(backbone.head(fused), maps | {"region_present": present})

    def _find_crops(self, given: GateInput) -> Crops:
        assert given.roi is not None and given.has_roi is not None
        known = given.roi & given.has_roi[:, :, None, None]
        planes, whole = self._find_planes(given.mask, known)
        present = planes.flatten(2).any(dim=2)
        # nothing to cut is the whole image: shown when the mask is full, else a crop of fill
        nothing = ~present.any(dim=1)
        shown = given.mask & (whole | ~nothing)[:, None, None, None]
        planes[:, 0] |= nothing[:, None, None]
        present[:, 0] |= nothing
        place = present.nonzero(as_tuple=True)
        return Crops(shown, place, find_boxes(planes[place]), present)

    def put_back(self, heat: Tensor, given: GateInput) -> Tensor:
        """Put what lies on the crops (N, 1, h, w) in their places; the larger counts."""
        cut, size = self._find_crops(given), given.image.shape[2:]
        whole = heat.new_zeros(len(given.image), 1, *size)
        for owner, box, crop in zip(cut.place[0].tolist(), cut.boxes, heat, strict=True):
            x0, y0, x1, y1 = widen_box(box, self.crop_margin, *size)
            crop = functional.interpolate(crop[None], (y1 - y0, x1 - x0), mode="bicubic")[0]
            whole[owner, :, y0:y1, x0:x1] = whole[owner, :, y0:y1, x0:x1].maximum(crop)
        return whole

    def _find_planes(self, mask: Tensor, roi: Tensor) -> tuple[Tensor, Tensor]:
        """Chosen regions within the mask (B, R, H, W), none of an image shown whole (B,)."""
        grown = move_rim(roi.flatten(0, 1)[:, None], self.dilate).view_as(roi)
        # a full mask that no regions add up to is the policy's, not the user's
        whole = mask.flatten(1).all(dim=1) & ~grown.any(dim=1).flatten(1).all(dim=1)
        return grown[:, self.chosen] & mask & ~whole[:, None, None, None], whole

    def losses(  # noqa: D102
        self, network: nn.Module, output: NetworkOutput, batch: Mapping[str, Any]
    ) -> dict[str, Tensor]:
        present = output.maps["region_present"]
        weight = batch.get("weight", torch.ones_like(output.origin)).float()
        weight = (weight * (output.origin != MaskOrigin.ABSTAIN))[:, None] * present
        logits = output.maps["region_logits"].float().transpose(1, 2)
        label = batch["label"][:, None].expand_as(present)
        losses = functional.cross_entropy(logits, label, reduction="none")
        total = across(weight.sum()).clamp_min(torch.finfo(losses.dtype).tiny)
        return {"regions": self.auxiliary * ((losses * weight).sum() / total)}


def _find_regions(regions: Sequence[str] | None, known: Sequence[str]) -> list[int]:
    """Places of the regions asked for among those of the data; all without any asked for."""
    if regions is None:
        return list(range(len(known)))
    problems = []
    for name in regions:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            problems.append(f"{name!r} is not a region of the data.{hint}")
    if len(set(regions)) < len(regions) or not regions:
        problems.append("each region is named once, and one at least.")
    if problems:
        names = ", ".join(map(repr, known))
        raise ValueError(f"gate.regions: {' '.join(problems)} Regions of the data: {names}.")
    return [known.index(name) for name in regions]
