"""The one table that every source becomes: what is known about each image before it is opened."""

import os
import shutil
import tempfile
import weakref
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datamodules.files.window import Window
from datamodules.splitting.given_split import SPLITS
from datamodules.splitting.splits import fingerprint
from datamodules.tables.codes import Codes
from datamodules.tables.mapped import put_in_files, take_from_files

# where a row may stand: in a split, or in none that is used
PLACES = (*SPLITS, "unused")


@dataclass(frozen=True)
class ImageTable:
    """Rows of images, with classes, groups, splits and regions settled.

    Args:
        columns: All columns of the source as text.
        ids: (rows,) text, the stable identity of each row.
        labels: (rows,) int64 indices into ``class_names``.
        class_names: In the order of the outputs.
        positive_class: The class to detect of two; None for more classes.
        splits: Of each row, ``train``, ``val``, ``test`` or ``unused``.
        groups: Of each row, never on both sides of a split; None: unknown.
        weights: (rows,) float64, at least 0; None: all alike.
        region_names: Named regions, at least one (``roi``).
        mask_paths: Region name to (rows,) paths, relative to the root; "" where there is none.
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
        window: Values of deep grey that become black and white (``datamodules.files.window``).
        kept: (rows,) number of each row in the source; None: all of its rows are here.
        left_out: Class name to how many of its images were left out (``data.class_map``).
    """

    columns: pa.Table
    ids: pa.ChunkedArray
    labels: np.ndarray
    class_names: tuple[str, ...]
    positive_class: str | None
    splits: Codes
    groups: Codes | None
    weights: np.ndarray | None
    region_names: tuple[str, ...]
    mask_paths: dict[str, pa.ChunkedArray]
    boxes: dict[str, np.ndarray]
    boxes_normalized: bool
    detected: np.ndarray
    roi_at_test: bool
    root: Path
    name: str
    first_row: int
    notes: list[str] = field(default_factory=list)
    distractors: dict[str, np.ndarray] = field(default_factory=dict)
    window: Window | None = None
    kept: np.ndarray | None = None
    left_out: dict[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def distractor_names(self) -> tuple[str, ...]:
        """In the order of a batch's planes."""
        return tuple(self.distractors)

    def image_path(self, row: int) -> str:
        """Absolute path of the image of a row."""
        return os.path.join(self.root, self.columns["image"][row].as_py())

    def mask_path(self, region: str, row: int) -> str:
        """Absolute path of the mask of a region of a row; "" where there is none."""
        path = self.mask_paths[region][row].as_py() if region in self.mask_paths else ""
        return os.path.join(self.root, path) if path else ""

    def row_name(self, row: int) -> str:
        """Name a row as its reader finds it."""
        number = row if self.kept is None else int(self.kept[row])
        return f"{self.name} row {number + self.first_row} ({self.ids[row].as_py()})"

    def rows_of(self, split: str) -> np.ndarray:
        """Indices of the rows of a split."""
        return np.flatnonzero(self.splits == split)

    def units_of(self, rows: np.ndarray) -> dict[str, int]:
        """Id of each row to the number of its group; without groups every image is its own."""
        units = np.arange(len(self)) if self.groups is None else self.groups.numbers
        return {self.ids[row].as_py(): int(units[row]) for row in rows.tolist()}

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
                planes[:, column] |= pc.not_equal(self.mask_paths[region], "").to_numpy()
            if region in self.boxes:
                planes[:, column] |= np.isfinite(self.boxes[region]).all(1)
        return planes

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of which id stands in which split."""
        return fingerprint(self.ids, self.splits)

    @cached_property
    def _in_files(self) -> dict[str, Any]:
        """The fields, large ones in files that are there as long as this table is."""
        folder = Path(tempfile.mkdtemp(prefix="roi_table_"))
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        return put_in_files({f.name: getattr(self, f.name) for f in fields(self)}, folder)

    def __reduce__(self) -> tuple[Any, ...]:
        return _open_table, (self._in_files,)

    def with_test(self, chosen: np.ndarray) -> "ImageTable":
        """The rows where ``chosen`` (rows,) bool is true as the test; others of it are unused."""
        numbers = self.splits.numbers.copy()
        numbers[numbers == PLACES.index("test")] = PLACES.index("unused")
        numbers[chosen] = PLACES.index("test")
        return replace(self, splits=Codes(numbers, self.splits.words))

    def counts(self) -> dict[str, list[int]]:
        """Split to the number of images of each class."""
        num_classes = len(self.class_names)
        return {
            split: np.bincount(self.labels[self.rows_of(split)], minlength=num_classes).tolist()
            for split in SPLITS
        }

    def roi_share(self) -> dict[str, float]:
        """Split to the share in [0, 1] of its images that a gate has any region of."""
        annotated = self.has_roi().any(axis=1)
        return {split: float(annotated[self.rows_of(split)].mean()) for split in SPLITS}

    def keep(self, rows: np.ndarray) -> "ImageTable":
        """The same table with some of its rows alone, which keep their names.

        Args:
            rows: (N,) which, in ascending order.
        """
        taken = pa.array(rows)
        return replace(
            self,
            columns=self.columns.take(taken),
            ids=self.ids.take(taken),
            labels=self.labels[rows],
            splits=self.splits.keep(rows),
            groups=None if self.groups is None else self.groups.keep(rows),
            weights=None if self.weights is None else self.weights[rows],
            mask_paths={name: paths.take(taken) for name, paths in self.mask_paths.items()},
            boxes={name: boxes[rows] for name, boxes in self.boxes.items()},
            detected=self.detected[rows],
            distractors={name: boxes[rows] for name, boxes in self.distractors.items()},
            kept=rows if self.kept is None else self.kept[rows],
        )


def _open_table(values: dict[str, Any]) -> ImageTable:
    return ImageTable(**take_from_files(values))
