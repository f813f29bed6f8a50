"""What every format of annotations becomes."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from datamodules.annotations.shapes import Shape


@dataclass(frozen=True)
class Annotations:
    """Boxes, and where the format has them shapes, of named images.

    Args:
        name: Of the file or folder, for messages.
        format: As messages call it, such as ``COCO``.
        names: (M,) text: images as the file spells them, each once; some may have no annotation.
        sizes: (M, 2) float64 width and height in pixels that the file states, NaN where it does
            not.
        image: (A,) int64 index into ``names`` of each annotation.
        labels: (A,) text: its category, "" where there is none.
        boxes: (A, 4) float64 of x0 y0 x1 y1, pixels or shares; all finite, x0 <= x1, y0 <= y1.
        scores: (A,) float64, NaN where there is none.
        normalized: Whether the boxes are shares of the image's size.
        detected: Whether a detector found them, rather than a person.
        numbered: Whether the names are numbers of images: the file has no names for them.
        shapes: (A,) outlines and masks, None where the box is all; empty: not asked for.
        attributes: (A,) further values of each annotation by name; empty: none has any.
        columns: Name to (M,) texts, further values of each image, "" where it has none.
        notes: What was left out, one sentence each.
    """

    name: str
    format: str
    names: pa.Array
    sizes: np.ndarray
    image: np.ndarray
    labels: pa.Array
    boxes: np.ndarray
    scores: np.ndarray
    normalized: bool = False
    detected: bool = False
    numbered: bool = False
    shapes: Sequence[Shape | None] = ()
    attributes: Sequence[dict[str, str]] = ()
    columns: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.boxes)

    @property
    def has_scores(self) -> bool:
        """Whether any annotation has a score."""
        return bool(np.isfinite(self.scores).any())

    def categories(self) -> list[str]:
        """The labels that occur, in alphabetical order."""
        return sorted(self.labels.unique().to_pylist())
