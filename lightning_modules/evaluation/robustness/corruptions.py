"""What cameras, weather and storage do to images: pure functions of pixels, strength and seed.

Each takes uint8 RGB images (B, 3, H, W) at the size of the network's input, a strength of 1 to 3
and a fresh random generator an image, and gives images of the same kind. Strengths draw alike, so
that the same spot grows. Lengths that are given in pixels are those of a 224-pixel image and scale
with the shorter side. Where "Benchmarking Neural Network Robustness to Common Corruptions and
Perturbations" (Hendrycks and Dietterich 2019) has the corruption, strengths 1, 2, 3 are its
severities 1, 3, 5.
"""

import io
import zlib
from collections.abc import Callable, Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

Corruption = Callable[[Tensor, int, Sequence[np.random.Generator]], Tensor]
# light at the centre of a glare as a share of full scale, and its standard deviation as a share of
# the shorter side
GLARE = ((0.25, 0.2), (0.5, 0.3), (1.0, 0.4))
BLUR_SIGMAS = (1.0, 3.0, 6.0)  # pixels of 224 (Hendrycks and Dietterich, Gaussian blur)
OCCLUDED_SHARES = (0.05, 0.1, 0.2)  # of the image's area
JPEG_QUALITIES = (25, 15, 7)  # of 100, as libjpeg counts (Hendrycks and Dietterich)
EXPOSURES = (1 / 2, 1 / 4, 1 / 8)  # one, two and three stops less
FULL_WELL = 500  # photons a colour value that white stands for, before the light goes
REFERENCE_SIDE = 224


def glare(pixels: Tensor, strength: int, rngs: Sequence[np.random.Generator]) -> Tensor:
    """A veil of light around a random point is added, in linear light, and the sensor saturates."""
    height, width = pixels.shape[2:]
    peak, spread = GLARE[strength - 1]
    centres = torch.from_numpy(np.stack([rng.random(2) for rng in rngs])).float()
    y = (torch.arange(height)[None] - centres[:, :1] * height)[:, :, None]
    x = (torch.arange(width)[None] - centres[:, 1:] * width)[:, None]
    veil = torch.exp(-(y.square() + x.square()) / (2 * (spread * min(height, width)) ** 2))
    return _to_pixels(_to_light(pixels) + peak * veil[:, None])


def blur(pixels: Tensor, strength: int, rngs: Sequence[np.random.Generator]) -> Tensor:
    """Gaussian blur of the pixel values, as of a lens out of focus."""
    sigma = BLUR_SIGMAS[strength - 1] * min(pixels.shape[2:]) / REFERENCE_SIDE
    reach = min(int(4 * sigma) + 1, min(pixels.shape[2:]) - 1)
    bell = torch.exp(-((torch.arange(-reach, reach + 1) / sigma) ** 2) / 2)
    bell = (bell / bell.sum()).view(1, 1, 1, -1)
    # rows, then columns: a square of as many taps would take seconds a batch
    planes = functional.pad(pixels.flatten(0, 1)[:, None].float(), [reach] * 4, mode="reflect")
    planes = functional.conv2d(functional.conv2d(planes, bell), bell.transpose(2, 3))
    return planes.round().clamp(0, 255).to(torch.uint8).view_as(pixels)


def occlusion(pixels: Tensor, strength: int, rngs: Sequence[np.random.Generator]) -> Tensor:
    """A grey rectangle of the image's shape lies in a random place ("Cutout", 1708.04552)."""
    height, width = pixels.shape[2:]
    side = OCCLUDED_SHARES[strength - 1] ** 0.5
    covered = max(1, round(side * height)), max(1, round(side * width))
    occluded = pixels.clone()
    for image, rng in zip(occluded, rngs, strict=True):
        draw = rng.random(2)
        top, left = (
            int(share * (whole - part + 1))
            for share, whole, part in zip(draw, (height, width), covered, strict=True)
        )
        image[:, top : top + covered[0], left : left + covered[1]] = 127
    return occluded


def jpeg(pixels: Tensor, strength: int, rngs: Sequence[np.random.Generator]) -> Tensor:
    """Stored as JPEG with chroma at half the resolution, and read again."""
    stored = []
    for image in pixels.permute(0, 2, 3, 1).numpy():
        file = io.BytesIO()
        quality = JPEG_QUALITIES[strength - 1]
        Image.fromarray(image).save(file, "JPEG", quality=quality, subsampling="4:2:0")
        stored.append(torch.from_numpy(np.array(Image.open(file))))
    return torch.stack(stored).permute(0, 3, 1, 2).contiguous()


def low_light(pixels: Tensor, strength: int, rngs: Sequence[np.random.Generator]) -> Tensor:
    """Less light at the same exposure and gain, in linear light, with the noise of its photons."""
    photons = _to_light(pixels) * (EXPOSURES[strength - 1] * FULL_WELL)
    counted = [
        torch.poisson(image, generator=torch.Generator().manual_seed(int(rng.integers(2**63))))
        for image, rng in zip(photons, rngs, strict=True)
    ]
    return _to_pixels(torch.stack(counted) / FULL_WELL)


CORRUPTIONS: dict[str, Corruption] = {
    "glare": glare,
    "blur": blur,
    "occlusion": occlusion,
    "jpeg": jpeg,
    "low_light": low_light,
}


def corrupt(pixels: Tensor, name: str, strength: int, seed: int, ids: Sequence[str]) -> Tensor:
    """Corrupt images (B, 3, H, W) uint8 on the CPU; what is random goes by (seed, name, id)."""
    rngs = [
        np.random.default_rng([seed, zlib.crc32(name.encode()), zlib.crc32(str(one).encode())])
        for one in ids
    ]
    return CORRUPTIONS[name](pixels, strength, rngs)


def _to_light(pixels: Tensor) -> Tensor:
    """Linear light in [0, 1] of sRGB values (IEC 61966-2-1)."""
    values = torch.arange(256) / 255
    light = torch.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    return light[pixels.int()]


def _to_pixels(light: Tensor) -> Tensor:
    """Values of sRGB for linear light, saturated."""
    light = light.clamp(0, 1)
    values = torch.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return (values * 255).round().to(torch.uint8)
