"""Background swap: whose background an image gets, and how its object is pasted onto it."""

import torch
from torch import Tensor
from torch.nn import functional

from lightning_modules.networks.masks import dilate_mask

# pixels around a donor's ROI that are removed with it: its rim is a mixture already
DONOR_RIM = 2
# cells a side in which the place of two ROIs is compared, and the weight of chance beside it
DONOR_GRID = 16
DONOR_CHANCE = 0.5
# shifts, as shares of the image's sides, by which a donor's own background fills its hole
SHIFTS = ((0.5, 0.5), (0.0, 0.5), (0.5, 0.0), (0.25, 0.25), (0.75, 0.25))


def choose_donors(mask: Tensor, label: Tensor) -> Tensor:
    """For each image (B,) another one of the batch, whose background it gets.

    One of another class where there is one: where background and label agree in training, that
    background contradicts the label. And one whose own ROI lies about where the object goes, so
    that little of its filled hole shows; chance decides between equals.

    Shape: mask (B, 1, H, W) bool, label (B,) -> rows (B,)
    """
    small = functional.adaptive_avg_pool2d(mask.float(), DONOR_GRID).flatten(1)
    overlap = torch.minimum(small[:, None], small[None]).sum(dim=2)
    union = torch.maximum(small[:, None], small[None]).sum(dim=2)
    score = overlap / union + DONOR_CHANCE * torch.rand_like(overlap)
    score = score + 2.0 * (label[:, None] != label[None])
    return score.fill_diagonal_(-1.0).argmax(dim=1)


def paste(image: Tensor, mask: Tensor, donor: Tensor, donor_mask: Tensor) -> Tensor:
    """Show the masked part of images on the background of donors, its edge softened inwards.

    Shape: image and donor (B, 3, H, W), masks (B, 1, H, W) bool -> (B, 3, H, W)
    """
    background = fill_hole(donor, dilate_mask(donor_mask, DONOR_RIM))
    soft = functional.avg_pool2d(mask.float(), 3, stride=1, padding=1, count_include_pad=False)
    matte = (soft * mask).to(image.dtype)
    return background + matte * (image - background)


def fill_hole(image: Tensor, hole: Tensor) -> Tensor:
    """Cover a hole with the same image's other parts, shifted; the rest takes its mean colour.

    Shape: image (B, 3, H, W), hole (B, 1, H, W) bool -> (B, 3, H, W)
    """
    height, width = image.shape[2:]
    filled, left = image, hole
    for down, right in SHIFTS:
        shift = (round(down * height), round(right * width))
        usable = left & ~torch.roll(hole, shift, dims=(2, 3))
        filled = torch.where(usable, torch.roll(image, shift, dims=(2, 3)), filled)
        left = left & ~usable
    outside = (~hole).to(image.dtype)
    mean = (image * outside).sum(dim=(2, 3), keepdim=True) / outside.sum(
        dim=(2, 3), keepdim=True
    ).clamp_min(1.0)
    return torch.where(left, mean, filled)
