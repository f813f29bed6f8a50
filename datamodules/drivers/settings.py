"""The settings of a data set, and whether a folder was drawn with them."""

import json
from pathlib import Path
from typing import Any

from datamodules.drivers.subjects import NUM_SUBJECTS

# Raise when the pixels or the columns change: a folder with another format is drawn again.
FORMAT = 2


def check_settings(settings: dict[str, Any]) -> None:
    """Raise one ValueError that lists every impossible setting."""
    problems = []
    for split in NUM_SUBJECTS:
        name, step = f"num_{split}", 4 if split == "test" else 2
        if settings[name] < step or settings[name] % step:
            problems.append(f"{name} is {settings[name]}, expected a positive multiple of {step}")
    if not 0 <= settings["agreement"] <= 1:
        problems.append(f"agreement is {settings['agreement']}, expected a share between 0 and 1")
    if problems:
        raise ValueError("The drivers data set cannot be drawn: " + "; ".join(problems) + ".")


def read_settings(folder: Path) -> dict[str, Any]:
    """Return the settings a folder of drivers was drawn with, empty for anything else."""
    try:
        found = json.loads((folder / "settings.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and found.get("data_set") == "drivers" else {}


def holds(folder: Path, settings: dict[str, Any]) -> bool:
    """Tell whether a folder has the data set with exactly these settings."""
    return (folder / "manifest.csv").is_file() and read_settings(folder) == settings
