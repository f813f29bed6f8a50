"""The one exception for a file that cannot be read, and reasons that say what to do about it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image, UnidentifiedImageError

MOST_PIXELS = 178_956_970  # where Pillow speaks of a bomb
LONGEST_REASON = 200  # characters of a library's own words
FORMATS = "JPEG, PNG, TIFF, BMP, GIF, WebP, PPM or DICOM"
# how files begin that are often taken for images, and what they are
BEGINNINGS = (
    (b"version https://git-lfs", "is a Git LFS pointer and not the image: run git lfs pull"),
    (b"<", "is a web page or another text and not an image: download it again"),
    (b"%PDF", "is a PDF; save its image as PNG"),
    (b"PK\x03\x04", "is a zip archive; unpack it"),
    (b"\x1f\x8b", "is compressed by gzip; unpack it"),
    (b"\x93NUMPY", "is a numpy array; save it as PNG or TIFF"),
    (b"8BPS", "is a Photoshop file; save it as PNG or TIFF"),
    (b"\x00\x00\x00\x0cjP", "is JPEG 2000; save it as PNG or TIFF"),
    (b"\xff\x4f\xff\x51", "is JPEG 2000; save it as PNG or TIFF"),
)


class UnreadableImage(ValueError):
    """An image or a mask cannot be read.

    Args:
        path: The file.
        reason: What is wrong and what to do, one line that goes on after the path.
    """

    def __init__(self, path: str, reason: str = "") -> None:
        # a loading process hands over one string and no more
        super().__init__(f"{path} {reason}".rstrip())
        self.path = path
        self.reason = reason


@contextmanager
def reading(path: str) -> Iterator[None]:
    """Turn whatever a decoder raises on a broken file into ``UnreadableImage``."""
    try:
        yield
    except UnreadableImage:
        raise
    except Exception as error:  # decoders raise anything on a broken file
        raise UnreadableImage(path, find_reason(error)) from error


def find_reason(error: Exception) -> str:
    """What a decoder's exception means, as it reads after the path."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return "does not exist"
    if isinstance(error, PermissionError):
        return "may not be read: its permissions forbid it"
    if isinstance(error, MemoryError):
        return "does not fit into memory"
    if isinstance(error, Image.DecompressionBombError):
        # Pillow's words name the pixels alone, and speak of an attack
        pixels = re.search(r"\d+", str(error))
        return say_too_large(f"has {pixels.group()} pixels" if pixels else "is too large")
    if isinstance(error, UnidentifiedImageError):
        return f"cannot be decoded, it is no image of a known kind; expected {FORMATS}"
    if isinstance(error, EOFError) or "truncated" in str(error).lower():
        words = _shorten(error) or "it ends too early"
        return f"cannot be decoded, it is cut off ({words}): copy or download it again"
    return f"cannot be decoded: {type(error).__name__}: {_shorten(error)}"


def say_too_large(size: str) -> str:
    """Refuse a size: how it reads after the path, with the limit and what to do."""
    most = f"{MOST_PIXELS / 1e6:.0f} million"
    return f"{size}; at most {most} pixels are read: scale it down, or cut it up"


def name_kind(head: bytes) -> str | None:
    """What a file is that is not an image, told from how it begins; None: nothing known."""
    if not head:
        return "is empty (0 bytes)"
    if head[4:8] == b"ftyp":
        return "is HEIC, AVIF or a video; save it as JPEG or PNG"
    start = head.lstrip(b"\xef\xbb\xbf \r\n\t")
    for beginning, words in BEGINNINGS:
        if head.startswith(beginning) or start.startswith(beginning):
            return words
    return None


def _shorten(error: Exception) -> str:
    words = " ".join(str(error).split())
    return words if len(words) <= LONGEST_REASON else f"{words[:LONGEST_REASON]}..."
