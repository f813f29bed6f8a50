"""What training does to a batch of images and their regions before the network sees them."""

import math
from collections.abc import Sequence

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

# images that are worked on at a time: so many fit a core's cache
AT_ONCE = 4
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
        given = dict(locals())
        for name, (low, high, what) in _RANGES.items():
            if not low <= given[name] <= high:
                raise ValueError(f"augment.{name} is {given[name]}, expected {what}")
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
        image, roi = self._move(image, roi, draws, size)
        self._occlude(image, roi, draws)
        self._recolour(image, draws)
        return image, roi

    def _move(
        self, image: Tensor, roi: Tensor, draws: Draws, size: tuple[int, int]
    ) -> tuple[Tensor, Tensor]:
        """Images as float, and their planes, where the geometry puts them."""
        flipped = draws.happens("flip", self.geometry.horizontal_flip)
        if self.geometry.resamples:
            matrices = self.geometry.matrices(draws, roi, size)
            moved = image.new_empty((len(image), 3, *size), dtype=torch.float)
            planes = torch.empty(len(image), roi.shape[1], *size, dtype=torch.bool)
            for start in range(0, len(image), AT_ONCE):
                part = slice(start, start + AT_ONCE)
                # grey stands where the source ends
                stacked = torch.cat([image[part].float().sub_(MIDDLE), roi[part].float()], dim=1)
                sampled = sample(stacked, matrices[part], size)
                torch.add(sampled[:, :3], MIDDLE, out=moved[part])
                torch.gt(sampled[:, 3:], MOST, out=planes[part])
            image, roi = moved, planes
        else:
            image, roi = mirror(image, roi, flipped)
            image = image.float()
        if self.order != sorted(self.order):
            roi[flipped] = roi[flipped][:, self.order]
        return image, roi

    def _occlude(self, image: Tensor, roi: Tensor, draws: Draws) -> None:
        """Blur, and cover with grey, in place."""
        if self.blur:
            blurred = draws.happens("blur", self.blur)
            if blurred.any():
                most = LARGEST_SIGMA * max(image.shape[2:])
                sigmas = draws.between("sigma", most / 20, most)
                image[blurred] = blur(image[blurred], sigmas[blurred])
        for probability, hide, name in (
            (self.erase_outside, hidden_outside, "outside"),
            (self.erase_inside, hidden_inside, "inside"),
        ):
            if probability:
                hidden = hide(draws, roi, draws.happens(f"erase_{name}_at_all", probability))
                image.masked_fill_(hidden, MIDDLE)

    def _recolour(self, image: Tensor, draws: Draws) -> None:
        """Change colours in place, within [0, 255]."""
        if not self.colour.changes:
            return
        matrix, offset = (torch.from_numpy(part).float() for part in self.colour.matrices(draws))
        offset += MIDDLE - MIDDLE * matrix.sum(dim=2, keepdim=True)
        for start in range(0, len(image), AT_ONCE):
            part = slice(start, start + AT_ONCE)
            pixels = image[part].flatten(2)
            changed = torch.baddbmm(offset[part], matrix[part], pixels).clamp_(0, 255)
            image[part] = changed.view(image[part].shape)


_SHARE = "a share from 0 to 1"
_RANGES = {
    **dict.fromkeys(
        (
            "horizontal_flip", "translation", "keep_roi", "brightness", "contrast", "saturation",
            "blur", "erase_outside", "erase_inside",
        ),
        (0, 1, _SHARE),
    ),
    "rotation": (0, 180, "0 to 180 degrees"),
    "scale": (0, 0.99, "a share from 0 to below 1"),
    "crop": (0.05, 1, "a share of the image from 0.05 to 1"),
    "hue": (0, 0.5, "a share of the colour circle from 0 to 0.5"),
    "randaugment": (0, math.inf, "a number of operations from 0"),
}  # fmt: skip
