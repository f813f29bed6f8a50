"""Paths that leave their root: absolute, by ``..``, by a link, or of another machine's drives."""

import os
import re
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datamodules.files.opening import split_tar
from datamodules.files.unreadable import UnreadableImage
from datamodules.tables.codes import Codes

# C:/data/1.jpg or //server/share/1.jpg, of which other systems know nothing
WINDOWS = re.compile(r"[A-Za-z]:/|//[^/]")
MOST_FOLDERS = 100_000  # whose links are remembered
# what may lead out of the root by its very words
LEADS_AWAY = r"^~|^//|^[A-Za-z]:|(^|/)\.\.(/|$)|\x00"
ADVICE = "move it, or set data.root, or data.allow_outside=true"


def find_suspicious(texts: pa.ChunkedArray, roots: tuple[Path, ...]) -> np.ndarray:
    """Rows whose paths have to be looked at one by one: the others stay below the root for sure.

    A path without ``..`` stays where its folder is, so each folder is asked once.
    """
    away = pc.match_substring_regex(texts, LEADS_AWAY).to_numpy()
    folders = Codes.encode(pc.replace_substring_regex(texts, r"[^/]*$", ""))
    inside = _beginnings(roots)
    suspicious = np.zeros(len(folders.words), bool)
    for number, folder in enumerate(folders.words.to_pylist()):
        real, links = _look_into(os.path.normpath(os.path.join(roots[0], folder.replace("\0", ""))))
        below = os.path.normcase(os.path.join(real, "")).startswith(inside)
        suspicious[number] = bool(links) or not below
    return np.flatnonzero(away | suspicious[folders.numbers])


def find_outside(path: str, roots: tuple[Path, ...], text: str) -> str | None:
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
    inside = _beginnings(roots)
    if not os.path.normcase(path).startswith(inside):
        return f"{path} lies outside of {roots[0]}; {ADVICE}"
    # behind a link, .. is the folder above its target
    up = ".." in text.split("/")
    real = os.path.realpath(os.path.join(roots[0], text)) if up else _follow(path)
    if real != path and not os.path.normcase(real).startswith(inside):
        return f"{path} is a link to {real}, outside of {roots[0]}; {ADVICE}"
    return None


@lru_cache
def _beginnings(roots: tuple[Path, ...]) -> tuple[str, ...]:
    return tuple(os.path.normcase(os.path.join(root, "")) for root in roots)


def _follow(path: str) -> str:
    """Where a path really leads; into a tar, where the tar really is."""
    try:
        tar = split_tar(path)
    except UnreadableImage:
        tar = None  # said when it is to be opened
    if tar is not None:
        return os.path.join(_follow(tar[0]), tar[1])
    folder, _, name = path.rpartition(os.sep)
    real, links = _look_into(folder)
    return os.path.realpath(path) if name in links else f"{real}{os.sep}{name}"


@lru_cache(MOST_FOLDERS)
def _look_into(folder: str) -> tuple[str, frozenset[str]]:
    """Where a folder really is, and which of its entries are links: asked once for all of them."""
    try:
        with os.scandir(folder) as entries:
            links = frozenset(entry.name for entry in entries if entry.is_symlink())
    except OSError:
        links = frozenset()  # that it is missing is said by the check of the files
    return os.path.realpath(folder), links
