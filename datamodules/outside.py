"""Paths that leave their root: absolute, by ``..``, by a link, or of another machine's drives."""

import os
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from datamodules.files import split_tar
from datamodules.unreadable import UnreadableImage

# C:/data/1.jpg or //server/share/1.jpg, of which other systems know nothing
WINDOWS = re.compile(r"[A-Za-z]:/|//[^/]")
MOST_FOLDERS = 100_000  # whose real place is remembered


def find_outside(path: str, roots: Sequence[Path], text: str) -> str | None:
    """Say how a path leaves the folders that files may lie in; None: it does not.

    Args:
        path: Absolute, without ``..``.
        roots: Folders, as they really are (without links).
        text: The path as its table has it.
    """
    if "\0" in text:
        return f"{text!r} holds a null character, which no file's name has"
    if os.name != "nt" and WINDOWS.match(text):
        return (
            f"{text} is a path of a Windows drive or server, which this machine does not have; "
            "make it relative to data.root"
        )
    inside = tuple(os.path.normcase(os.path.join(root, "")) for root in roots)
    if not os.path.normcase(path).startswith(inside):
        return f"{path} lies outside of {roots[0]}; {_advise()}"
    try:
        tar = split_tar(path)
    except UnreadableImage:
        tar = None  # said when it is to be opened
    real = _real_path(path) if tar is None else os.path.join(_real_path(tar[0]), tar[1])
    if not os.path.normcase(real).startswith(inside):
        return f"{path} is a link to {real}, outside of {roots[0]}; {_advise()}"
    return None


def _advise() -> str:
    return "move it, or set data.root, or data.allow_outside=true"


def _real_path(path: str) -> str:
    """Follow links; folders are followed once, and a file only if it is a link itself."""
    folder, name = os.path.split(path)
    real = os.path.join(_real_folder(folder), name)
    return os.path.realpath(real) if os.path.islink(real) else real


@lru_cache(MOST_FOLDERS)
def _real_folder(folder: str) -> str:
    return os.path.realpath(folder)
