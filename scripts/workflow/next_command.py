"""The command that comes next, as any shell and Hydra read it."""

import dataclasses
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from datamodules.options import DataOptions
from datamodules.tables.boxes import BoxFormat
from datamodules.tables.table import ImageTable

PLAIN = re.compile(r"[\w./:\\~+-]+")


def say_next(
    manifest: Path,
    table: ImageTable,
    masks: Mapping[str, pa.Array],
    options: DataOptions,
    box_format: BoxFormat = "xyxy",
) -> str:
    """The command that trains on a manifest that was written, with what was said of the data.

    Args:
        manifest: That was written.
        table: The source; the manifest's paths are relative to its root.
        masks: That the manifest names.
        options: What the user said of the source.
        box_format: Of the boxes in the manifest.
    """
    said = {
        field.name: value
        for field in dataclasses.fields(DataOptions)
        if not field.name.startswith("box") and field.name != "roi_fraction"
        if (value := getattr(options, field.name)) != field.default and value not in (None, ())
    }
    inside = os.path.join(str(table.root), "")
    if any(not _all_inside(paths, inside) for paths in masks.values()):
        said["allow_outside"] = True
    if box_format != "xyxy":
        said["box_format"] = box_format
    words = {"manifest": str(manifest), "root": str(table.root)} | said
    typed = [_quote(f"data.{key}", value) for key, value in words.items()]
    return " ".join(["python scripts/train.py data=manifest", *typed])


def _all_inside(paths: pa.Array, folder: str) -> bool:
    """Whether all are below the folder; of relative ones that was checked when they were read."""
    absolute = pc.match_substring_regex(paths, "^/|^[A-Za-z]:")
    outside = pc.and_(absolute, pc.invert(pc.starts_with(paths, folder)))
    return not pc.any(outside).as_py()


def _quote(key: str, value: Any) -> str:  # noqa: ANN401
    """An argument that any shell and Hydra read as it is meant."""
    if isinstance(value, bool):
        return f"{key}={str(value).lower()}"
    if isinstance(value, list | tuple) and len(value) > 1:
        return f'"{key}=[{",".join(str(one) for one in value)}]"'
    text = str(value[0] if isinstance(value, list | tuple) else value)
    return f"{key}={text}" if PLAIN.fullmatch(text) else f"\"{key}='{text}'\""
