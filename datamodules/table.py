"""The one table that every source becomes: what is known about each image before it is opened."""

import os
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa

from datamodules.splits import SPLITS, fingerprint


@dataclass(frozen=True)
class ImageTable:
    """Rows of images, with classes, groups, splits and regions settled.

    Args:
        columns: All columns of the source as text.
        ids: (rows,) text, the stable identity of each row.
        labels: (rows,) int64 indices into ``class_names``.
        class_names: In the order of the outputs.
        positive_class: The class to detect of two; None for more classes.
        splits: (rows,) of ``train``, ``val``, ``test``.
        groups: (rows,) text, never on both sides of a split; None: unknown.
        weights: (rows,) float64, at least 0; None: all alike.
        region_names: Named regions, at least one (``roi``).
        mask_paths: Region name to (rows,) absolute paths, "" where there is none.
        boxes: Region name to (rows, 4) float64 of x0 y0 x1 y1, NaN where there is none.
        boxes_normalized: Whether the boxes are shares of the image's size.
        detected: (rows,) bool: the ROI was found by a detector and not drawn by a person.
        roi_at_test: Whether images of val and test may be gated by their ROI.
        root: Folder that the image paths are relative to.
        name: Of the source, for messages.
        first_row: Number that people give the first row.
        notes: What was decided on the way, one sentence each, to be said.
        distractors: Name to (rows, 4) boxes, as ``boxes``, of what must not count: burnt-in text, a
            ruler, a logo.
        kept: (rows,) number of each row in the source; None: all of its rows are here.
    """

    columns: pa.Table
    ids: pa.Array
    labels: np.ndarray
    class_names: tuple[str, ...]
    positive_class: str | None
    splits: np.ndarray
    groups: np.ndarray | None
    weights: np.ndarray | None
    region_names: tuple[str, ...]
    mask_paths: dict[str, pa.Array]
    boxes: dict[str, np.ndarray]
    boxes_normalized: bool
    detected: np.ndarray
    roi_at_test: bool
    root: Path
    name: str
    first_row: int
    notes: list[str] = field(default_factory=list)
    distractors: dict[str, np.ndarray] = field(default_factory=dict)
    kept: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def distractor_names(self) -> tuple[str, ...]:
        """In the order of a batch's planes."""
        return tuple(self.distractors)

    def image_path(self, row: int) -> str:
        """Absolute path of the image of a row."""
        return os.path.join(self.root, self.columns["image"][row].as_py())

    def row_name(self, row: int) -> str:
        """Name a row as its reader finds it."""
        number = row if self.kept is None else int(self.kept[row])
        return f"{self.name} row {number + self.first_row} ({self.ids[row].as_py()})"

    def rows_of(self, split: str) -> np.ndarray:
        """Indices of the rows of a split."""
        return np.flatnonzero(self.splits == split)

    def has_roi(self) -> np.ndarray:
        """(rows, regions) bool: whether a gate may use the region of that image."""
        usable = (self.splits == "train") | self.roi_at_test
        return self.annotated & usable[:, None]

    @cached_property
    def annotated(self) -> np.ndarray:
        """(rows, regions) bool: whether the region of that image is annotated."""
        planes = np.zeros((len(self), len(self.region_names)), bool)
        for column, region in enumerate(self.region_names):
            if region in self.mask_paths:
                planes[:, column] |= np.asarray(self.mask_paths[region].to_pylist(), object) != ""
            if region in self.boxes:
                planes[:, column] |= np.isfinite(self.boxes[region]).all(1)
        return planes

    @property
    def fingerprint(self) -> str:
        """SHA-256 of which id stands in which split."""
        return fingerprint(self.ids.to_pylist(), self.splits)

    def counts(self) -> dict[str, list[int]]:
        """Split to the number of images of each class."""
        num_classes = len(self.class_names)
        return {
            split: np.bincount(self.labels[self.rows_of(split)], minlength=num_classes).tolist()
            for split in SPLITS
        }

    def class_weights(self) -> list[float]:
        """Inverse frequency of each class in training, 1 on average over its images."""
        counts = np.array(self.counts()["train"], float)
        return (counts.sum() / (len(counts) * counts)).tolist()

    def roi_share(self) -> dict[str, float]:
        """Split to the share in [0, 1] of its images that a gate has any region of."""
        annotated = self.has_roi().any(axis=1)
        return {split: float(annotated[self.rows_of(split)].mean()) for split in SPLITS}

    def keep(self, rows: np.ndarray) -> "ImageTable":
        """The same table with some of its rows alone, which keep their names.

        Args:
            rows: (N,) which, in ascending order.
        """
        return replace(
            self,
            columns=self.columns.take(rows),
            ids=self.ids.take(pa.array(rows)),
            labels=self.labels[rows],
            splits=self.splits[rows],
            groups=None if self.groups is None else self.groups[rows],
            weights=None if self.weights is None else self.weights[rows],
            mask_paths={
                name: paths.take(pa.array(rows)) for name, paths in self.mask_paths.items()
            },
            boxes={name: boxes[rows] for name, boxes in self.boxes.items()},
            detected=self.detected[rows],
            distractors={name: boxes[rows] for name, boxes in self.distractors.items()},
            kept=rows if self.kept is None else self.kept[rows],
        )
