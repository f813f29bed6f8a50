"""What every finder of regions answers, and what it is asked."""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from datamodules.tables.table import ImageTable


@dataclass(frozen=True)
class Found:
    """What a finder found in some rows of a table.

    Args:
        boxes: Region name to (rows, 4) float64 of x0 y0 x1 y1 in pixels of the upright image,
            half-open; NaN: not found.
        notes: What is to be said of the whole, one sentence each, such as annotations of no row.
        reasons: (rows,) text; "": found, else why it was missed: no face, no annotation, cannot be
            decoded: ...
    """

    boxes: dict[str, np.ndarray]
    reasons: np.ndarray
    notes: list[str] = field(default_factory=list)


class ROIFinder(Protocol):
    """Finds regions of interest in images; its options are the fields of a dataclass.

    Args:
        name: The word of ``roi=<name>``, for messages and the record of what was run.
        region_names: What it looks for, such as ``left_eye``, ``right_eye``, ``mouth``.
        proposes: Its regions are a guess at what matters, and never called detected without a word.
    """

    name: str
    region_names: tuple[str, ...]
    proposes: bool

    def find(self, table: ImageTable, rows: np.ndarray) -> Found:
        """Look for the regions in the images of ``rows``, indices into the table.

        Raises:
            ValueError: An option cannot be, or a file that the finder needs is missing or wrong.
        """
        ...
