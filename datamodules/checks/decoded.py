"""One file decoded once: its size, fingerprints of its pixels, and how it was stored."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import xxhash
from PIL import ExifTags, Image

from datamodules.files.dicom import is_dicom
from datamodules.files.images import read_image, read_mask
from datamodules.files.opening import open_file
from datamodules.files.pictures import open_picture
from datamodules.files.unreadable import UnreadableImage, reading
from datamodules.files.window import Window

GRID = 9  # brightnesses a side of a look: 8 differences
PNG_EXIF = frozenset({"exif", "Raw profile type exif"})
# pixels a side that are averaged to the grid; of a larger image every n-th, which costs nothing
RASTER = 16 * GRID


class Facts(NamedTuple):
    """What is known of a file that can be decoded.

    Args:
        height: Upright, in pixels.
        width: Upright, in pixels.
        set_pixels: Of a mask, those inside; of an image 0.
        content: 64-bit hash of shape and decoded pixels: equal for equal pixels only.
        across: 64 bits, whether a 9 x 9 grid of brightness rises from left to right. Images that
            look alike differ in few bits of it, whatever their size or compression.
        down: The same from top to bottom.
        contrast: Brightest less darkest of the grid, 0 to 255.
        mode: Of an image's pixels as they are stored, as Pillow calls it.
        format: Of an image's file, as Pillow calls it.
        orientation: EXIF's of an image, 1 to 8; 1 is upright.
    """

    height: int
    width: int
    set_pixels: int
    content: int
    across: int
    down: int
    contrast: int
    mode: str
    format: str
    orientation: int


_TYPES = (pa.int32(),) * 2 + (pa.int64(),) + (pa.uint64(),) * 3
SCHEMA = pa.schema(
    zip(Facts._fields, (*_TYPES, pa.uint8(), pa.string(), pa.string(), pa.uint8()), strict=True)
)


def decode_file(path: str, kind: str, window: Window | None = None) -> Facts | str:
    """Decode a file.

    Args:
        path: Of the file.
        kind: ``image`` or ``mask``.
        window: Of an image of deep grey (``datamodules.files.window``).

    Returns:
        Its facts, or why it cannot be decoded.
    """
    try:
        pixels = read_image(path, window) if kind == "image" else read_mask(path)
        stored = _read_header(path) if kind == "image" else ("", "", 1)
    except UnreadableImage as error:
        return error.reason
    height, width = pixels.shape[:2]
    hashed = xxhash.xxh3_64(pixels)
    hashed.update(np.array(pixels.shape, np.int64))
    look = (0, 0, 0) if kind == "mask" else measure_look(pixels)
    area = int(np.count_nonzero(pixels)) if kind == "mask" else 0
    return Facts(height, width, area, hashed.intdigest(), *look, *stored)


def measure_look(pixels: np.ndarray) -> tuple[int, int, int]:
    """What an image looks like: ``across``, ``down`` and ``contrast`` of ``Facts``.

    The hash is dHash (Krawetz 2013, "Kind of Like That") in both directions.

    Args:
        pixels: (H, W, 3) uint8.
    """
    rows, columns = (max(1, length // RASTER) for length in pixels.shape[:2])
    raster = Image.fromarray(np.ascontiguousarray(pixels[::rows, ::columns])).convert("L")
    grid = np.asarray(raster.resize((GRID, GRID), Image.Resampling.BOX)).astype(np.int16)
    across, down = np.diff(grid[:-1], axis=1) > 0, np.diff(grid[:, :-1], axis=0) > 0
    return _to_number(across), _to_number(down), int(grid.max() - grid.min())


def _to_number(bits: np.ndarray) -> int:
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def _read_header(path: str) -> tuple[str, str, int]:
    """Mode, format and orientation as they are stored; no pixel is decoded."""
    with reading(path), open_file(path) as stream:
        if is_dicom(stream, path):
            return "", "DICOM", 1
        with open_picture(stream, path) as file:
            # of a PNG without EXIF in front of its pixels Pillow would decode these to look behind
            known = file.format != "PNG" or not PNG_EXIF.isdisjoint(file.info)
            orientation = file.getexif().get(ExifTags.Base.Orientation, 1) if known else 1
            valid = isinstance(orientation, int) and 1 <= orientation <= 8
            return file.mode, file.format or "", orientation if valid else 1
