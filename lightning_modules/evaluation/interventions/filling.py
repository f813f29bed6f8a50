"""Fill holes of images from around them, without anything that could be taken for an object."""

import torch
from torch import Tensor
from torch.nn import functional


def fill_smoothly(image: Tensor, hole: Tensor) -> Tensor:
    """Fill a hole from its surroundings: the pull-push of "The Lumigraph" (Gortler et al. 1996).

    Colours that are known are averaged to half the size again and again, until every cell knows
    one; going back up, what was not known takes the interpolated colour of the coarser size. An
    image of nothing but hole becomes 0.

    Shape: image (B, 3, H, W), hole (B, 1, H, W) bool -> (B, 3, H, W)
    """
    return _fill(image, ~hole)


def _fill(image: Tensor, known: Tensor) -> Tensor:
    size = image.shape[2:]
    if max(size) == 1:
        return torch.where(known, image, 0.0)
    weight = known.to(image.dtype)
    share = functional.avg_pool2d(weight, 2, ceil_mode=True)
    total = functional.avg_pool2d(torch.where(known, image, 0.0), 2, ceil_mode=True)
    tiny = torch.finfo(image.dtype).tiny
    coarse = _fill(total / share.clamp_min(tiny), share > 0)
    return torch.where(known, image, functional.interpolate(coarse, size, mode="bilinear"))
