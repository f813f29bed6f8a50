"""Where the model is at its worst: slices, groups, and the corruptions that were tried."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from lightning_modules.evaluation.report.blocks import (
    fold,
    heading,
    paragraph,
    sentence,
    table,
    term,
)
from lightning_modules.evaluation.report.page import Section
from lightning_modules.evaluation.report.record import Record
from lightning_modules.evaluation.report.sections.sets import show_sets
from lightning_modules.evaluation.report.wording import (
    count,
    percent,
    percent_range,
    slice_interval,
)
from lightning_modules.evaluation.statistics.level import level_of_all
from lightning_modules.evaluation.statistics.wilson import wilson_interval

FEWEST_OF_GROUP = 5  # images on average, below which groups are not listed
SHOWN, MOST = 12, 100  # rows that are seen at once, and rows at all
WORSE = (
    "The same images, spoiled weakly (1), clearly (2) and strongly (3). Changed: the share of "
    "answers that are others than before. Expect such light or such pictures in use? Then the "
    "score of that row counts."
)
ALIKE = (
    "The interval of a group takes its images for independent of each other. Where they are alike "
    "(one person, one video), the true range is wider."
)


def write_slices(record: Record) -> Section:
    """Slices by class, groups, corruptions; the worst first."""
    blocks = show_sets(record)
    found = record.metrics.get("test_groups")
    if found:
        rows = [
            [
                record.names.part(name, one),
                one["images"],
                round(one["accuracy"] * one["images"]),
                slice_interval(one),
            ]
            for name, one in found.items()
        ]
        blocks += [heading("By class and column"), *_tabulate(rows, "part")]
    if record.num_groups is not None:
        blocks += [heading("By group"), *_groups(record)]
    if "test_slices" in record.metrics:
        blocks += [heading("Under worse conditions"), *_corruptions(record)]
    lead = sentence(
        "An average hides who pays for it. Share of right answers in each {slice} and {group}, the "
        "worst first; a small one tells little, as its {i} shows. Among many rows the worst is "
        "partly bad luck, so the intervals of slices and groups are wide enough for all of a table "
        "to hold together in 95 of 100 such tests.",
        slice=term("slice"),
        group=term("group"),
        i=term("95 % interval"),
    )
    return Section("slices", "Slices and groups", blocks, lead)


def _groups(record: Record) -> list[Markup]:
    rows, num = _by_group(record), len(record.predictions)
    if num >= FEWEST_OF_GROUP * len(rows):
        return [*_tabulate(rows, "group"), paragraph(ALIKE)]
    perfect = sum(row[1] == row[2] for row in rows)
    said = f"{count(num, 'image')} of {count(len(rows), 'group')}: too few of each to judge groups"
    return [paragraph(f"{said} by themselves. {perfect} are without a mistake.")]


def _by_group(record: Record) -> list[list[object]]:
    """Rows, the worst first; only those that are shown have an interval."""
    names, numbers = np.unique(record.predictions.groups, return_inverse=True)
    level = level_of_all(len(names))
    images = np.bincount(numbers)
    right = np.bincount(numbers, weights=record.predictions.correct)
    found = zip(names.tolist(), images.tolist(), right.astype(int).tolist(), strict=True)
    return [
        [
            record.names.group(name) if name else "unknown",
            total,
            good,
            wilson_interval(good, total, level) if place < MOST else None,
        ]
        for place, (name, total, good) in enumerate(sorted(found, key=_badness))
    ]


def _badness(row: Sequence[Any]) -> tuple[float, int]:
    """Sorts rows of name, images, right answers: the worst first, the larger of two alike."""
    return row[2] / row[1], -row[1]


def _tabulate(rows: Sequence[Sequence[object]], what: str) -> list[Markup]:
    """Rows of name, images, right answers and their interval."""
    worst = sorted(rows, key=_badness)
    cells = [
        [name, f"{total:,}", percent(right / total), percent_range(ends)]
        for name, total, right, ends in worst[:MOST]
    ]
    header = [what, "images", "right", term("95 % interval")]
    blocks = [table(header, cells[:SHOWN])]
    if len(cells) > SHOWN:
        said = f"{len(cells) - SHOWN} more"
        if len(worst) > MOST:
            said += f", of {count(len(worst), what)} in all"
        blocks.append(fold(said, [table(header, cells[SHOWN:])]))
    perfect = sum(row[1] == row[2] for row in rows)
    blocks.append(paragraph(f"Without a mistake: {perfect} of {count(len(rows), what)}."))
    return blocks


def _corruptions(record: Record) -> list[Markup]:
    rows = []
    for one in record.metrics["test_slices"]:
        name, ends = one["name"], (one["accuracy_low"], one["accuracy_high"])
        rows.append(
            [
                "as they are" if name == "clean" else name.replace("_", " "),
                percent(one["accuracy"]),
                percent_range(None if None in ends else ends),
                percent(one["flip_rate"]),
            ]
        )
    header = ["condition, strength", "right", term("95 % interval"), "changed"]
    return [paragraph(WORSE), table(header, rows)]
