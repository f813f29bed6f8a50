"""From files to what is kept of an image: pixels and regions at the size that is wanted."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from datamodules.files.images import read_image
from datamodules.loading.transforms import Preprocessing, resize_together
from datamodules.problems import LostImage
from datamodules.regions.planes import read_regions
from datamodules.tables.table import ImageTable


@dataclass
class Prepared:
    """Images of some rows, before any augmentation.

    Args:
        image: (B, 3, H, W) uint8.
        roi: (B, R, H, W) bool.
        roi_share: (B,) float64, share of each image that its ROI covers in its own pixels.
        native_size: (B, 2) height and width of each image in its own pixels.
    """

    image: Tensor
    roi: Tensor
    roi_share: np.ndarray
    native_size: np.ndarray


@contextmanager
def naming(table: ImageTable, row: int) -> Iterator[None]:
    """Name the row whose files are read in what goes wrong with them."""
    try:
        yield
    except (ValueError, OSError) as error:
        raise LostImage(
            f"{table.row_name(row)}: {error}. It could be read when the run began. Repair the file "
            "and go on with the run (resume=), or start a new one without it."
        ) from error


class Preparation:
    """Decodes the files of some rows and brings them to one size.

    Args:
        table: Where the files stand.
        preprocessing: Size and filter.
    """

    def __init__(self, table: ImageTable, preprocessing: Preprocessing) -> None:
        self.table = table
        self.preprocessing = preprocessing

    def __call__(self, rows: np.ndarray) -> Prepared:
        """Prepare rows (B,) of the table."""
        parts = [self.prepare(row) for row in rows.tolist()]
        images, planes, shares, sizes = zip(*parts, strict=True)
        return Prepared(torch.stack(images), torch.stack(planes), np.array(shares), np.array(sizes))

    def prepare(self, row: int) -> tuple[Tensor, Tensor, float, tuple[int, int]]:
        """Image (3, H, W), planes (R, H, W), share of the ROI and native size of one row.

        Raises:
            ValueError: A file of it cannot be read.
        """
        with naming(self.table, row):
            pixels = read_image(self.table.image_path(row), self.table.window)
            size = pixels.shape[:2]
            planes = read_regions(self.table, row, *size)
        share = np.count_nonzero(planes.any(axis=0)) / (size[0] * size[1])
        return *resize_together(pixels, planes, self.preprocessing), share, size
