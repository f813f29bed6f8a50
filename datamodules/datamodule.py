"""LightningDataModule: loaders of batches ``image, roi, has_roi, label, id``.

``weight`` and ``distractors`` are there where the table has them.
"""

import os
import signal
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from lightning.pytorch import LightningDataModule
from torch.utils.data import BatchSampler, DataLoader, SequentialSampler

from datamodules.augmentation.augmentation import Augmentation
from datamodules.loading.cache import ImageCache
from datamodules.loading.dataset import ROIDataset, as_loaded
from datamodules.loading.features import FeatureDataset
from datamodules.loading.sampler import EpochSampler
from datamodules.loading.sequences import find_sequences
from datamodules.loading.shares import FilledBatches, PartsOfBatches, WholeBatches
from datamodules.loading.transforms import Preprocessing
from datamodules.options import DataOptions
from datamodules.tables.table import ImageTable

# as the network makes features of images: the same whatever data.batch_size is
SHOWN_TOGETHER = 32
# so few are read before workers have started
FEW_BATCHES = 4


class ROIDataModule(LightningDataModule):
    """Loaders for the splits of a table.

    Args:
        table: The images.
        options: Batch size, workers and what else the user said of the data.
        preprocessing: What the backbone expects.
        augmentation: Of the training images; None: none.
        seed: Of order and augmentation.
        cache: Keeps decoded images; None: they are decoded each time.

    Training and validation load what ``features`` holds of their split in the place of its images.
    """

    def __init__(
        self,
        table: ImageTable,
        options: DataOptions,
        preprocessing: Preprocessing,
        augmentation: Augmentation | None,
        seed: int,
        cache: ImageCache | None = None,
    ) -> None:
        super().__init__()
        self.table = table
        self.options = options
        self.preprocessing = preprocessing
        self.augmentation = augmentation
        self.seed = seed
        self.cache = cache
        self.features: dict[str, np.ndarray] = {}
        self._place: dict[str, int] | None = None  # of a continued run

    def state_dict(self) -> dict[str, int]:
        """Where training stands: the epoch, and how many of its batches are done."""
        loop = self.trainer.fit_loop
        epochs, batches = loop.epoch_progress.current, loop.epoch_loop.batch_progress.current
        inside = epochs.started > epochs.processed
        return {"epoch": epochs.processed, "batch": batches.processed if inside else 0}

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        """Go on from there; Lightning calls this before it asks for a loader."""
        self._place = dict(state_dict)

    def dataset(self, split: str, augmented: bool = False) -> ROIDataset:
        """Build the data set of a split; evaluation transform unless augmented."""
        augmentation = self.augmentation if augmented else None
        # distractors are asked about, never trained with, also where no augmentation is chosen
        table = replace(self.table, distractors={}) if augmented else self.table
        rows = table.rows_of(split)
        return self._read(table, rows, augmentation)

    def train_dataloader(self) -> DataLoader:  # noqa: D102
        dataset = self._recall("train")
        balanced = self.options.imbalance == "balanced_sampler"
        sampler = EpochSampler(
            len(dataset),
            self.seed,
            find_sequences(self.table, dataset.rows, self.options.frames_per_sequence),
            self.table.labels[dataset.rows] if balanced else None,
        )
        # Lightning makes the first iterator before it calls set_epoch, also when it resumes
        epoch = self.trainer.current_epoch if self.trainer is not None else 0
        place = self._place or {"epoch": epoch, "batch": 0}
        sampler.start_at(place["epoch"], place["batch"] * self.options.batch_size)
        # BatchNorm has no variance of one image: a rest of one is left out of that epoch
        size = self.options.batch_size
        drop_last = len(sampler) > size and len(sampler) % size == 1
        return self._loader(dataset, PartsOfBatches, sampler=sampler, drop_last=drop_last)

    def val_dataloader(self) -> DataLoader:  # noqa: D102
        return self._loader(self._recall("val"), WholeBatches)

    def test_dataloader(self) -> DataLoader:  # noqa: D102
        return self._loader(self.dataset("test"), WholeBatches, filled=True)

    def _recall(self, split: str) -> ROIDataset | FeatureDataset:
        dataset = self.dataset(split, augmented=split == "train")
        kept = self.features.get(split)
        return dataset if kept is None else FeatureDataset(dataset, kept)

    def show_loader(self, split: str) -> DataLoader:
        """Load the images of a split once, in their order, as an epoch without chance sees them.

        Every batch has ``SHOWN_TOGETHER`` images; the last repeats its last image.
        """
        dataset = self.dataset(split, augmented=split == "train")
        order = [*range(len(dataset)), *[len(dataset) - 1] * (-len(dataset) % SHOWN_TOGETHER)]
        changes = {"batch_size": SHOWN_TOGETHER, "persistent_workers": False}
        return self._loader(dataset, sampler=order, **changes)

    def sample_loader(self, rows: np.ndarray) -> DataLoader:
        """Load some rows of the table once, in this order, by the evaluation transform."""
        dataset = self._read(self.table, rows)
        changes: dict[str, Any] = {"persistent_workers": False}
        if len(rows) <= FEW_BATCHES * self.options.batch_size:
            changes["num_workers"] = 0
        return self._loader(dataset, **changes)

    def _read(
        self, table: ImageTable, rows: np.ndarray, augmentation: Augmentation | None = None
    ) -> ROIDataset:
        return ROIDataset(table, rows, self.preprocessing, augmentation, self.seed, self.cache)

    def _loader(
        self,
        dataset: ROIDataset | FeatureDataset,
        share: type[PartsOfBatches | WholeBatches] | None = None,
        filled: bool = False,
        **changes: Any,  # noqa: ANN401
    ) -> DataLoader:
        """Load a data set; ``share`` is what one of several processes takes of it, None: all.

        ``filled``: all batches have the same size, see ``FilledBatches``.
        """
        # features are there: a process that loads them would only carry them about
        workers = self.num_workers if dataset.images is dataset else 0
        settings = {
            "batch_size": self.options.batch_size,
            "num_workers": workers,
            "collate_fn": as_loaded,
            "persistent_workers": workers > 0,
            "pin_memory": torch.cuda.is_available(),
            "worker_init_fn": leave_interrupts if workers else None,
        }
        settings |= changes
        several = self.trainer is not None and self.trainer.world_size > 1
        if filled or (share is not None and several):
            sampler = settings.pop("sampler", SequentialSampler(dataset))
            whole = settings.pop("batch_size"), settings.pop("drop_last", False)
            batches = BatchSampler(sampler, *whole)
            batches = FilledBatches(batches) if filled else batches
            if several:
                batches = share(batches, self.trainer.global_rank, self.trainer.world_size)
            settings["batch_sampler"] = batches
        return DataLoader(dataset, **settings)

    @property
    def num_workers(self) -> int:
        """Loading processes: as asked, else one a CPU core up to 8 and none on a single core.

        Processes that train on one machine share its cores.
        """
        if self.options.num_workers is not None:
            return self.options.num_workers
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        own = (cores or 1) // (self.trainer.num_devices if self.trainer is not None else 1)
        return min(8, own) if own > 1 else 0


def leave_interrupts(worker: int) -> None:
    """Let the training process alone decide what Ctrl-C means: it still wants its batch."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
