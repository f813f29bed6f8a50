"""What a search for regions found and missed, in words."""

import logging
from collections import Counter
from typing import Any

import numpy as np

from datamodules.checks.roi_presence import HIGHEST_P, find_association, presence_p_value
from datamodules.regions.roi_agreement import compare_with_given
from datamodules.roi_finders.base import Found, ROIFinder
from datamodules.tables.table import ImageTable

log = logging.getLogger(__name__)


def report_found(
    table: ImageTable, rows: np.ndarray, found: Found, finder: ROIFinder, asked: dict[str, Any]
) -> None:
    """Say how many were found and missed of each class, and what the misses say about the label."""
    hit = found.reasons == ""
    for note in found.notes:
        log.warning(note)
    counts = Counter(found.reasons[~hit].tolist()).most_common(5)
    log.info(
        "%s in %d of %d images (%.1f%%)%s.",
        "Proposed" if finder.proposes else "Found",
        hit.sum(),
        len(hit),
        100 * hit.mean(),
        "; missed: " + ", ".join(f"{number} {reason}" for reason, number in counts)
        if counts
        else "",
    )
    for line in _count_classes(table, rows, hit, "proposed" if finder.proposes else "found"):
        log.info("  %s", line)
    present = np.zeros(len(table), bool) if asked["replace"] else table.annotated.any(axis=1)
    present[rows] = hit
    association = find_association(table, present)
    if association is not None:
        log.warning(association)
    elif 0 < hit.sum() < len(hit):
        _say_difference(table, rows, hit)
    if finder.proposes:
        log.warning(
            "These regions are PROPOSALS of a network that knows nothing of your classes, and no "
            "detections: look at contact_sheet.png before you trust one."
        )
    if asked["replace"]:
        _say_agreement(table, rows, found, asked["seed"])


def _say_difference(table: ImageTable, rows: np.ndarray, hit: np.ndarray) -> None:
    """Say whether classes differ in their misses, where the alarm for training is not raised."""
    counts = np.array(
        [
            [(own := hit[table.labels[rows] == label]).sum(), (~own).sum()]
            for label in range(len(table.class_names))
        ]
    )
    p = presence_p_value(counts)
    if p < HIGHEST_P:
        log.warning(
            "Classes are not missed alike (p = %.1g), though in no split by 10 points: the misses "
            "lean to one class. misses.csv lists them.",
            p,
        )
    else:
        log.info("That classes are missed unequally may be chance (p = %.2g).", p)


def _count_classes(table: ImageTable, rows: np.ndarray, hit: np.ndarray, word: str) -> list[str]:
    """A line a class: found (or another ``word`` for it), missed, share."""
    width = max(len(name) for name in table.class_names)
    lines = [f"{''.ljust(width)}  {word:>8}  {'missed':>8}  {'share':>6}"]
    for label, name in enumerate(table.class_names):
        own = hit[table.labels[rows] == label]
        share = f"{own.mean():.1%}" if len(own) else "-"
        lines.append(
            f"{name.ljust(width)}  {int(own.sum()):>8}  {int((~own).sum()):>8}  {share:>6}"
        )
    return lines


def _say_agreement(table: ImageTable, rows: np.ndarray, found: Found, seed: int) -> None:
    """Hold what was found to the ROIs that were given, region by region."""
    for region, one in compare_with_given(table, rows, found.boxes, seed).items():
        log.info(
            "Beside the given %s of %d images: IoU %.2f, centres %.1f px apart (median), %.1f%% "
            "within 5 px or a tenth of the given regions' size (all four sides: %.1f%%).",
            region,
            one.num,
            one.iou,
            one.offset,
            100 * one.close,
            100 * one.snug,
        )
