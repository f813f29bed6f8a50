"""Whether an epoch is the same to the bit however it is read."""

import hashlib
import warnings
from pathlib import Path
from typing import Any

import torch

from datamodules.augmentation.augmentation import Augmentation
from datamodules.datamodule import ROIDataModule
from datamodules.loading.cache import ImageCache
from datamodules.loading.transforms import Preprocessing
from datamodules.sources import ManifestData

WAYS = [(0, None), (1, "fork"), (3, "fork"), (1, "spawn"), (3, "spawn")]
STRONG = {
    "horizontal_flip": 0.5,
    "rotation": 15,
    "scale": 0.1,
    "crop": 0.5,
    "brightness": 0.3,
    "contrast": 0.3,
    "saturation": 0.3,
    "hue": 0.05,
    "randaugment": 2,
    "blur": 0.2,
    "erase_outside": 0.25,
    "erase_inside": 0.1,
}


def hash_epochs(manifest: Path, folder: Path) -> dict[str, str]:
    """SHA-256 over all tensors of the second training epoch, by the way it was read."""
    warnings.filterwarnings("ignore", "This DataLoader will create")  # more than there are cores
    hashes = {}
    for cached in (False, True):
        for workers, start in WAYS:
            way = f"{workers} workers" + (f", {start}" if start else "")
            way += ", from the cache" if cached else ""
            cache = ImageCache(folder, 10.0) if cached else None
            hashes[way] = _hash_epoch(manifest, workers, start, cache)
    return hashes


def _hash_epoch(manifest: Path, workers: int, start: str | None, cache: ImageCache | None) -> str:
    options = ManifestData(manifest=str(manifest), num_workers=workers)
    table = options.read(0)
    steps = Preprocessing((128, 128), (0.5,) * 3, (0.25,) * 3, "bicubic")
    augmentation = Augmentation(table.region_names, **STRONG)
    loader = ROIDataModule(table, options, steps, augmentation, 0, cache).train_dataloader()
    loader.sampler.set_epoch(1)
    loader.multiprocessing_context = start
    hashed = hashlib.sha256()
    for batch in loader:
        for name in sorted(batch):
            hashed.update(_bytes(batch[name]))
    return hashed.hexdigest()


def _bytes(value: Any) -> bytes:  # noqa: ANN401
    return value.numpy().tobytes() if torch.is_tensor(value) else repr(value).encode()
