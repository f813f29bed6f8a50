"""What the last layer of a frozen network reads of each image: kept once, loaded in its place."""

import os
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xxhash
from torch import Tensor
from torch.utils.data import Dataset

from datamodules.loading.dataset import Key, ROIDataset, read_keys

SUFFIX = ".npy"
DAY = 86400.0  # seconds
# images that are hashed together
CHUNK = 64


class FeatureDataset(Dataset):
    """Stands in for the data set whose images were shown to the network.

    Args:
        images: That data set.
        kept: (N,) a record for each of its images, as ``pack`` makes them.
    """

    def __init__(self, images: ROIDataset, kept: np.ndarray) -> None:
        assert len(images) == len(kept)
        self.images = images
        self.table, self.rows = images.table, images.rows
        self.kept = kept

    def __len__(self) -> int:
        return len(self.rows)

    def __getitems__(self, keys: Sequence[Key]) -> dict[str, Any]:
        return self.load(keys)

    def load(self, keys: Sequence[Key]) -> dict[str, Any]:
        """Make a batch.

        ``features`` (B, E) is what the last layer reads, ``mask`` bool (B, 1, 1, 1) whether the
        mask that was applied covers anything, ``origin`` (B,) where it came from; ``label``, ``id``
        and ``weight`` as with images.
        """
        _, indices, _ = read_keys(keys)
        records = self.kept[indices]
        return {
            "features": torch.from_numpy(np.ascontiguousarray(records["features"])),
            "mask": torch.from_numpy(records["covers"].copy())[:, None, None, None],
            "origin": torch.from_numpy(records["origin"].astype(np.int64)),
            **self.images.describe(indices),
        }


def pack(features: Tensor, mask: Tensor, origin: Tensor) -> np.ndarray:
    """Records (B,) of a batch: features (B, E), mask (B, 1, H, W) bool, origin (B,)."""
    wide = features.dtype if features.dtype == torch.float64 else torch.float32
    numbers = features.detach().to("cpu", wide).numpy()
    kind = [("features", numbers.dtype, numbers.shape[1:]), ("origin", np.int8), ("covers", bool)]
    records = np.empty(len(numbers), kind)
    records["features"] = numbers
    records["origin"] = origin.cpu().numpy()
    records["covers"] = mask.flatten(1).any(dim=1).cpu().numpy()
    return records


def hash_images(dataset: ROIDataset) -> str:
    """Hash of all that a network is shown of a data set that does not augment, in its order."""
    digest = xxhash.xxh3_128(repr(dataset.preprocessing).encode())
    for start in range(0, len(dataset), CHUNK):
        prepared = dataset.prepare(dataset.rows[start : start + CHUNK])
        for part in (prepared.image, prepared.roi):
            digest.update(np.ascontiguousarray(part.numpy()))
    for part in (dataset.has_roi, dataset.table.detected[dataset.rows]):
        digest.update(np.ascontiguousarray(part))
    return digest.hexdigest()


def write_records(file: Path, parts: Iterable[np.ndarray], num_images: int) -> None:
    """Write records as they come, never more than a part of them in memory.

    Raises:
        OSError: The disk is full or cannot be written to; nothing is left of the file.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with beside.open("wb") as target:
            for number, part in enumerate(parts):
                if not number:
                    kind = np.lib.format.dtype_to_descr(part.dtype)
                    header = {"descr": kind, "fortran_order": False, "shape": (num_images,)}
                    np.lib.format.write_array_header_2_0(target, header)
                target.write(part.tobytes())
        os.replace(beside, file)
    finally:
        beside.unlink(missing_ok=True)


def read_records(file: Path, num_images: int) -> np.ndarray | None:
    """Map a file of records into memory; None: there is none, or not a whole one."""
    try:
        records = np.load(file, mmap_mode="r")
        os.utime(file)  # what was not used longest goes first
    except (OSError, ValueError):
        return None
    return records if records.shape == (num_images,) else None


def make_room(folder: Path, most_bytes: float, kept: set[Path]) -> None:
    """Remove the files that were not used longest until the rest is within the limit.

    What a killed process left half-written goes after a day.
    """
    for left in folder.glob(f".*{SUFFIX}.*"):
        if time.time() - left.stat().st_mtime > DAY:
            left.unlink(missing_ok=True)
    files = sorted(folder.glob(f"*{SUFFIX}"), key=lambda file: file.stat().st_mtime)
    total = sum(file.stat().st_size for file in files)
    for file in files:
        if total <= most_bytes:
            return
        if file not in kept:
            total -= file.stat().st_size
            file.unlink(missing_ok=True)
