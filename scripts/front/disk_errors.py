"""What to say when the system does not let a file be written: which, why, and what makes room."""

import errno
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from front.conf_tree import CHECKOUT

OUTPUTS = CHECKOUT / "outputs"
GIGABYTE = 2**30
MOST_LISTED = 5
MOST_SECONDS = 5.0  # spent on measuring folders
FULL = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "your quota of the disk is used up",
    errno.EFBIG: "it would be larger than a file may be here (ulimit -f)",
}
CLOSED = {
    errno.EACCES: "it is not yours to write",
    errno.EPERM: "the system does not permit it",
    errno.EROFS: "the disk is read-only",
}


def explain_disk(error: BaseException) -> str | None:
    """What the system refused, in a sentence and what to do; None: the error is of another kind.

    The first of a chain of errors counts: a full disk makes those that follow, too.
    """
    found = None
    for one in _chain(error):
        if isinstance(one, OSError) and one.errno is not None:
            found = _explain(one) or found
    return found


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        context = None if error.__suppress_context__ else error.__context__
        error = error.__cause__ or context


def _explain(error: OSError) -> str | None:
    path = Path(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes) else None
    name = "A file" if path is None else str(path)
    if error.errno in FULL:
        return f"{name} could not be written: {FULL[error.errno]}.{_say_room(path)}"
    if error.errno in CLOSED:
        return (
            f"{name} could not be opened: {CLOSED[error.errno]}. Give yourself the right to it, or "
            "write elsewhere (out=<folder>)."
        )
    obstacle = _find_obstacle(path) if path is not None else None
    if error.errno in (errno.ENOTDIR, errno.EEXIST) and obstacle is not None:
        return f"{obstacle} is a file where a folder is needed, for {path}. Move it away."
    if error.errno == errno.EISDIR:
        return f"{name} is a folder where a file is to be written. Move it away."
    return None


def _find_obstacle(path: Path) -> Path | None:
    """The file that stands where a folder of the path belongs."""
    there = (one for one in (path, *path.parents) if os.path.lexists(one))
    nearest = next(there, None)
    return None if nearest is None or nearest.is_dir() else nearest


def _say_room(path: Path | None) -> str:
    """How much is free, and what takes the room."""
    place = _existing(path or OUTPUTS)
    free = shutil.disk_usage(place).free / GIGABYTE
    lines = [
        f" {free:.2f} GB are free there. What was written before is whole. Make room and start"
        " the command anew; a run in training goes on by resume=."
    ]
    device = place.stat().st_dev
    sizes = [pair for pair in measure_outputs() if pair[1].stat().st_dev == device]
    if sizes:
        lines.append(f"The largest of {OUTPUTS} (cache/ is made anew where it is needed):")
    lines += [f"  {size / GIGABYTE:8.2f} GB  {folder}" for size, folder in sizes[:MOST_LISTED]]
    return "\n".join(lines)


def measure_outputs() -> list[tuple[int, Path]]:
    """Bytes on the disk of every run and of every other folder of outputs/, the largest first."""
    by_run = [*OUTPUTS.glob("runs/*/*/"), *OUTPUTS.glob("sweeps/*/*/")]
    others = [one for one in OUTPUTS.glob("*/") if one.name not in ("runs", "sweeps")]
    until = time.monotonic() + MOST_SECONDS
    sizes = [(_measure(folder, until), folder) for folder in [*others, *by_run]]
    return sorted(sizes, key=lambda pair: pair[0], reverse=True)


def _measure(folder: Path, until: float) -> int:
    """Bytes that a folder takes, as far as there is time to look."""
    size = 0
    for place, _, names in os.walk(folder):
        if time.monotonic() > until:
            break
        for name in names:
            status = os.lstat(os.path.join(place, name))
            size += getattr(status, "st_blocks", -(-status.st_size // 512)) * 512
    return size


def _existing(path: Path) -> Path:
    return next(one for one in (path, *path.resolve().parents) if one.exists())
