"""One sample at a time, a pure function of (seed, epoch, row)."""

from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset
from torchvision.transforms import v2

from datamodules.images import read_image
from datamodules.problems import UnreadableImage
from datamodules.regions import read_distractors, read_regions, resize_generously
from datamodules.table import ImageTable
from datamodules.transforms import Preprocessing, resize_together


class ROIDataset(Dataset):
    """Images of some rows of a table with their regions.

    Args:
        table: All images.
        rows: (N,) which of its rows.
        preprocessing: Size and filter of the network's input.
        augmentation: Applied to image and regions together; None: evaluation, where a sample also
            carries the table's distractors.
        seed: Of the augmentation.
    """

    def __init__(
        self,
        table: ImageTable,
        rows: np.ndarray,
        preprocessing: Preprocessing,
        augmentation: v2.Transform | None = None,
        seed: int = 0,
    ) -> None:
        self.table = table
        self.rows = rows
        self.preprocessing = preprocessing
        self.augmentation = augmentation
        self.seed = seed
        self.has_roi = table.has_roi()[rows]
        self.annotated = table.annotated[rows]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, key: int | tuple[int, int]) -> dict[str, Any]:
        """Read a sample.

        Args:
            key: Its index, or (epoch, index) as the sampler gives it.
        """
        epoch, index = key if isinstance(key, tuple) else (0, key)
        row = int(self.rows[index])
        pixels, planes = self._read(row)
        roi_share = planes.any(axis=0).mean()
        image, roi = resize_together(pixels, planes, self.preprocessing)
        if self.augmentation is not None:
            # the transforms draw from torch's generator: lend them one of their own
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(sample_seed(self.seed, epoch, row))
                image, roi = self.augmentation(image, roi)
        sample = {
            "image": image,
            "roi": roi,
            "has_roi": self.has_roi[index],
            "annotated": self.annotated[index],
            "detected": self.table.detected[row],
            "roi_share": roi_share,
            "label": int(self.table.labels[row]),
            "id": self.table.ids[row].as_py(),
        }
        if self.table.weights is not None:
            sample["weight"] = self.table.weights[row]
        if self.table.distractors and self.augmentation is None:
            sample["distractors"] = self._read_distractors(row, *pixels.shape[:2])
        return sample

    def _read(self, row: int) -> tuple[np.ndarray, np.ndarray]:
        """Image and regions; all were whole before training."""
        try:
            pixels = read_image(self.table.image_path(row))
            return pixels, read_regions(self.table, row, *pixels.shape[:2])
        except Exception as error:  # decoders raise anything on a broken file
            raise UnreadableImage(
                f"{self.table.row_name(row)}: {self.table.image_path(row)} or its mask was whole "
                f"and cannot be read any more ({type(error).__name__}: {error}). Repair the file "
                "and go on with the run (resume=), or start a new one without it."
            ) from error

    def _read_distractors(self, row: int, height: int, width: int) -> torch.Tensor:
        planes = read_distractors(self.table, row, height, width)
        steps = self.preprocessing
        return torch.from_numpy(resize_generously(planes, steps.size, steps.interpolation))


def sample_seed(seed: int, epoch: int, row: int) -> int:
    """Mix three numbers into one seed, so that neighbours do not resemble each other."""
    return int(np.random.SeedSequence([seed, epoch, row]).generate_state(1, np.uint64)[0] >> 1)
