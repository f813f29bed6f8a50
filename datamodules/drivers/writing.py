"""Puts the data set in its folder, whole or not at all."""

import glob
import re
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from datamodules.drivers.files import draw_all
from datamodules.drivers.settings import FORMAT, check_settings, holds, read_settings

# In a younger one another process may still be drawing.
LEFTOVER_SECONDS = 3600


def write_drivers(
    folder: Path,
    seed: int = 0,
    num_train: int = 1200,
    num_val: int = 304,
    num_test: int = 600,
    agreement: float = 0.95,
) -> Path:
    """Return the manifest of the data set, and draw it first unless it is there already.

    All of it is written beside ``folder`` and moved into place at the end: a run that is killed
    leaves no half-made data set, and two runs may draw the same one at once.

    Args:
        folder: where the data set belongs; replaced when it holds drivers with other settings.
        seed: same seed, same manifest and same pixels.
        num_train: images in the training split, even.
        num_val: images in the validation split, even.
        num_test: images in the test split, a multiple of 4: each scene is drawn by day and night.
        agreement: share of the training and validation images whose background agrees with the
            label, 0 to 1; 0.5 makes the background say nothing.

    Raises:
        ValueError: for impossible settings, or a folder that holds something else.
    """
    settings = {
        "data_set": "drivers",
        "format": FORMAT,
        "seed": seed,
        "num_train": num_train,
        "num_val": num_val,
        "num_test": num_test,
        "agreement": float(agreement),
    }
    check_settings(settings)
    folder = Path(folder)
    remove_leftovers(folder)
    if not holds(folder, settings):
        draw_beside(folder, settings)
    return folder / "manifest.csv"


def draw_beside(folder: Path, settings: dict[str, Any]) -> None:
    """Draw everything in a temporary folder next to ``folder``, then move it there."""
    check_replaceable(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    workplace = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        made = workplace / "new"
        draw_all(made, settings)
        move_into_place(made, folder, settings)
    finally:
        shutil.rmtree(workplace, ignore_errors=True)


def remove_leftovers(folder: Path) -> None:
    """Remove what killed runs left beside ``folder``, once it is an hour old."""
    pattern = glob.escape(f".{folder.name}-") + "?" * 8
    for path in list(folder.parent.glob(pattern)):
        if is_leftover(path):
            shutil.rmtree(path, ignore_errors=True)


def is_leftover(path: Path) -> bool:
    """Tell whether nothing but a killed run can have left this folder."""
    try:
        ours = all(re.fullmatch(r"new|old_\d+", child.name) for child in path.iterdir())
        changed = max(inner.stat().st_mtime for inner in [path, *path.rglob("*")])
    except OSError:  # a file, not ours to read, or moving at this moment
        return False
    return ours and time.time() - changed > LEFTOVER_SECONDS


def check_replaceable(folder: Path) -> None:
    """Raise rather than delete somebody's files."""
    taken = folder.exists() and not folder.is_dir()
    if taken or (folder.is_dir() and any(folder.iterdir()) and not read_settings(folder)):
        raise ValueError(
            f"{folder} holds something else: it has no settings.json of the drivers data set. "
            "Expected a new folder: choose another one, or delete this one."
        )


def move_into_place(made: Path, folder: Path, settings: dict[str, Any]) -> None:
    """Rename ``made`` to ``folder``; who comes second finds the same data there and is content."""
    for attempt in range(20):
        if holds(folder, settings):
            return
        try:
            if folder.exists():
                check_replaceable(folder)
                folder.rename(made.parent / f"old_{attempt}")
            made.rename(folder)
            return
        except OSError:  # another process was faster, or Windows still has a file open
            time.sleep(0.1)
    raise OSError(f"{folder} could not be replaced. Close what reads it and try again.")
