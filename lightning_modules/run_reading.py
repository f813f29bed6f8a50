"""Files of a run, read back: one that is damaged is named, whatever damaged it.

Editors and spreadsheets save with a byte order mark or with other ends of lines; both are read.
"""

import json
from pathlib import Path
from typing import Any

RESTORE = "It is cut or damaged, or another program has saved it: restore it, or make it anew."


def read_text(path: Path) -> str:
    """Read text in UTF-8.

    Raises:
        ValueError: It is none; the message names the file.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no text in UTF-8 (byte {error.start}). {RESTORE}") from error


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON file of names and values.

    Raises:
        ValueError: It is none; the message names the file.
    """
    try:
        found = json.loads(read_text(path))
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"{path} is no JSON ({error}). {RESTORE}") from error
    if not isinstance(found, dict):
        raise ValueError(f"{path} holds no table of names and values. {RESTORE}")
    return found


def find_value(path: Path, *names: str) -> Any:  # noqa: ANN401
    """What stands below these names in a JSON file; None where it is not there or damaged."""
    found: Any = find_json(path)
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    return found


def find_json(path: Path) -> dict[str, Any]:
    """As ``read_json``; empty where the file is not there or damaged, and does not matter."""
    try:
        return read_json(path)
    except (OSError, ValueError):
        return {}
