"""Opening a file, also one inside an uncompressed tar: ``shards/train-000.tar/cat/0001.jpg``."""

import io
import os
import re
import stat
from typing import BinaryIO

from datamodules.files.tar_index import open_tar
from datamodules.files.unreadable import UnreadableImage

INTO_TAR = re.compile(r"\.tar(?P<packed>\.\w+)?[\\/]|\.(tgz|tbz2|txz)[\\/]", re.IGNORECASE)
MOST_BYTES = 2**31  # of one file


def open_file(path: str) -> BinaryIO:
    """Open a file to read it.

    Raises:
        UnreadableImage: It is missing, is no plain file, is too large, or its tar is broken.
        OSError: The system does not give it.
    """
    inside = split_tar(path)
    if inside is not None:
        tar = open_tar(inside[0])
        _check_bytes(path, tar.find(inside[1])[1])
        return io.BytesIO(tar.read(inside[1]))
    _stat_plain(path)
    return open(path, "rb")


def stat_file(path: str) -> tuple[int, int]:
    """Bytes and modification time (ns; of the tar, inside one) of a file.

    Raises:
        UnreadableImage: As ``open_file``.
    """
    inside = split_tar(path)
    if inside is not None:
        tar = open_tar(inside[0])
        return tar.find(inside[1])[1], tar.time
    found = _stat_plain(path)
    return found.st_size, found.st_mtime_ns


def split_tar(path: str) -> tuple[str, str] | None:
    """The tar and the name in it that a path leads to; None where it leads into no tar.

    Raises:
        UnreadableImage: The path leads into a compressed tar.
    """
    if ".t" not in path and ".T" not in path:  # faster than the expression
        return None
    for match in INTO_TAR.finditer(path):
        tar = path[: match.end() - 1]
        if not os.path.isfile(tar):
            continue
        if not tar.lower().endswith(".tar"):
            raise UnreadableImage(
                path,
                f"leads into a compressed tar, whose files cannot be reached one by one: "
                f"unpack it, or only its compression, and write .tar for {os.path.basename(tar)}",
            )
        return tar, path[match.end() :].replace("\\", "/")
    return None


def _stat_plain(path: str) -> os.stat_result:
    """A pipe would block and a device never end: only a plain file is opened."""
    try:
        found = os.stat(path)
    except (OSError, ValueError) as error:  # a null byte in the path is a ValueError
        gone = isinstance(error, FileNotFoundError | NotADirectoryError)
        reason = "does not exist" if gone else f"cannot be opened: {error}"
        raise UnreadableImage(path, reason) from error
    if not stat.S_ISREG(found.st_mode):
        kind = "a folder" if stat.S_ISDIR(found.st_mode) else "a pipe or a device"
        raise UnreadableImage(path, f"is {kind}, expected a file")
    _check_bytes(path, found.st_size)
    return found


def _check_bytes(path: str, size: int) -> None:
    if size > MOST_BYTES:
        raise UnreadableImage(path, f"has {size} bytes, at most {MOST_BYTES} are read")
