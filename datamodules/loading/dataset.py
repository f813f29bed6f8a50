"""A batch at a time, a pure function of (seed, epoch, row)."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from datamodules.augmentation.augmentation import Augmentation
from datamodules.augmentation.draws import Draws
from datamodules.loading.cache import ImageCache
from datamodules.loading.preparation import Preparation
from datamodules.loading.shares import Borrowed, Filled
from datamodules.loading.transforms import Preprocessing
from datamodules.regions.planes import read_distractors, resize_generously
from datamodules.tables.table import ImageTable

# of a sample: its index, or (epoch, index), or (epoch, index, repeat)
Key = int | tuple[int, ...]


class ROIDataset(Dataset):
    """Images of some rows of a table with their regions.

    ``dataset.load(keys)`` makes a batch; a ``DataLoader`` asks for it by ``__getitems__``.

    Args:
        table: All images.
        rows: (N,) which of its rows.
        preprocessing: Size and filter of the network's input.
        augmentation: Of image and regions together; None: evaluation, where a batch also carries
            the table's distractors.
        seed: Of the augmentation.
        cache: Keeps what was decoded; None: every image is decoded each time.
    """

    def __init__(
        self,
        table: ImageTable,
        rows: np.ndarray,
        preprocessing: Preprocessing,
        augmentation: Augmentation | None = None,
        seed: int = 0,
        cache: ImageCache | None = None,
    ) -> None:
        self.table = table
        self.rows = rows
        self.preprocessing = preprocessing
        self.augmentation = augmentation
        self.seed = seed
        self.has_roi = table.has_roi()[rows]
        self.annotated = table.annotated[rows]
        size = preprocessing.size
        wanted = size if augmentation is None else augmentation.prepared_size(size)
        preparation = Preparation(table, replace(preprocessing, size=wanted))
        self.prepare = preparation if cache is None else cache.keep(preparation, len(rows))

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def images(self) -> "ROIDataset":
        """The data set that reads images: itself (see ``FeatureDataset``)."""
        return self

    def __getitem__(self, key: Key) -> dict[str, Any]:
        """A batch of one."""
        return self.load([key])

    def __getitems__(self, keys: Sequence[Key]) -> dict[str, Any]:
        """A batch; ``borrowed`` (true) is there where its images count in another process.

        ``num_own`` is there where it was filled up: the images that are its own, its first.
        """
        batch = self.load(keys)
        if isinstance(keys, Filled):
            return batch | {"num_own": keys.num_own}
        return batch | {"borrowed": True} if isinstance(keys, Borrowed) else batch

    def load(self, keys: Sequence[Key]) -> dict[str, Any]:
        """Make a batch.

        ``image`` float (B, 3, H, W) normalised, ``roi`` bool (B, R, H, W), ``label`` (B,), ``id``.
        ``has_roi`` (B, R) is what a gate may use, ``annotated`` (B, R) what the user has annotated,
        ``detected`` (B,) whether a detector did it. ``roi_share`` (B,) is the share of the image
        that its ROI covers in its own pixels, before any resampling. ``weight`` (B,) is there where
        the table has it, ``distractors`` bool (B, K, H, W) where images are evaluated and the table
        names any.
        """
        epochs, indices, repeats = read_keys(keys)
        rows, table = self.rows[indices], self.table
        prepared = self.prepare(rows)
        with one_thread():
            if self.augmentation is None:
                image, roi = prepared.image, prepared.roi
            else:
                draws = Draws.of(self.seed, epochs, rows, repeats)
                size = self.preprocessing.size
                image, roi = self.augmentation(prepared.image, prepared.roi, draws, size)
            image = self.preprocessing.normalise(image)
        batch = {
            "image": image,
            "roi": roi,
            "has_roi": torch.from_numpy(self.has_roi[indices]),
            "annotated": torch.from_numpy(self.annotated[indices]),
            "detected": torch.from_numpy(table.detected[rows]),
            "roi_share": torch.from_numpy(prepared.roi_share).float(),
            **self.describe(indices),
        }
        if table.distractors and self.augmentation is None:
            batch["distractors"] = self._read_distractors(rows, prepared.native_size)
        return batch

    def describe(self, indices: np.ndarray) -> dict[str, Any]:
        """What the table says of images (B,): ``label`` and ``id``, ``weight`` where it has it."""
        rows, table = self.rows[indices], self.table
        described = {
            "label": torch.from_numpy(table.labels[rows]),
            "id": [table.ids[row].as_py() for row in rows.tolist()],
        }
        if table.weights is not None:
            described["weight"] = torch.from_numpy(table.weights[rows]).float()
        return described

    def _read_distractors(self, rows: np.ndarray, sizes: np.ndarray) -> Tensor:
        """(B, K, H, W) bool."""
        steps, planes = self.preprocessing, []
        for row, size in zip(rows.tolist(), sizes.tolist(), strict=True):
            drawn = read_distractors(self.table, row, *size)
            planes.append(resize_generously(drawn, steps.size, steps.interpolation))
        return torch.from_numpy(np.stack(planes))


def as_loaded(batch: dict[str, Any]) -> dict[str, Any]:
    """The data set has made a whole batch: there is nothing to collate."""
    return batch


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute as a loading process does, so that no bit depends on their number."""
    before = torch.get_num_threads()
    if before == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def read_keys(keys: Sequence[Key]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Epoch, index and repeat of each key, (B,) each."""
    whole = [(0, key, 0) if not isinstance(key, tuple) else (*key, 0)[:3] for key in keys]
    epochs, indices, repeats = np.array(whole, np.int64).T
    return epochs, indices, repeats
