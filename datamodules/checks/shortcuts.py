"""What tells the class and is no part of it: the border, the corners, how a file is stored.

A forest learns the class from these alone and is asked about groups that it has not seen, as in
``datamodules.checks.mask_only``: balanced accuracy and its 95 % interval against chance.
The doctor asks of as many images as that, a run of fewer, which costs it a second or two.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from PIL import Image

from datamodules.checks.examination import Examination
from datamodules.checks.mask_only import (
    FAR_ABOVE_CHANCE,
    MOST_IMAGES,
    choose_rows,
    fold_rows,
    score_features,
)
from datamodules.files.images import read_image
from datamodules.regions.planes import read_regions
from datamodules.tables.table import ImageTable

GRID = 32  # cells a side; each is the mean colour of what is outside the ROI
RING = 2  # cells from the edge that are the border
CORNER = 6  # cells a side of a corner
HIDDEN = -1.0  # of a cell inside the ROI
NUM_TREES = 30  # as good as 100 for what is either far above chance or not
MOST_OF_A_RUN = 300  # images
MOST_PIXELS = 300_000_000  # that a run decodes for this: about 2 seconds of two cores
WORDS = {
    "border": "The border, outside of ROIs,",
    "corners": "What stands in the four corners, outside of ROIs,",
    "file": "The way the files are stored (size, format, mode, orientation)",
}
ADVICE = {
    "border": "A model that sees it can learn it instead: gate the images by a ROI, or crop it off "
    "all of them.",
    "corners": "Look for burnt-in text, logos, rulers or time stamps: gate the images by a ROI, "
    "cover the corners of all, or name what stands there (distractor_<name>) to have it tested.",
    "file": "Images of different classes come from different places: store all of them in one way, "
    "and see what else differs.",
}


class Hint(NamedTuple):
    """How well one part tells the class: balanced accuracy, its interval, and chance."""

    part: str
    accuracy: float
    low: float
    high: float
    chance: float
    num_images: int

    @property
    def telling(self) -> bool:
        """Far above chance, and not by luck."""
        return self.low > self.chance + FAR_ABOVE_CHANCE

    @property
    def sentence(self) -> str:
        """What was measured, and what to do."""
        return (
            f"{WORDS[self.part]} of {self.num_images} training images predicts the class with a "
            f"balanced accuracy of {self.accuracy:.2f} (95 % interval {self.low:.2f} to "
            f"{self.high:.2f}, chance {self.chance:.2f}). {ADVICE[self.part]}"
        )


def measure_hints(
    table: ImageTable, found: Examination, seed: int, most_images: int = MOST_IMAGES
) -> list[Hint]:
    """Measure border, corners and file; nothing where there is too little to learn from.

    Args:
        table: Good images; so many of its training images are read.
        found: What is known of their files.
        seed: Of the sample, folds, trees and interval.
        most_images: That are read.
    """
    rows = choose_rows(table, np.random.default_rng(seed), most_images)
    if rows is None:
        return []
    labels, groups, num_folds = fold_rows(table, rows)
    if num_folds < 2:
        return []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        cells = np.stack(list(pool.map(_read_cells, [table] * len(rows), rows.tolist())))
    parts = {"border": _cut_border(cells), "corners": _cut_corners(cells)}
    parts["file"] = _describe_storage(found, rows)
    chance = float(1 / (labels.max() + 1))
    return [
        Hint(
            part,
            *score_features(features, labels, groups, num_folds, seed, NUM_TREES),
            chance,
            len(rows),
        )
        for part, features in parts.items()
        if np.ptp(features, axis=0).any()
    ]


def afford(table: ImageTable, found: Examination) -> int:
    """How many training images a run reads for this: of large ones fewer."""
    train = table.rows_of("train")
    pixels = np.prod([found.images[side][train].astype(float) for side in ("height", "width")], 0)
    return min(MOST_OF_A_RUN, int(MOST_PIXELS / max(1.0, pixels.mean())))


def _read_cells(table: ImageTable, row: int) -> np.ndarray:
    """Mean colour of each cell outside the ROI, (GRID, GRID, 3) in 0 to 255; HIDDEN inside it."""
    pixels = read_image(table.image_path(row), table.window)
    outside = ~read_regions(table, row, *pixels.shape[:2]).any(axis=0)
    shown = Image.fromarray(np.where(outside[..., None], pixels, 0))
    weight = Image.fromarray(outside.astype(np.uint8) * 255)
    colour, share = (
        np.asarray(image.resize((GRID, GRID), Image.Resampling.BOX)).astype(np.float32)
        for image in (shown, weight)
    )
    share = share[..., None] / 255
    return np.where(share >= 0.5, colour / np.maximum(share, 0.5), HIDDEN)


def _cut_border(cells: np.ndarray) -> np.ndarray:
    """(N, K) the cells of the border, four by four cells in one where they can."""
    inner = np.zeros((GRID, GRID), bool)
    inner[RING:-RING, RING:-RING] = True
    return cells[:, ~inner][:, ::2].reshape(len(cells), -1)


def _cut_corners(cells: np.ndarray) -> np.ndarray:
    """(N, K) the cells of the four corners, and how much each varies."""
    ends = (slice(None, CORNER), slice(-CORNER, None))
    corners = np.stack([cells[:, rows, columns] for rows in ends for columns in ends], axis=1)
    varies = corners.std(axis=(2, 3)).reshape(len(cells), -1)
    return np.concatenate([corners.reshape(len(cells), -1), varies], axis=1)


def _describe_storage(found: Examination, rows: np.ndarray) -> np.ndarray:
    images = found.images
    columns = [images[name] for name in ("height", "width", "orientation")]
    columns += [images.words(name)[0] for name in ("format", "mode")]
    return np.stack([column[rows] for column in columns], axis=1).astype(np.float32)
