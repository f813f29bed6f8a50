"""The evaluation transform: image and regions are resized together, the image is normalised.

No step here reads a statistic of the whole image (contrast, equalize, per-image normalisation): it
would carry the background across the edge of the region, ahead of the gate.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional

from datamodules.regions.planes import resize_regions


@dataclass(frozen=True)
class Preprocessing:
    """What the backbone expects of an image.

    Args:
        size: Height and width of its input in pixels.
        mean: Of each channel, of values in [0, 1].
        std: Of each channel, of values in [0, 1].
        interpolation: bilinear, bicubic or nearest, always antialiased.
    """

    size: tuple[int, int]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    interpolation: str

    def __post_init__(self) -> None:
        if self.interpolation not in ("nearest", "bilinear", "bicubic"):
            raise ValueError(
                f"interpolation is {self.interpolation!r}, expected nearest, bilinear or bicubic"
            )

    def normalise(self, image: Tensor) -> Tensor:
        """Turn images (B, 3, H, W) of [0, 255], uint8 or float, into what the backbone reads.

        A float image is changed in place.
        """
        mean, std = (
            255 * torch.tensor(values).view(1, 3, 1, 1) for values in (self.mean, self.std)
        )
        return image.float().sub_(mean).div_(std)


def resize_together(
    image: np.ndarray, planes: np.ndarray, preprocessing: Preprocessing
) -> tuple[Tensor, Tensor]:
    """Bring a decoded image and its regions to the size of the network's input.

    The whole image is kept and its sides are scaled apart, so nothing of a region is cut off.

    Args:
        image: (H, W, 3) uint8.
        planes: (R, H, W) bool.
        preprocessing: Size and filter.

    Returns:
        image uint8 (3, *size) and planes bool (R, *size), inside only where the filter read
        inside pixels alone.
    """
    size = preprocessing.size
    # Pillow's arrays cannot be written to, and torch wants to
    pixels = image if image.flags.writeable else image.copy()
    tensor = torch.from_numpy(pixels).permute(2, 0, 1)
    if image.shape[:2] != tuple(size):
        mode = v2.InterpolationMode(preprocessing.interpolation)
        antialias = preprocessing.interpolation != "nearest"
        tensor = functional.resize(tensor, list(size), interpolation=mode, antialias=antialias)
    planes = resize_regions(planes, size, preprocessing.interpolation)
    return tensor, torch.from_numpy(planes)
