"""What training does to a batch of images and their regions before the network sees them."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from datamodules.augmentation.colour import (
    LARGEST_SIGMA,
    MIDDLE,
    Colour,
    blur,
    randaugment,
)
from datamodules.augmentation.draws import Draws
from datamodules.augmentation.geometry import MOST, Geometry, mirror, mirror_order, sample
from datamodules.augmentation.occlusion import hidden_inside, hidden_outside
from datamodules.augmentation.ranges import find_augment_problems
from datamodules.problems import raise_problems

# images that are worked on at a time: so many fit a core's cache
AT_ONCE = 2
# where images are cropped they are kept larger, so that a crop is no magnified small image
CROP_MARGIN = 1.25


class Augmentation:
    """Random changes that keep the label; image and regions move together.

    Evaluation never runs it, so it breaks no promise of a gate. No part reads a statistic of the
    whole image. What comes into the picture from beyond its border is mid grey and outside.

    Args:
        region_names: In the order of the planes.
        horizontal_flip: Probability in [0, 1]; regions left_<name> and right_<name> change places.
        rotation: Largest angle in degrees, either way.
        translation: Largest shift as a share of the image size in [0, 1], either way.
        scale: Scaling by 1 - scale to 1 + scale, in [0, 1).
        crop: Smallest area of a random crop as a share of the image in (0, 1]; 1: no crop.
        keep_roi: Least share in [0, 1] of the ROI's area that a crop keeps.
        brightness: Factor 1 - brightness to 1 + brightness, in [0, 1]; the same for the next two.
        contrast: About mid grey.
        saturation: About the pixel's own grey.
        hue: Largest turn of the colour circle as a share of it in [0, 0.5], either way.
        randaugment: Operations of RandAugment for each image, at least 0.
        blur: Probability in [0, 1] of a Gaussian blur of up to 2 pixels at 224.
        erase_outside: Probability in [0, 1] of a grey rectangle outside the ROI.
        erase_inside: Probability in [0, 1] of a grey rectangle over at most a quarter of the ROI.

    Raises:
        ValueError: A value is outside its range.
    """

    def __init__(
        self,
        region_names: Sequence[str],
        *,
        horizontal_flip: float = 0.0,
        rotation: float = 0.0,
        translation: float = 0.0,
        scale: float = 0.0,
        crop: float = 1.0,
        keep_roi: float = 0.9,
        brightness: float = 0.0,
        contrast: float = 0.0,
        saturation: float = 0.0,
        hue: float = 0.0,
        randaugment: int = 0,
        blur: float = 0.0,
        erase_outside: float = 0.0,
        erase_inside: float = 0.0,
    ) -> None:
        raise_problems(list(find_augment_problems(dict(locals()))), "the augmentation")
        self.order = mirror_order(region_names)
        self.geometry = Geometry(horizontal_flip, rotation, translation, scale, crop, keep_roi)
        self.colour = Colour(brightness, contrast, saturation, hue)
        self.randaugment = randaugment
        self.blur = blur
        self.erase_outside = erase_outside
        self.erase_inside = erase_inside

    def prepared_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """Height and width at which images are wanted, for a network's input of ``size``."""
        if self.geometry.crop == 1:
            return size
        return tuple(math.ceil(CROP_MARGIN * side) for side in size)

    def __call__(
        self, image: Tensor, roi: Tensor, draws: Draws, size: tuple[int, int]
    ) -> tuple[Tensor, Tensor]:
        """Change a batch.

        Args:
            image: (B, 3, *prepared_size) uint8.
            roi: (B, R, *prepared_size) bool.
            draws: What chance says of each image.
            size: Height and width of the result.

        Returns:
            image float (B, 3, *size) in [0, 255] and roi bool (B, R, *size).
        """
        if self.randaugment:
            image = randaugment(image, self.randaugment, draws)
        flipped = draws.happens("flip", self.geometry.horizontal_flip)
        matrices = self.geometry.matrices(draws, roi, size)
        colour, offset = (torch.from_numpy(part).float() for part in self.colour.matrices(draws))
        moved = torch.empty(len(image), 3, *size)
        planes = torch.empty(len(image), roi.shape[1], *size, dtype=torch.bool)
        for start in range(0, len(image), AT_ONCE):
            part = slice(start, start + AT_ONCE)
            levels = image[part].bitwise_xor(MIDDLE).view(torch.int8)  # less 128: grey is 0
            if self.geometry.resamples:
                levels = _sample(levels, roi[part], matrices[part], planes[part])
            else:
                planes[part] = roi[part]
                levels = levels.float()
                mirror(flipped[part], levels, planes[part])
            changed = torch.baddbmm(offset[part] + MIDDLE, colour[part], levels.flatten(2))
            torch.clamp(changed.view(levels.shape), 0, 255, out=moved[part])
        if self.order != sorted(self.order):
            planes[flipped] = planes[flipped][:, self.order]
        self._cover(moved, planes, draws)
        return moved, planes

    def _cover(self, image: Tensor, planes: Tensor, draws: Draws) -> None:
        """Blur, and cover with mid grey, in place."""
        blurred = draws.happens("blur", self.blur)
        if blurred.any():
            most = LARGEST_SIGMA * max(image.shape[2:])
            sigmas = draws.between("sigma", most / 20, most)
            image[blurred] = blur(image[blurred], sigmas[blurred], most)
        for probability, hide, name in (
            (self.erase_outside, hidden_outside, "outside"),
            (self.erase_inside, hidden_inside, "inside"),
        ):
            chosen = draws.happens(f"erase_{name}_at_all", probability)
            if chosen.any():
                image.masked_fill_(hide(draws, planes, chosen), MIDDLE)


def _sample(levels: Tensor, roi: Tensor, matrices: np.ndarray, planes: Tensor) -> Tensor:
    """Resample levels, and the regions into ``planes``, in one go."""
    stacked = torch.empty(len(levels), 3 + roi.shape[1], *levels.shape[2:])
    stacked[:, :3] = levels
    stacked[:, 3:] = roi
    sampled = sample(stacked, matrices, planes.shape[2:])
    torch.gt(sampled[:, 3:], MOST, out=planes)
    return sampled[:, :3]
