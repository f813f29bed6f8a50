"""Donors: images whose backgrounds and distractors others are shown with."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from lightning_modules.evaluation.interventions.filling import fill_smoothly
from lightning_modules.networks.mask_source import join_regions
from lightning_modules.networks.masks import dilate_mask
from lightning_modules.swap import DONOR_RIM

# which classes of donors serve an image of a class: (donors (1, D), images (B, 1), number) -> bool
CLASSES: dict[str, Callable[[Tensor, Tensor, int], Tensor]] = {
    "same": lambda donor, own, num: donor == own,
    "next": lambda donor, own, num: donor == (own + 1) % num,
    "far": lambda donor, own, num: (donor != own) & (donor != (own + 1) % num),
    "other": lambda donor, own, num: donor != own,
}


class Donors(NamedTuple):
    """Some images of each class, all of whose ROI is known.

    ``background`` (D, 3, H, W): the image, with the hole of its ROI, 2 px wider, filled from around
    it (``fill_smoothly``); ``distractors`` (D, K, H, W) bool, of what lies outside that hole;
    ``place`` (D,) the class, as its number among those that there are; ``unit`` (D,) the group;
    ``place_of`` (C,) that number of each class; ``colour`` (3, 1, 1), the mean of the ROIs.
    """

    background: Tensor
    distractors: Tensor
    place: Tensor
    unit: Tensor
    place_of: Tensor
    colour: Tensor

    @property
    def num_classes(self) -> int:
        """That there are; after the last the first is the next."""
        return int(self.place_of.max()) + 1

    def choose(
        self,
        kind: str,
        place: Tensor,
        unit: Tensor,
        generator: torch.Generator,
        having: Tensor | None = None,
    ) -> Tensor:
        """Draw a donor of another group for each image.

        Args:
            kind: Whose background: of the ``same`` class, the ``next`` one, one that is neither
                (``far``), or any ``other`` class.
            place: (B,) classes of the images, as ``place`` counts.
            unit: (B,) their groups.
            generator: Of the draw.
            having: (D,) bool, the donors that can serve; None: all.

        Returns:
            (B,) index of the donor, -1 where there is none.
        """
        allowed = CLASSES[kind](self.place[None], place[:, None], self.num_classes)
        allowed = allowed & (self.unit[None] != unit[:, None])
        if having is not None:
            allowed = allowed & having[None]
        draw = torch.rand(allowed.shape, generator=generator).to(allowed.device)
        chosen = torch.where(allowed, draw, -1.0).argmax(dim=1)
        return torch.where(allowed.any(dim=1), chosen, -1)


def gather_donors(
    batches: Iterable[Mapping[str, Any]],
    unit_of: Mapping[str, int],
    classes: Sequence[int],
    device: torch.device,
) -> Donors | None:
    """Read donors from batches of a loader; an image that is all ROI has no background to lend.

    Args:
        batches: As the loaders give them.
        unit_of: Group of each id, as a number.
        classes: That there are, by their index.
        device: Where they are kept.

    Returns:
        None when none is left.
    """
    place_of = torch.full((max(classes) + 1,), -1, device=device)
    place_of[list(classes)] = torch.arange(len(classes), device=device)
    parts, total, area = [], torch.zeros(3, device=device), 0
    for batch in batches:
        batch = {k: v.to(device) if isinstance(v, Tensor) else v for k, v in batch.items()}
        mask = join_regions(batch["roi"], batch["annotated"])
        hole = dilate_mask(mask, DONOR_RIM)
        usable = batch["annotated"].all(dim=1) & ~hole.flatten(1).all(dim=1)
        unit = torch.tensor([unit_of[name] for name in batch["id"]], device=device)
        values = fill_smoothly(batch["image"], hole), batch["distractors"] & ~hole
        values = *values, place_of[batch["label"]], unit
        parts.append([value[usable] for value in values])
        inside = mask & usable[:, None, None, None]
        total += (batch["image"] * inside).sum(dim=(0, 2, 3))
        area += int(inside.sum())
    columns = [torch.cat(column) for column in zip(*parts, strict=True)]
    if not parts or not len(columns[0]):
        return None
    return Donors(*columns, place_of, (total / max(area, 1))[:, None, None])
