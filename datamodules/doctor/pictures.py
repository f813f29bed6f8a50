"""Thumbnails and plots as data URIs: a page that needs nothing beside it."""

import base64
import io

import numpy as np
from PIL import Image

from datamodules.files.images import read_image
from datamodules.regions.planes import read_regions
from datamodules.tables.table import ImageTable

SIDE = 160  # pixels of a thumbnail, at most
OUTLINE = (255, 0, 160)


def draw_thumbnail(table: ImageTable, row: int) -> str | None:
    """An image, its ROI outlined, as a data URI; None where it cannot be read."""
    try:
        image = Image.fromarray(read_image(table.image_path(row), table.window))
    except Exception:  # decoders raise anything on a broken file, and the finding says so
        return None
    width, height = image.size
    image.thumbnail((SIDE, SIDE))
    pixels = np.array(image)
    try:
        roi = read_regions(table, row, height, width).any(axis=0)
    except Exception:  # the mask alone is bad: the image is shown without it
        roi = np.zeros((height, width), bool)
    small = np.asarray(Image.fromarray(roi).resize(image.size, Image.Resampling.NEAREST))
    pixels[_edge(small)] = OUTLINE
    return encode(Image.fromarray(pixels))


def _edge(mask: np.ndarray) -> np.ndarray:
    """The pixels of a mask that touch its outside."""
    padded = np.pad(mask, 1)
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return mask & ~inner


def encode(image: Image.Image) -> str:
    """A JPEG as a data URI."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=80)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"
