"""The boxes that ``data.boxes`` names, joined to a table as it was read."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from datamodules.annotations.found import Annotations
from datamodules.annotations.joining import join_boxes
from datamodules.annotations.options import BoxOptions
from datamodules.annotations.reading import read_annotations
from datamodules.annotations.region_names import keep_class_out
from datamodules.annotations.stated_sizes import check_sizes
from datamodules.problems import list_some
from datamodules.tables.boxes import region_of
from datamodules.tables.manifest import RawTable


def add_boxes(raw: RawTable, options: BoxOptions, notes: list[str]) -> RawTable:
    """Join the boxes that ``data.boxes`` names, if any, to a table as it was read.

    Args:
        raw: The source.
        options: What the user said of the boxes.
        notes: Takes what is to be said.

    Raises:
        ValueError: As ``join_boxes``; or the table has such a region itself, or boxes of the other
            kind (pixels, shares).
    """
    if options.boxes is None:
        return raw
    path = Path(options.boxes).expanduser()
    found = read_annotations(path, "data.boxes", options.box_format)
    classes = raw.columns["label"].unique().to_pylist()
    regions = keep_class_out(found, options.box_regions, classes, notes)
    joined = join_boxes(
        raw.columns["image"], found, regions, options.box_join, options.box_min_score
    )
    check_sizes(raw, found, joined.names)
    _check_free(raw, found, list(joined.boxes))
    notes += [*joined.notes, *joined.several.values()]
    columns = raw.columns
    if "roi_source" not in columns.column_names:
        detected = found.detected if options.box_source is None else (
            options.box_source == "detected"
        )  # fmt: skip
        sources = np.where(joined.any_box() & detected, "detected", "")
        columns = columns.append_column("roi_source", pa.array(sources, pa.string()))
        kind = "a detector found" if detected else "people drew"
        notes.append(f"The boxes count as what {kind} (data.box_source).")
    return replace(
        raw,
        columns=columns,
        boxes={**raw.boxes, **joined.boxes},
        boxes_normalized=found.normalized,
    )


def _check_free(raw: RawTable, found: Annotations, regions: list[str]) -> None:
    """Refuse what the table says itself."""
    masks = [region_of(name, "mask") for name in raw.columns.column_names]
    taken = [region for region in regions if region in raw.boxes or region in masks]
    if taken:
        raise ValueError(
            f"{raw.name} has the region {list_some(taken)} itself, and {found.name} would give it, "
            "too. Take one away, or rename that of data.boxes by data.box_regions={category: name}."
        )
    if (raw.boxes or raw.distractors) and raw.boxes_normalized != found.normalized:
        kinds = ["pixels", "shares of the image's size"]
        raise ValueError(
            f"{raw.name} has boxes in {kinds[raw.boxes_normalized]}, {found.name} in "
            f"{kinds[found.normalized]}; they must be alike."
        )
