"""Colours: brightness, contrast, saturation and hue as one matrix an image, blur, RandAugment.

Nothing here reads a statistic of the whole image: contrast is taken about mid grey, and of
RandAugment's operations those that equalise or stretch an image are left out.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torchvision.transforms import v2

from datamodules.augmentation.draws import Draws

MIDDLE = 128
# to luma and two colour differences (YIQ), in which a change of hue is a rotation
TO_YIQ = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
FROM_YIQ = np.linalg.inv(TO_YIQ)
LARGEST_SIGMA = 2.0 / 224  # of the blur, as a share of the image's side


@dataclass(frozen=True)
class Colour:
    """How far colours may change; see ``Augmentation`` for the numbers."""

    brightness: float
    contrast: float
    saturation: float
    hue: float

    def matrices(self, draws: Draws) -> tuple[np.ndarray, np.ndarray]:
        """Matrix (B, 3, 3) and offset (B, 3, 1) of grey levels counted from mid grey."""
        factors = [
            draws.between(name, 1 - change, 1 + change)
            for name, change in (
                ("brightness", self.brightness),
                ("contrast", self.contrast),
                ("saturation", self.saturation),
            )
        ]
        brightness, contrast, saturation = factors
        turn = 2 * np.pi * draws.between("hue", -self.hue, self.hue)
        inner = np.zeros((len(turn), 3, 3))
        inner[:, 0, 0] = 1
        inner[:, 1, 1] = inner[:, 2, 2] = saturation * np.cos(turn)
        inner[:, 1, 2], inner[:, 2, 1] = -saturation * np.sin(turn), saturation * np.sin(turn)
        matrix = (brightness * contrast)[:, None, None] * (FROM_YIQ @ inner @ TO_YIQ)
        offset = contrast * (brightness - 1) * MIDDLE
        return matrix, np.repeat(offset[:, None, None], 3, axis=1)


def blur(image: Tensor, sigmas: np.ndarray, most: float) -> Tensor:
    """Blur images (B, 3, H, W), each by a Gaussian of its own.

    Args:
        image: To blur.
        sigmas: (B,) in pixels.
        most: Largest that a sigma may be, in pixels. It says how far all Gaussians reach, so that
            an image does not depend on those that are drawn beside it.
    """
    reach = int(np.ceil(3 * most))
    places = np.arange(-reach, reach + 1)
    kernels = np.exp(-(places**2) / (2 * sigmas[:, None] ** 2))
    kernels = torch.from_numpy(kernels / kernels.sum(axis=1, keepdims=True)).to(image.dtype)
    kernels = kernels.repeat_interleave(3, dim=0)
    stacked = image.reshape(1, -1, *image.shape[2:])
    padded = functional.pad(stacked, (reach,) * 4, mode="replicate")
    for shape in ((-1, 1, 2 * reach + 1, 1), (-1, 1, 1, 2 * reach + 1)):
        padded = functional.conv2d(padded, kernels.view(shape), groups=len(kernels))
    return padded.reshape(image.shape)


class PointwiseRandAugment(v2.RandAugment):
    """torchvision's RandAugment (Cubuk et al. 2020) by the operations that keep every pixel apart.

    Geometry moves image and regions together elsewhere; AutoContrast, Equalize and Contrast read
    the whole image and would carry the background into the region.
    """

    _AUGMENTATION_SPACE = {  # noqa: RUF012
        name: v2.RandAugment._AUGMENTATION_SPACE[name]
        for name in ("Identity", "Brightness", "Color", "Sharpness", "Posterize", "Solarize")
    }


def randaugment(images: Tensor, num_ops: int, draws: Draws) -> Tensor:
    """Apply ``num_ops`` operations to each image (B, 3, H, W) uint8."""
    transform = PointwiseRandAugment(num_ops=num_ops)
    done: list[Any] = []
    for image, seed in zip(images, draws.seeds("randaugment"), strict=True):
        # torchvision draws from torch's generator: lend it one of its own
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            done.append(transform(image))
    return torch.stack(done)
