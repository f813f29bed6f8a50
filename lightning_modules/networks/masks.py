"""Operations on bool masks (B, 1, H, W)."""

import torch
from torch import Tensor
from torch.nn import functional

# an erosion leaves at least this share of a mask's area, or it stops earlier for that image
KEPT_SHARE = 0.15


def dilate_mask(mask: Tensor, pixels: int) -> Tensor:
    """Grow a mask by a square of ``pixels`` each way; shrink it when negative."""
    if pixels == 0:
        return mask
    grown = mask if pixels > 0 else ~mask
    reach = abs(pixels)
    width = 2 * reach + 1
    # a square is a row of rows; max_pool2d pads with minus infinity, so the border neither grows
    # nor eats the mask
    rows = functional.max_pool2d(grown.float(), (1, width), stride=1, padding=(0, reach))
    grown = functional.max_pool2d(rows, (width, 1), stride=1, padding=(reach, 0)) > 0
    return grown if pixels > 0 else ~grown


def move_rim(mask: Tensor, pixels: int) -> Tensor:
    """Grow or shrink; where shrinking would leave too little of a mask it goes less far.

    Small and thin objects keep at least ``KEPT_SHARE`` of their area: each image gets the largest
    erosion of at most ``-pixels`` that leaves it.
    """
    if pixels >= 0:
        return dilate_mask(mask, pixels)
    area = mask.float().mean(dim=(1, 2, 3), keepdim=True)
    kept = mask
    for step in range(1, -pixels + 1):
        eroded = dilate_mask(mask, -step)
        enough = eroded.float().mean(dim=(1, 2, 3), keepdim=True) >= KEPT_SHARE * area
        kept = torch.where(enough, eroded, kept)
    return kept


def shares_of(mask: Tensor, size: tuple[int, int]) -> Tensor:
    """Share in [0, 1] of each cell of a coarser grid that the mask covers, (B, 1, *size)."""
    return functional.adaptive_avg_pool2d(mask.float(), size)
