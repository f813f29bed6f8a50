"""Mixtures of images that have passed their gates: mixup and CutMix.

As timm's ``Mixup`` does it with one draw a batch: the n-th image is mixed with the n-th last. What
a gate hides of an image is hidden before, so that it is in no mixture either.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

# of the batches, where both are on
CUT_SHARE = 0.5


class Mixing(NamedTuple):
    """How a batch is mixed.

    Args:
        partner: (B,) row of the image that each is mixed with.
        share: Of the image itself in a mean, in [0, 1].
        box: Top, bottom, left, right in pixels, half-open, of what the partner shows there instead
            (CutMix); None: the mean of both (mixup).
    """

    partner: Tensor
    share: float
    box: tuple[int, int, int, int] | None


class Mixture(NamedTuple):
    """Mixed images (B, 3, H, W), their masks (B, 1, H, W), and own shares (B,) of the labels."""

    image: Tensor
    mask: Tensor
    own_share: Tensor


def draw_mixing(
    partner: Tensor, size: tuple[int, int], mixup: float, cutmix: float, seed: int
) -> Mixing:
    """Draw how a batch is mixed, by ``seed`` alone.

    Args:
        partner: As in ``Mixing``.
        size: Height and width of the images.
        mixup: Both parameters of the Beta distribution of the share (Zhang et al. 2018, "mixup:
            Beyond Empirical Risk Minimization"); 0: none.
        cutmix: The same of CutMix (Yun et al. 2019, "CutMix", section 3.1); 0: none. One at least
            is above 0.
        seed: At least 0.
    """
    rng = np.random.default_rng(seed)
    cuts = cutmix > 0 and (not mixup or rng.random() < CUT_SHARE)
    alpha = cutmix if cuts else mixup
    share = float(rng.beta(alpha, alpha))
    return Mixing(partner, share, _draw_box(size, share, rng) if cuts else None)


def _draw_box(
    size: tuple[int, int], share: float, rng: np.random.Generator
) -> tuple[int, int, int, int]:
    """A box of ``1 - share`` of the area around a uniform centre, cut off at the border."""
    ends = []
    for side in size:
        length, centre = int(side * (1 - share) ** 0.5), int(rng.integers(side))
        ends += [max(centre - length // 2, 0), min(centre + (length + 1) // 2, side)]
    return tuple(ends)


def mix(hidden: Tensor, mask: Tensor, mixing: Mixing) -> Mixture:
    """Mix images, and say which part of each mixture's label is the image's own.

    A mean shows what either mask shows: its mask is the union of both. CutMix shows the partner's
    part of the mask in the box and the own one around it; the label's shares are those of the
    visible pixels, because a box in the background shows nothing of either. Where nothing would be
    visible, the image stays as it is.

    Args:
        hidden: (B, 3, H, W) behind their gates.
        mask: (B, 1, H, W) bool, of what is visible of them.
        mixing: How.
    """
    other, other_mask = hidden[mixing.partner], mask[mixing.partner]
    if mixing.box is None:
        image = mixing.share * hidden + (1 - mixing.share) * other
        share = torch.full((len(image),), mixing.share, device=image.device)
        return Mixture(image, mask | other_mask, share)
    top, bottom, left, right = mixing.box
    box = torch.zeros_like(mask)
    box[..., top:bottom, left:right] = True
    own, others = ((m.flatten(1).sum(dim=1)) for m in (mask & ~box, other_mask & box))
    visible = own + others > 0
    box = box & visible[:, None, None, None]
    share = torch.where(visible, own / (own + others).clamp_min(1), 1.0)
    return Mixture(torch.where(box, other, hidden), torch.where(box, other_mask, mask), share)
