"""Opening a picture with Pillow: kind, size and frames are checked before the pixels."""

import logging
import warnings
from importlib import import_module
from typing import BinaryIO

from PIL import ExifTags, Image, ImageOps, TiffImagePlugin, UnidentifiedImageError

from datamodules.files.tiff_damage import forget_damage, heard_damage
from datamodules.files.unreadable import MOST_PIXELS, UnreadableImage, name_kind, say_too_large

# a closed list: Pillow knows formats that start other programs, or that anything is taken for
PLUGINS = ("Jpeg", "Png", "Tiff", "Bmp", "Gif", "WebP", "Ppm")
FORMATS = tuple(name.upper() for name in PLUGINS)
MOST_PAGES = 32  # of a TIFF that are looked at
LATE_IN_PNG = (b"eXIf", b"XML:com.adobe.xmp", b"Raw profile type exif")
TAG_KIND = 254
SMALLER_OR_MASK = 0b101  # a page that is a smaller copy, or a transparency mask, of another

for plugin in PLUGINS:
    import_module(f"PIL.{plugin}ImagePlugin")  # registers its format
# what Pillow finds odd but reads is no news to the user; what it cannot read it raises
warnings.filterwarnings("ignore", module=r"PIL\.")
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
logging.getLogger("PIL").setLevel(logging.CRITICAL)


def open_picture(stream: BinaryIO, path: str) -> Image.Image:
    """Open a picture whose pixels may be decoded; only its header is read.

    Raises:
        UnreadableImage: It is no picture, is too large, or holds several.
        Exception: Pillow's own on a broken header.
    """
    head = stream.read(32)
    stream.seek(0)
    _check_webp(head, path)
    try:
        picture = Image.open(stream, formats=FORMATS)
    except UnidentifiedImageError as error:
        kind = name_kind(head)
        if kind is None:
            raise
        raise UnreadableImage(path, kind) from error
    check_size(path, *picture.size)
    frames = _count_frames(picture)
    if frames > 1:
        what = "pages" if picture.format == "TIFF" else "frames"
        raise UnreadableImage(
            path,
            f"holds several {what} and nobody knows which one the label speaks of: save the one "
            "that counts as a file of its own",
        )
    return picture


def check_size(path: str, width: int, height: int) -> None:
    """Refuse an image of too many pixels by its size.

    Raises:
        UnreadableImage: It has more than ``MOST_PIXELS``, or none.
    """
    if width < 1 or height < 1:
        raise UnreadableImage(path, f"is {width} x {height} pixels, expected at least 1 x 1")
    if width * height > MOST_PIXELS:
        size = f"is {width} x {height} pixels, {width * height / 1e6:.0f} million"
        raise UnreadableImage(path, say_too_large(size))


def turn_upright(picture: Image.Image, path: str) -> None:
    """Decode a picture and turn it in place as its EXIF (or TIFF) orientation says.

    Raises:
        UnreadableImage: It is a TIFF with damage.
        Exception: Pillow's own on broken pixels.
    """
    forget_damage()
    picture.load()
    if picture.format == "TIFF" and (damage := heard_damage()) is not None:
        raise UnreadableImage(path, f"cannot be decoded: libtiff finds damage ({damage})")
    ImageOps.exif_transpose(picture, in_place=True)


def upright_size(picture: Image.Image) -> tuple[int, int]:
    """Height and width after ``turn_upright``, without decoding."""
    width, height = picture.size
    if picture.format == "PNG" and _may_turn_late(picture):
        picture.load()
    # Pillow gives the size of a TIFF as it will be
    sideways = picture.getexif().get(ExifTags.Base.Orientation, 1) in (5, 6, 7, 8)
    turned = sideways and not isinstance(picture, TiffImagePlugin.TiffImageFile)
    return (width, height) if turned else (height, width)


def _may_turn_late(picture: Image.Image) -> bool:
    """In a PNG the orientation may stand behind the pixels."""
    place = picture.fp.tell()
    picture.fp.seek(0)
    data = picture.fp.read()
    picture.fp.seek(place)
    return any(word in data for word in LATE_IN_PNG)


def has_transparency(picture: Image.Image) -> bool:
    """Whether anything in a picture may be less than opaque."""
    if picture.mode in ("RGBA", "LA"):
        return picture.getextrema()[-1][0] < 255
    return picture.mode in ("RGBa", "La", "PA") or "transparency" in picture.info


def _count_frames(picture: Image.Image) -> int:
    """1, or more than 1: the rest is not counted. A photo's MPO holds its own preview."""
    if picture.format == "MPO" or not getattr(picture, "is_animated", False):
        return 1
    if not isinstance(picture, TiffImagePlugin.TiffImageFile):
        return 2
    frames = 1
    for page in range(1, MOST_PAGES):
        try:
            picture.seek(page)
        except EOFError:
            break
        if not picture.tag_v2.get(TAG_KIND, 0) & SMALLER_OR_MASK:
            frames = 2
            break
    picture.seek(0)
    return frames


def _check_webp(head: bytes, path: str) -> None:
    """WebP's decoder asks for the memory of the whole canvas before anyone can look at its size."""
    if head[:4] != b"RIFF" or head[8:16] != b"WEBPVP8X" or len(head) < 30:
        return
    width = 1 + int.from_bytes(head[24:27], "little")
    height = 1 + int.from_bytes(head[27:30], "little")
    check_size(path, width, height)
