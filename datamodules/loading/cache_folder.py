"""Whether decoded images can be kept where ``data.cache`` says; found before anything is read."""

import os
from collections.abc import Iterator
from pathlib import Path

WORDS = ("auto", "off", True, False)  # YAML takes on and off for true and false


def find_cache_problems(cache: str | bool) -> Iterator[str]:
    """What is wrong with the place of the cache.

    Args:
        cache: As typed: ``auto``, ``off`` or a folder, which need not exist.
    """
    if cache in WORDS:
        return
    typed = str(cache)
    folder = Path(typed).expanduser()
    if folder.is_dir() and typed.strip():
        if not os.access(folder, os.W_OK | os.X_OK):
            yield f"data.cache={typed} cannot be written to: {_ADVICE}"
        return
    if "/" not in typed and os.sep not in typed:
        yield (
            f"data.cache is {typed!r}, expected auto, off or a folder (a new one that lies here: "
            f"./{typed.strip() or 'cache'})"
        )
        return
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not there.is_dir():
        yield f"data.cache={typed}: {there} is a file, expected a folder: {_ADVICE}"
    elif not os.access(there, os.W_OK | os.X_OK):
        yield f"data.cache={typed} cannot be made, {there} cannot be written to: {_ADVICE}"


_ADVICE = "name a folder on a disk with room (data.cache=<folder>), or data.cache=off"
