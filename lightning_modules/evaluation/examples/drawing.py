"""The pictures of an example: one style, all of the same size."""

import numpy as np
from PIL import Image

from lightning_modules.pictures import find_rim

SIDE = 224  # pixels of the longer side
# orange and blue, told apart by those who do not see red and green (Okabe and Ito 2008)
ROI, PREDICTED = (255, 176, 0), (86, 180, 233)
DARK = (0, 0, 0)
# dark violet to light yellow: brighter is more, also on paper (as matplotlib's inferno)
SCALE = np.array([(0, 0, 4), (87, 16, 110), (188, 55, 84), (249, 142, 9), (252, 255, 164)])
COVER = 0.8  # of the image below it, where a heat map is at its maximum


def fit_size(height: int, width: int) -> tuple[int, int]:
    """Width and height of the picture of an image."""
    scale = SIDE / max(height, width)
    return max(1, round(width * scale)), max(1, round(height * scale))


def draw_image(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """An image (H, W, 3) uint8 at the size (width, height) of its picture."""
    return np.array(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC))


def outline(picture: np.ndarray, plane: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """Outline a region (H, W) bool of any resolution: a line that is seen on dark and on light."""
    size = picture.shape[1::-1]
    fitted = np.asarray(Image.fromarray(plane).resize(size, Image.Resampling.NEAREST))
    drawn, inner = picture.copy(), fitted
    for line in (colour, colour, DARK):
        rim = find_rim(inner)
        drawn[rim], inner = line, inner & ~rim
    return drawn


def cover_with_heat(picture: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Lay a heat map (H, W) in [0, 1] over the grey picture of an image."""
    size = picture.shape[1::-1]
    fitted = Image.fromarray(heat.astype(np.float32)).resize(size, Image.Resampling.BILINEAR)
    heat = np.asarray(fitted)[..., None].clip(0, 1)
    places = np.linspace(0, 1, len(SCALE))
    colours = np.concatenate([np.interp(heat, places, one) for one in SCALE.T], axis=2)
    grey = np.asarray(Image.fromarray(picture).convert("L"), float)[..., None]
    share = COVER * np.sqrt(heat)
    return ((1 - share) * grey + share * colours).round().astype(np.uint8)
