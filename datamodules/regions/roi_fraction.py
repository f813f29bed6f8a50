"""data.roi_fraction: only a share of the training images keeps its ROI."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Masks = dict[str, pa.ChunkedArray]
Boxes = dict[str, np.ndarray]


def keep_roi_of(
    fraction: float,
    masks: Masks,
    boxes: Boxes,
    labels: np.ndarray,
    in_training: np.ndarray,
    seed: int,
    notes: list[str],
) -> tuple[Masks, Boxes]:
    """Forget the ROI of all but a seeded share of the training images, the same of each class.

    Args:
        fraction: Share in [0, 1] of a class's training images with ROI that keep it, rounded up.
        masks: Region name to (rows,) paths, "" where there is none.
        boxes: Region name to (rows, 4), NaN where there is none.
        labels: (rows,) class indices.
        in_training: (rows,) bool; other rows keep what they have.
        seed: Of the choice.
        notes: Takes what is to be said.

    Returns:
        Masks and boxes with the others blank.
    """
    if fraction == 1:
        return masks, boxes
    annotated = np.zeros(len(labels), bool)
    for paths in masks.values():
        annotated |= pc.not_equal(paths, "").to_numpy()
    for corners in boxes.values():
        annotated |= np.isfinite(corners).all(axis=1)
    annotated &= in_training
    forgotten = annotated.copy()
    for label in np.unique(labels):
        rows = np.flatnonzero(annotated & (labels == label))
        order = np.random.default_rng([seed, int(label)]).permutation(rows)
        forgotten[order[: int(np.ceil(round(fraction * len(rows), 9)))]] = False
    kept = int(annotated.sum() - forgotten.sum())
    notes.append(
        f"data.roi_fraction={fraction:g}: {kept} of {int(annotated.sum())} training images with "
        f"ROI keep it, class by class, seed {seed}."
    )
    blank = {region: pc.if_else(pa.array(forgotten), "", paths) for region, paths in masks.items()}
    nowhere = {
        region: np.where(forgotten[:, None], np.nan, corners) for region, corners in boxes.items()
    }
    return blank, nowhere
