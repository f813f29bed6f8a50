"""Donors: images of the same split whose backgrounds and distractors others are shown with."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from lightning_modules.evaluation.interventions.filling import fill_smoothly
from lightning_modules.extras import DONOR_RIM
from lightning_modules.networks.mask_source import join_regions
from lightning_modules.networks.masks import dilate_mask

# which classes of donors serve an image of a class: (donors (D,), images (B, 1), number) -> bool
CLASSES: dict[str, Callable[[Tensor, Tensor, int], Tensor]] = {
    "same": lambda donor, own, num: donor == own,
    "next": lambda donor, own, num: donor == (own + 1) % num,
    "far": lambda donor, own, num: (donor != own) & (donor != (own + 1) % num),
    "other": lambda donor, own, num: donor != own,
}


class Donors(NamedTuple):
    """Some images of each class, all of whose ROI is known.

    ``image`` (D, 3, H, W); ``background`` (D, 3, H, W), the same with the hole of the ROI, 2 px
    wider, filled from around it (``fill_smoothly``); ``label`` (D,); ``unit`` (D,), the
    group of each; ``distractors`` (D, K, H, W) bool; ``inside`` and ``outside`` (3, 1, 1), mean
    colours of the ROIs and of the rest.
    """

    image: Tensor
    background: Tensor
    label: Tensor
    unit: Tensor
    distractors: Tensor
    inside: Tensor
    outside: Tensor

    def choose(
        self,
        kind: str,
        label: Tensor,
        unit: Tensor,
        num_classes: int,
        generator: torch.Generator,
        having: Tensor | None = None,
    ) -> Tensor:
        """Draw a donor of another group for each image.

        Args:
            kind: Whose background: of the ``same`` class, the ``next`` one, one that is neither
                (``far``), or any ``other`` class.
            label: (B,) of the images.
            unit: (B,) their groups.
            num_classes: After the last class the first is the next.
            generator: Of the draw.
            having: (D,) bool, the donors that can serve; None: all.

        Returns:
            (B,) index of the donor, -1 where there is none.
        """
        allowed = CLASSES[kind](self.label[None], label[:, None], num_classes)
        allowed = allowed & (self.unit[None] != unit[:, None])
        if having is not None:
            allowed = allowed & having[None]
        draw = torch.rand(allowed.shape, generator=generator).to(allowed.device)
        chosen = torch.where(allowed, draw, -1.0).argmax(dim=1)
        return torch.where(allowed.any(dim=1), chosen, -1)


def gather_donors(
    batches: Iterable[Mapping[str, Any]], unit_of: Mapping[str, int], device: torch.device
) -> Donors | None:
    """Read donors from batches of a loader; images whose ROI is empty or everything are left out.

    Args:
        batches: As the loaders give them.
        unit_of: Group of each id, as a number.
        device: Where they are kept.

    Returns:
        None when none is left.
    """
    parts = []
    for batch in batches:
        mask = join_regions(batch["roi"], batch["annotated"])
        share = mask.float().mean(dim=(1, 2, 3))
        usable = batch["annotated"].all(dim=1) & (share > 0) & (share < 1)
        unit = torch.tensor([unit_of[name] for name in batch["id"]])
        values = batch["image"], mask, batch["label"], unit, batch["distractors"]
        parts.append([value[usable].to(device) for value in values])
    image, mask, label, unit, distractors = map(torch.cat, zip(*parts, strict=True))
    if not len(image):
        return None
    background = fill_smoothly(image, dilate_mask(mask, DONOR_RIM))
    colours = [_mean_colour(image, where) for where in (mask, ~mask)]
    return Donors(image, background, label, unit, distractors, *colours)


def _mean_colour(image: Tensor, where: Tensor) -> Tensor:
    where = where.to(image.dtype)
    return ((image * where).sum(dim=(0, 2, 3)) / where.sum(dim=(0, 2, 3)))[:, None, None]
