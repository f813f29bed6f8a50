"""Boxes that exist already become regions of the images that they name."""

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from datamodules.annotations.found import Annotations
from datamodules.annotations.matching import match_names
from datamodules.annotations.options import BoxJoin
from datamodules.annotations.region_names import Wanted, name_regions
from datamodules.problems import list_some
from datamodules.tables.boxes import BOX_TOLERANCE

JOIN_WORDS = {"union": "the smallest box around them", "best": "that of the highest score"}


@dataclass(frozen=True)
class Joined:
    """Boxes by region, a row an image of a table.

    Args:
        boxes: Region name to (rows, 4) float64 of x0 y0 x1 y1, NaN where there is none.
        names: (rows,) int64 annotated image of each row, -1 where there is none.
        notes: What was matched, cut and left out, one sentence each.
        several: Region name to a sentence, where images have several boxes of it.
    """

    boxes: dict[str, np.ndarray]
    names: np.ndarray
    notes: list[str] = field(default_factory=list)
    several: dict[str, str] = field(default_factory=dict)

    def any_box(self) -> np.ndarray:
        """(rows,) bool: whether a row has a box of any region."""
        shown = np.zeros(len(self.names), bool)
        for boxes in self.boxes.values():
            shown |= np.isfinite(boxes).all(axis=1)
        return shown


def join_boxes(
    images: pa.Array,
    found: Annotations,
    regions: Wanted = None,
    join: BoxJoin = "union",
    min_score: float = 0.0,
) -> Joined:
    """Find the boxes of every image.

    Args:
        images: (rows,) paths of a table's images.
        found: The annotations.
        regions: Categories to regions, as ``data.box_regions``.
        join: What is made of several boxes of one region in an image.
        min_score: Boxes of a lower score are left out.

    Raises:
        ValueError: Nothing matches, a name means several images, or scores are needed that are
            not there.
    """
    if not found.has_scores and (join == "best" or min_score > 0):
        word = "data.box_join=best" if join == "best" else f"data.box_min_score={min_score:g}"
        raise ValueError(f"{word} needs scores, and {found.name} has none.")
    notes = list(found.notes)
    match = match_names(images, found.names, found.numbered, found.name)
    names, region = name_regions(found, regions, notes)
    boxes, cut = cut_at_edge(found)
    used = np.zeros(len(found.names), bool)
    used[match.names[match.names >= 0]] = True
    keep = (region >= 0) & used[found.image]
    low = keep & (found.scores < min_score)
    if low.any():
        notes.append(
            f"{found.name}: {low.sum()} of {keep.sum()} boxes are left out, their score is lower "
            f"than {min_score:g} (data.box_min_score)."
        )
    keep &= ~low
    keep &= ~_find_flat(found, boxes, keep, notes)
    if not keep.any():
        raise ValueError(
            f"{found.name}: no box is left for any image of the table. "
            f"{' '.join(notes[len(found.notes) :])} Lower data.box_min_score, or look at "
            "data.box_regions."
        )
    if cut[keep].any():
        notes.append(f"{found.name}: {cut[keep].sum()} boxes are cut at the edge of their image.")
    by_row, several = {}, {}
    for index, name in enumerate(names):
        rows = np.flatnonzero(keep & (region == index))
        merged = _merge(found, boxes, rows, join)
        by_row[name] = np.where(match.names[:, None] < 0, np.nan, merged[match.names])
        repeated = int((np.bincount(found.image[rows], minlength=1) > 1).sum())
        if repeated:
            several[name] = (
                f"{repeated} images have several boxes of {name}: {JOIN_WORDS[join]} is taken "
                f"(data.box_join={join})."
            )
    joined = Joined(by_row, match.names, notes, several)
    notes.insert(0, _say_match(found, match.rule, used, joined))
    return joined


def _find_flat(
    found: Annotations, boxes: np.ndarray, keep: np.ndarray, notes: list[str]
) -> np.ndarray:
    """(A,) bool: kept so far, and without any area inside the image."""
    flat = keep & (boxes[:, 2:] <= boxes[:, :2]).any(axis=1)
    if flat.any():
        where = found.names.take(pa.array(np.unique(found.image[flat])[:5])).to_pylist()
        notes.append(
            f"{found.name}: {flat.sum()} boxes without any area inside their image are left out, "
            f"such as of {list_some(where)}."
        )
    return flat


def _merge(found: Annotations, boxes: np.ndarray, rows: np.ndarray, join: BoxJoin) -> np.ndarray:
    """One box of each annotated image, (M, 4), NaN where it has none."""
    owners = found.image[rows]
    merged = np.full((len(found.names), 4), np.nan)
    if join == "best":
        # the last of equal indices stays: the highest score, of equal ones the first in the file
        order = np.lexsort((-rows, found.scores[rows]))
        merged[owners[order]] = boxes[rows[order]]
        return merged
    np.fmin.at(merged[:, :2], owners, boxes[rows, :2])
    np.fmax.at(merged[:, 2:], owners, boxes[rows, 2:])
    return merged


def cut_at_edge(found: Annotations) -> tuple[np.ndarray, np.ndarray]:
    """Boxes cut at the edges that are known, (A, 4), and which were, (A,) bool."""
    limit = np.ones((len(found), 2)) if found.normalized else found.sizes[found.image]
    limit = np.where(np.isfinite(limit), limit, np.inf)
    boxes = np.clip(found.boxes, 0, np.concatenate([limit, limit], axis=1))
    tolerance = 1e-6 if found.normalized else BOX_TOLERANCE
    return boxes, (np.abs(boxes - found.boxes) > tolerance).any(axis=1)


def _say_match(found: Annotations, rule: str, used: np.ndarray, joined: Joined) -> str:
    rows = joined.any_box()
    text = (
        f"{found.name} ({found.format}): {len(found)} boxes of {len(found.names)} images, found in "
        f"the table by {rule}; {rows.sum()} of {len(rows)} rows have a box"
    )
    lost = np.flatnonzero(~used)
    if len(lost):
        names = found.names.take(pa.array(lost[:3])).to_pylist()
        text += f", {len(lost)} annotated images are in no row ({list_some(names)})"
    return text + "."
