"""Decoding: one way to read an image or a mask, upright, wherever it is needed.

One file is one image: of several pages or moving frames nobody knows which one the label means.
What is transparent is black in an image. 16-bit grey keeps its upper 8 bits unless a window is
given; 32-bit grey and deep DICOM need one (see ``window.py``). Colour profiles do nothing.
"""

from functools import reduce

import numpy as np
from PIL import Image

from datamodules.files import dicom
from datamodules.files.opening import open_file
from datamodules.files.pictures import has_transparency, open_picture, turn_upright, upright_size
from datamodules.files.unreadable import UnreadableImage, reading
from datamodules.files.window import Window, apply_window

LOSSY_FORMATS = frozenset({"JPEG", "MPO", "WEBP"})
WHITE_IS_ZERO = 0
LARGE, STRIP = 2**24, 256  # pixels, and rows at a time
TAG_BITS, TAG_PHOTOMETRIC = 258, 262


def read_image(path: str, window: Window | None = None) -> np.ndarray:
    """Decode an image, turned upright by its EXIF orientation.

    Args:
        path: The file; it may lie inside an uncompressed tar.
        window: Values of one-channel images of more than 8 bits that become black and white; None:
            16-bit grey keeps its upper 8 bits.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        UnreadableImage: It cannot be decoded, is no single image, is too large or needs a window.
    """
    with reading(path), open_file(path) as stream:
        if dicom.is_dicom(stream, path):
            return dicom.decode_image(stream, path, window)
        with open_picture(stream, path) as picture:
            turn_upright(picture, path)
            return _to_rgb(picture, path, window)


def read_mask(path: str) -> np.ndarray:
    """Decode a mask, turned upright: what is not black is inside (from 128 up in a lossy file).

    Of a palette the index counts and not its colour; transparency says nothing.

    Returns:
        (H, W) bool.

    Raises:
        UnreadableImage: As ``read_image``.
    """
    with reading(path), open_file(path) as stream:
        if dicom.is_dicom(stream, path):
            return dicom.decode_mask(stream, path)
        with open_picture(stream, path) as picture:
            lossy = picture.format in LOSSY_FORMATS or picture.info.get("compression") == "jpeg"
            turn_upright(picture, path)
            values = _to_values(picture, path)
    if values.ndim == 3:  # numpy's any() over so short an axis takes ten times as long
        values = reduce(np.maximum, np.moveaxis(values, 2, 0))
    return values >= 128 if lossy else values != 0


def read_deep(path: str) -> np.ndarray | None:
    """Values (H, W) of grey that only a window turns into 8 bits; None: it needs no window.

    Raises:
        UnreadableImage: As ``read_image``.
    """
    with reading(path), open_file(path) as stream:
        if dicom.is_dicom(stream, path):
            return dicom.decode_deep(stream, path)
        with open_picture(stream, path) as picture:
            if picture.mode not in ("I", "F") or picture.format == "PPM":
                return None
            return np.asarray(picture)


def read_size(path: str) -> tuple[int, int]:
    """Height and width of an image or mask as it will be decoded, from its header alone.

    Raises:
        UnreadableImage: As ``read_image``.
    """
    with reading(path), open_file(path) as stream:
        if dicom.is_dicom(stream, path):
            return dicom.read_size(stream, path)
        with open_picture(stream, path) as picture:
            return upright_size(picture)


def _to_rgb(picture: Image.Image, path: str, window: Window | None) -> np.ndarray:
    if picture.mode[0] in "IF":
        grey = _narrow(picture, path, window)
        return np.repeat(grey[..., None], 3, axis=2)
    if has_transparency(picture):
        _check_key(picture, path)
        picture = picture.convert("RGBA")
        black = Image.new("RGBA", picture.size, (0, 0, 0, 255))
        picture = Image.alpha_composite(black, picture)
    return _to_array(picture if picture.mode == "RGB" else picture.convert("RGB"))


def _narrow(picture: Image.Image, path: str, window: Window | None) -> np.ndarray:
    """One channel of more than 8 bits as 8: by the window, or the upper 8 bits of 16."""
    values = np.asarray(picture)
    tags = getattr(picture, "tag_v2", {})
    # in grey maps of 16 bits, Pillow gives 32-bit numbers of the 16-bit range
    sixteen = picture.mode.startswith("I;16") or picture.format == "PPM"
    bits = min(16, max(tags.get(TAG_BITS, (16,)))) if sixteen else 32
    inverted = tags.get(TAG_PHOTOMETRIC) == WHITE_IS_ZERO
    if window is not None:
        grey = apply_window(values, window, path)
    elif sixteen:
        grey = (values >> (bits - 8)).astype(np.uint8)
    else:
        raise UnreadableImage(
            path,
            "holds grey of 32 bits, which no fixed rule turns into 8: name the values that are "
            "black and white by data.window=[low,high]",
        )
    grey = 255 - grey if inverted else grey
    key = picture.info.get("transparency")
    return np.where(values == key, np.uint8(0), grey) if isinstance(key, int) else grey


def _check_key(picture: Image.Image, path: str) -> None:
    """Of colours of 16 bits Pillow keeps 8, and could no longer tell the transparent one."""
    key = picture.info.get("transparency")
    if isinstance(key, tuple) and max(key) > 255:
        raise UnreadableImage(path, "has a transparent colour of 16 bits: save it with an alpha")


def _to_values(picture: Image.Image, path: str) -> np.ndarray:
    """Values of a mask, (H, W) or (H, W, channels), black being 0."""
    if picture.mode == "1":  # as bool, an array of Pillow's holds bytes of 255
        return np.frombuffer(picture.tobytes("raw", "L"), np.uint8).reshape(picture.size[::-1])
    if picture.mode in ("LA", "La", "RGBA", "RGBa", "PA"):
        picture = picture.convert({"P": "P", "L": "L", "R": "RGB"}[picture.mode[0]])
    elif picture.mode not in ("L", "P", "RGB") and picture.mode[0] not in "IF":
        picture = picture.convert("RGB")
    values = np.asarray(picture)
    if picture.mode == "F" and not np.isfinite(values).all():
        raise UnreadableImage(path, "is a mask with values that are no numbers (NaN or infinite)")
    return values


def _to_array(picture: Image.Image) -> np.ndarray:
    width, height = picture.size
    if width * height < LARGE:  # half the copies of numpy.asarray
        return np.frombuffer(picture.tobytes(), np.uint8).reshape(height, width, 3)
    pixels = np.empty((height, width, 3), np.uint8)
    for top in range(0, height, STRIP):  # and none of a large image as a whole
        bottom = min(height, top + STRIP)
        pixels[top:bottom] = np.asarray(picture.crop((0, top, width, bottom)))
    return pixels
