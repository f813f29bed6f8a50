"""Decoding: one way to read an image or a mask, upright, wherever it is needed."""

import numpy as np
from PIL import Image, ImageOps

LOSSY_MASKS = frozenset({"JPEG", "WEBP"})


def read_image(path: str) -> np.ndarray:
    """Decode an image, turned upright by its EXIF orientation.

    Returns:
        (H, W, 3) uint8 RGB. 16-bit grey keeps its upper 8 bits.

    Raises:
        OSError, ValueError, SyntaxError: It cannot be decoded (Pillow's own).
    """
    with Image.open(path) as file:
        image = ImageOps.exif_transpose(file)
        if image.mode.startswith("I;16"):
            image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
        return np.asarray(image.convert("RGB"))


def read_mask(path: str) -> np.ndarray:
    """Decode a mask, turned upright: what is not black is inside (from 128 up in a lossy file).

    Of a palette the index counts and not its colour; transparency says nothing.

    Returns:
        (H, W) bool.
    """
    with Image.open(path) as file:
        lossy = file.format in LOSSY_MASKS
        mask = ImageOps.exif_transpose(file)
        if mask.mode in ("LA", "RGBA", "PA"):
            mask = mask.convert(mask.mode[:-1] if mask.mode != "PA" else "P")
        values = np.asarray(mask)
    inside = values >= 128 if lossy else values != 0
    return inside.any(axis=2) if inside.ndim == 3 else inside
