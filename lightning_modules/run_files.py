"""Files of a run: whole or not at all."""

import csv
import hashlib
import io
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

LEFTOVER = re.compile(r"\..+\.\d+")  # as open_beside names a file that is not whole yet


@contextmanager
def open_beside(path: Path) -> Iterator[BinaryIO]:
    """Open a file beside the target, which takes its place when the block ends without an error.

    A reader never sees half a file, and neither a full disk, a kill nor a power cut costs the file
    that was there: the content is on the disk before the name changes hands.

    Args:
        path: The target; its folder is made.

    Raises:
        OSError: It cannot be written; the error names the target, and nothing is left beside it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException as error:
        beside.unlink(missing_ok=True)
        # torch.save raises something else after what the system has refused
        refused = error if isinstance(error, OSError) else error.__context__
        if isinstance(refused, OSError) and refused.filename in (None, str(beside), beside):
            raise OSError(refused.errno, refused.strerror, str(path)) from None
        raise
    _sync_folder(path.parent)


def remove_leftovers(folder: Path) -> None:
    """Remove what processes that were killed in ``open_beside`` have left in a folder.

    No other process may be writing there.
    """
    for path in folder.rglob(".*"):
        if LEFTOVER.fullmatch(path.name):
            path.unlink()


def _sync_folder(folder: Path) -> None:
    """Make a renaming last through a power cut; Windows has no word for it."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, see ``open_beside``."""
    with open_beside(path) as file:
        file.write(content)


def write_text(path: Path, text: str) -> None:
    """Write text as it is, in UTF-8."""
    write_bytes(path, text.encode("utf-8"))


def hash_file(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file; not-a-number becomes null."""
    write_text(path, json.dumps(_plain(content), indent=2, ensure_ascii=False) + "\n")


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows as CSV; the columns are all keys in the order of their first appearance."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())


def _plain(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else None
    return value
