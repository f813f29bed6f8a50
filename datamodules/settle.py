"""From a source as it was read to the one table: classes, ids, groups, masks and splits settled."""

import os
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datamodules.boxes import DEFAULT_REGION, region_of
from datamodules.classes import settle_classes, settle_model_classes, settle_positive
from datamodules.groups import find_groups
from datamodules.manifest import RawTable
from datamodules.options import DataOptions
from datamodules.problems import list_some, raise_problems
from datamodules.roi_fraction import keep_roi_of
from datamodules.splits import assign_splits, choose_evaluated
from datamodules.table import ImageTable

MOST_OF_A_PAIR = 100


def build_table(
    raw: RawTable,
    options: DataOptions,
    seed: int,
    model_classes: Sequence[str] | None = None,
) -> ImageTable:
    """Settle classes, groups, regions and splits of a source and check its paths.

    Args:
        raw: The source.
        options: What the user said of it.
        seed: Of a split that has to be made.
        model_classes: Of a model to evaluate, in the order of its outputs: the images are not
            trained on, so all are the test where no split is given, and classes may be absent.

    Raises:
        ValueError: The source has mistakes; all of one kind are listed together.
    """
    notes: list[str] = []
    names = raw.columns.column_names
    wanted = [("slice_by", name) for name in options.slice_by]
    wanted += [("pair_by", options.pair_by)] if options.pair_by is not None else []
    raise_problems(
        [
            f"data.{key}={name}: there is no such column. Columns: {', '.join(names)}"
            for key, name in wanted
            if name not in names
        ],
        raw.name,
    )
    if model_classes is None:
        class_names, labels = settle_classes(raw, options.classes, notes)
    else:
        class_names, labels = settle_model_classes(raw, model_classes)
    if options.pair_by is not None:
        _check_pairs(raw, options.pair_by, labels)
    ids = _settle_ids(raw)
    groups = find_groups(raw, options.group_from, notes)
    masks = _resolve_masks(raw, options.allow_outside)
    regions = _name_regions(masks, raw.boxes)
    if model_classes is None:
        splits = assign_splits(raw, labels, class_names, groups, options, seed, notes)
    else:
        splits = choose_evaluated(raw, options, notes)
    masks, boxes = keep_roi_of(
        options.roi_fraction, masks, raw.boxes, labels, splits == "train", seed, notes
    )
    notes += [
        f"Distractor {name}: in {int(np.isfinite(boxes).all(axis=1).sum())} of {len(boxes)} images."
        for name, boxes in raw.distractors.items()
    ]
    return ImageTable(
        columns=raw.columns,
        ids=ids,
        labels=labels,
        class_names=class_names,
        positive_class=settle_positive(class_names, options.positive_class),
        splits=splits,
        groups=groups,
        weights=_read_weights(raw),
        region_names=regions,
        mask_paths=masks,
        boxes=boxes,
        boxes_normalized=raw.boxes_normalized,
        detected=_read_sources(raw, notes),
        roi_at_test=options.roi_at_test,
        root=raw.roots[0],
        name=raw.name,
        first_row=raw.first_row,
        notes=notes,
        distractors=raw.distractors,
    )


def _check_pairs(raw: RawTable, pair_by: str, labels: np.ndarray) -> None:
    """A pair is one scene on several backgrounds: a few images of one class."""
    values = np.array(raw.columns[pair_by].to_pylist())
    order = np.argsort(values, kind="stable")
    names, starts = np.unique(values[order], return_index=True)
    problems = []
    for name, rows in zip(names.tolist(), np.split(order, starts[1:]), strict=True):
        if name and len(rows) > MOST_OF_A_PAIR:
            problems.append(
                f"data.pair_by={pair_by}: {name!r} joins {len(rows)} images; the column must name "
                "one scene on a few backgrounds"
            )
        elif name and len(np.unique(labels[rows])) > 1:
            problems.append(f"data.pair_by={pair_by}: {name!r} joins images of different classes")
    raise_problems(problems, raw.name)


def _settle_ids(raw: RawTable) -> pa.Array:
    column = "id" if "id" in raw.columns.column_names else "image"
    ids = raw.columns[column].combine_chunks()
    values, counts = np.unique(np.asarray(ids.to_pylist(), object).astype(str), return_counts=True)
    repeated = values[counts > 1].tolist()
    if repeated:
        raise ValueError(
            f"{raw.name}: {column} must name a row once (a column 'id' may do it for images that "
            f"stand in several rows); more than once: {list_some(repeated)}."
        )
    return ids


def _read_weights(raw: RawTable) -> np.ndarray | None:
    if "weight" not in raw.columns.column_names:
        return None
    problems = []
    weights = np.ones(raw.columns.num_rows)
    for row, text in enumerate(raw.columns["weight"].to_pylist()):
        try:
            weights[row] = float(text) if text else 1.0
        except ValueError:
            weights[row] = np.nan
        if not (np.isfinite(weights[row]) and weights[row] >= 0):
            problems.append(f"{raw.row_name(row)}: weight is {text!r}, expected a number from 0 up")
    raise_problems(problems, raw.name)
    return weights


def _resolve_masks(raw: RawTable, allow_outside: bool) -> dict[str, pa.Array]:
    """Absolute mask paths by region; every path of the table is held inside its roots."""
    masks = {}
    problems: list[str] = []
    for name in raw.columns.column_names:
        region = region_of(name, "mask")
        if region is None and name != "image":
            continue
        paths = [
            os.path.normpath(os.path.join(raw.roots[0], text)) if text else ""
            for text in raw.columns[name].to_pylist()
        ]
        if not allow_outside:
            inside = tuple(os.path.join(root, "") for root in raw.roots)
            problems += [
                f"{raw.row_name(row)}: {name} {path} lies outside of {raw.roots[0]}; "
                "move it, or set data.root, or data.allow_outside=true"
                for row, path in enumerate(paths)
                if path and not path.startswith(inside)
            ]
        if region is not None:
            masks[region] = pa.array(paths, pa.string())
    raise_problems(problems, raw.name)
    return masks


def _read_sources(raw: RawTable, notes: list[str]) -> np.ndarray:
    """Whether the ROI of a row was detected, (rows,) bool; blank and no column mean given.

    A proposed one counts as detected, and is said aloud.
    """
    if "roi_source" not in raw.columns.column_names:
        return np.zeros(raw.columns.num_rows, bool)
    sources = raw.columns["roi_source"]
    known = pc.is_in(sources, pa.array(["", "given", "detected", "proposed"]))
    raise_problems(
        [
            f"{raw.row_name(row)}: roi_source is {sources[row].as_py()!r}, expected given, "
            "detected or proposed"
            for row in np.flatnonzero(~np.asarray(known)).tolist()
        ],
        raw.name,
    )
    proposed = np.asarray(pc.equal(sources, "proposed"))
    if proposed.any():
        notes.append(
            f"The ROI of {int(proposed.sum())} of {len(proposed)} images is a PROPOSAL "
            "(roi_source is proposed) of a network that does not know the classes; it gates as a "
            "detected one."
        )
    return proposed | np.asarray(pc.equal(sources, "detected"))


def _name_regions(masks: dict[str, pa.Array], boxes: dict[str, np.ndarray]) -> tuple[str, ...]:
    regions = dict.fromkeys([*masks, *boxes])
    return tuple(regions) or (DEFAULT_REGION,)
