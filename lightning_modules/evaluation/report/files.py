"""The files that a report is made from, each of which may be missing; a damaged one is named."""

import csv
from pathlib import Path
from typing import Any

import yaml

from lightning_modules.run_reading import RESTORE, read_json, read_text


def read_names(file: Path) -> dict[str, Any]:
    """What a JSON file says; nothing where there is none."""
    return read_json(file) if file.is_file() else {}


def read_yaml(file: Path) -> dict[str, Any]:
    """The options of a configuration; none where there is none."""
    try:
        found = yaml.safe_load(read_text(file)) if file.is_file() else {}
    except yaml.YAMLError as error:
        raise ValueError(f"{file} is no YAML ({error}). {RESTORE}") from error
    if not isinstance(found, dict):
        raise ValueError(f"{file} holds no options. {RESTORE}")
    return found


def read_rows(file: Path, needed: str) -> list[dict[str, float | None]]:
    """A row of numbers an epoch, None where a cell is blank; no row where there is no file.

    Args:
        file: With a header.
        needed: A column that is there.
    """
    if not file.is_file():
        return []
    rows = csv.DictReader(read_text(file).splitlines())
    if needed not in (rows.fieldnames or (needed,)):
        raise ValueError(f"{file} has no column {needed}. {RESTORE}")
    try:
        return [{name: float(text) if text else None for name, text in row.items()} for row in rows]
    except (ValueError, TypeError, csv.Error) as error:
        raise ValueError(f"{file} is no table of numbers ({error}). {RESTORE}") from error
