"""From a source as it was read to the one table: classes, ids, groups, masks and splits settled."""

import os
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datamodules.annotations.table_boxes import add_boxes
from datamodules.files.outside import find_outside, find_suspicious
from datamodules.files.window_proposal import require_window
from datamodules.options import DataOptions
from datamodules.problems import list_some, raise_problems
from datamodules.regions.roi_fraction import keep_roi_of
from datamodules.splitting.given_split import TRAIN
from datamodules.splitting.groups import find_groups
from datamodules.splitting.splits import assign_splits, choose_evaluated
from datamodules.tables.boxes import DEFAULT_REGION, region_of
from datamodules.tables.classes import settle_classes, settle_model_classes, settle_positive
from datamodules.tables.codes import Codes
from datamodules.tables.manifest import RawTable
from datamodules.tables.numbers import is_number, parse_numbers
from datamodules.tables.table import PLACES, ImageTable

MOST_OF_A_PAIR = 100
ROI_SOURCES = ("", "given", "detected", "proposed")


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
    raw = add_boxes(raw, options, notes)
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
    if not options.allow_outside:
        _check_inside(raw)
    masks = _name_masks(raw)
    require_window(raw, options.window)
    groups = find_groups(raw, options.group_from, notes)
    regions = _name_regions(masks, raw.boxes)
    if model_classes is None:
        splits = assign_splits(raw, labels, class_names, groups, options, seed, notes)
    else:
        splits = choose_evaluated(raw, groups, options, notes)
    masks, boxes = keep_roi_of(
        options.roi_fraction, masks, raw.boxes, labels, splits == TRAIN, seed, notes
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
        splits=Codes(splits, pa.array(PLACES)),
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
        window=options.window,
        kept=raw.kept,
        left_out=raw.left_out,
    )


def _check_pairs(raw: RawTable, pair_by: str, labels: np.ndarray) -> None:
    """A pair is one scene on several backgrounds: a few images of one class."""
    pairs = Codes.encode(raw.columns[pair_by])
    num_classes = int(labels.max()) + 1
    sizes = np.bincount(pairs.numbers)
    different = np.unique(pairs.numbers.astype(np.int64) * num_classes + labels) // num_classes
    problems = []
    for pair in np.flatnonzero((sizes > MOST_OF_A_PAIR) | (np.bincount(different) > 1)).tolist():
        name, size = pairs.words[pair].as_py(), sizes[pair]
        if name and size > MOST_OF_A_PAIR:
            problems.append(
                f"data.pair_by={pair_by}: {name!r} joins {size} images; the column must name "
                "one scene on a few backgrounds"
            )
        elif name:
            problems.append(f"data.pair_by={pair_by}: {name!r} joins images of different classes")
    raise_problems(problems, raw.name)


def _settle_ids(raw: RawTable) -> pa.ChunkedArray:
    column = "id" if "id" in raw.columns.column_names else "image"
    ids = raw.columns[column]
    repeats = raw.images_repeat if column == "image" else pc.count_distinct(ids).as_py() < len(ids)
    if repeats:
        counts = pc.value_counts(ids)
        repeated = counts.filter(pc.greater(counts.field("counts"), 1)).field("values")
        names = sorted(repeated.to_pylist())
        raise ValueError(
            f"{raw.name}: {column} must name a row once (a column 'id' may do it for images that "
            f"stand in several rows); more than once: {list_some(names)}."
        )
    return ids


def _read_weights(raw: RawTable) -> np.ndarray | None:
    if "weight" not in raw.columns.column_names:
        return None
    texts = raw.columns["weight"]
    good = is_number(texts)
    weights = np.ones(len(texts))
    weights[good] = parse_numbers(texts.filter(pa.array(good)))
    blank = pc.equal(texts, "").to_numpy()
    bad = ~(good | blank) | ~np.isfinite(weights) | (weights < 0)
    problems = [
        f"{raw.row_name(row)}: weight is {texts[row].as_py()!r}, expected a number from 0 up"
        for row in np.flatnonzero(bad).tolist()
    ]
    if not problems and not weights.any():
        problems.append("every weight is 0, so nothing would be learned from any image")
    raise_problems(problems, raw.name)
    return weights


def _check_inside(raw: RawTable) -> None:
    """Every path of the table is held inside its roots."""
    problems: list[str] = []
    for name in raw.columns.column_names:
        if name != "image" and region_of(name, "mask") is None:
            continue
        texts = raw.columns[name]
        for row in find_suspicious(texts, raw.roots).tolist():
            text = texts[row].as_py()
            path = os.path.normpath(os.path.join(raw.roots[0], text))
            problem = find_outside(path, raw.roots, text) if text else None
            if problem is not None:
                problems.append(f"{raw.row_name(row)}: {name} {problem}")
    raise_problems(problems, raw.name)


def _name_masks(raw: RawTable) -> dict[str, pa.ChunkedArray]:
    """Region name to its column of mask paths."""
    regions = {name: region_of(name, "mask") for name in raw.columns.column_names}
    return {region: raw.columns[name] for name, region in regions.items() if region is not None}


def _read_sources(raw: RawTable, notes: list[str]) -> np.ndarray:
    """Whether the ROI of a row was detected, (rows,) bool; blank and no column mean given.

    A proposed one counts as detected, and is said aloud.
    """
    if "roi_source" not in raw.columns.column_names:
        return np.zeros(raw.columns.num_rows, bool)
    sources = Codes.encode(raw.columns["roi_source"])
    known = np.isin(sources.words.to_pylist(), ROI_SOURCES)
    raise_problems(
        [
            f"{raw.row_name(row)}: roi_source is {sources[row]!r}, expected given, detected or "
            "proposed"
            for row in np.flatnonzero(~known[sources.numbers]).tolist()
        ],
        raw.name,
    )
    proposed = sources == "proposed"
    if proposed.any():
        notes.append(
            f"The ROI of {int(proposed.sum())} of {len(proposed)} images is a PROPOSAL "
            "(roi_source is proposed) of a network that does not know the classes; it gates as a "
            "detected one."
        )
    return proposed | (sources == "detected")


def _name_regions(
    masks: dict[str, pa.ChunkedArray], boxes: dict[str, np.ndarray]
) -> tuple[str, ...]:
    regions = dict.fromkeys([*masks, *boxes])
    return tuple(regions) or (DEFAULT_REGION,)
