"""What is done to an image, all else staying as it is; all on normalised images (B, 3, H, W).

A change replaces everything outside the user's undilated ROI, or everything inside it, so that a
mask that was grown cannot look robust.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from lightning_modules.evaluation.interventions.donors import Donors
from lightning_modules.evaluation.interventions.filling import fill_smoothly
from lightning_modules.networks.masks import dilate_mask
from lightning_modules.swap import DONOR_RIM

BORDER = "border"
# share of the shorter side that the automatic border strip is wide
BORDER_SHARE = 0.08
# of a mask alone: standard deviations between inside and outside, at least
CONTRAST = 1.0


class Subject(NamedTuple):
    """Images to change: image (S, 3, H, W), roi (S, 1, H, W) bool, distractor (S, 1, H, W) bool."""

    image: Tensor
    roi: Tensor
    distractor: Tensor | None


class Change(NamedTuple):
    """One way to change images.

    ``edit`` takes the subject, the donors and the (S,) index of each image's donor; ``donor`` says
    of which class that is, None: no donor is needed; ``distractor``: by number, what is changed.
    """

    name: str
    edit: Callable[[Subject, Donors, Tensor], Tensor]
    donor: str | None = None
    distractor: int | None = None


def swap_background(subject: Subject, donors: Donors, chosen: Tensor) -> Tensor:
    """Show the ROI on the background of a donor, whose own ROI is filled."""
    return torch.where(subject.roi, subject.image, donors.background[chosen])


def fill_roi(subject: Subject, donors: Donors, chosen: Tensor) -> Tensor:
    """Cover the ROI and its rim with what is around them."""
    hole = dilate_mask(subject.roi, DONOR_RIM)
    return torch.where(hole, fill_smoothly(subject.image, hole), subject.image)


def show_mask(subject: Subject, donors: Donors, chosen: Tensor) -> Tensor:
    """Leave nothing but the mask's shape: one colour inside, another one outside.

    Outside stands 0, the mean of the backbone's training images and what gates hide with; inside
    the mean colour of ROIs, moved away from that.
    """
    away = torch.where(donors.colour < 0, -CONTRAST, CONTRAST)
    return torch.where(subject.roi, donors.colour + away, torch.zeros_like(subject.image))


def erase_distractor(subject: Subject, donors: Donors, chosen: Tensor) -> Tensor:
    """Cover the distractor outside the ROI with the background around it."""
    hole = subject.distractor & ~subject.roi
    filled = fill_smoothly(subject.image, subject.distractor | subject.roi)
    return torch.where(hole, filled, subject.image)


def transplant(index: int) -> Callable[[Subject, Donors, Tensor], Tensor]:
    """Put the donor's distractor of this index in the place where the donor has it."""

    def edit(subject: Subject, donors: Donors, chosen: Tensor) -> Tensor:
        erased = erase_distractor(subject, donors, chosen)
        place = donors.distractors[chosen, index, None] & ~subject.roi
        return torch.where(place, donors.background[chosen], erased)

    return edit


def add_border(batch: dict[str, Any]) -> dict[str, Any]:
    """Where no distractor is named, the frame of an image is one: captions are burnt in there."""
    if "distractors" in batch:
        return batch
    number, _, height, width = batch["image"].shape
    reach = max(1, round(BORDER_SHARE * min(height, width)))
    inner = torch.zeros(height - 2 * reach, width - 2 * reach, dtype=torch.bool)
    frame = functional.pad(inner, (reach, reach, reach, reach), value=True)
    frame = frame.to(batch["image"].device)
    return batch | {"distractors": frame.expand(number, 1, height, width)}


SAME = Change("same_background", swap_background, "same")
NEXT = Change("next_background", swap_background, "next")
FAR = Change("far_background", swap_background, "far")
NO_ROI = Change("no_roi", fill_roi)
MASK_ONLY = Change("mask_only", show_mask)


def distractor_changes(name: str, index: int) -> tuple[Change, Change]:
    """A distractor erased, and one of another class's image in its stead."""
    erased = Change(f"distractor_{name}_erased", erase_distractor, None, index)
    moved = Change(f"distractor_{name}_transplanted", transplant(index), "other", index)
    return erased, moved
