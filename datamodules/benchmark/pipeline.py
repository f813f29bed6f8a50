"""Images per second of one core: this project's training batches beside the usual pipeline."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torchvision import datasets, transforms

from datamodules.augmentation.augmentation import Augmentation
from datamodules.loading.cache import ImageCache
from datamodules.loading.dataset import ROIDataset, one_thread
from datamodules.loading.transforms import Preprocessing
from datamodules.sources import ManifestData

SIDE, BATCH, ROUNDS = 224, 32, 5
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
# the four of torchvision's ColorJitter, and its rotation
JITTER = {"brightness": 0.2, "contrast": 0.2, "saturation": 0.2, "hue": 0.05}
DEGREES = 10
USUAL = "torchvision v1"


def measure_pipelines(manifest: Path, folder: Path) -> dict[str, float]:
    """Images per second of CPU time by pipeline, the median of ``ROUNDS`` rounds in turn.

    Args:
        manifest: Of photographs, each with a mask, in class folders below ``images``.
        folder: For the cache.
    """
    images = manifest.parent / "images"
    epochs = {
        USUAL: _usual(images, JITTER),
        f"{USUAL}, without hue": _usual(images, JITTER | {"hue": 0}),
        "decoded each time": _own(manifest, None),
        "from the cache": _own(manifest, ImageCache(folder, 10.0)),
    }
    epochs["from the cache"](0)  # fill it
    speeds: dict[str, list[float]] = {name: [] for name in epochs}
    with one_thread():
        for number in range(1, ROUNDS + 1):
            for name, epoch in epochs.items():
                started = time.process_time()
                count = epoch(number)
                speeds[name].append(count / (time.process_time() - started))
    return {name: float(np.median(found)) for name, found in speeds.items()}


def _usual(images: Path, jitter: dict[str, float]) -> Callable[[int], int]:
    """An epoch of ``ImageFolder`` with torchvision's first transforms on Pillow images."""
    steps = transforms.Compose(
        [
            transforms.Resize((SIDE, SIDE)),
            transforms.RandomHorizontalFlip(),
            transforms.RandomRotation(DEGREES),
            transforms.ColorJitter(**jitter),
            transforms.ToTensor(),
            transforms.Normalize(MEAN, STD),
        ]
    )
    loader = torch.utils.data.DataLoader(
        datasets.ImageFolder(images, steps), BATCH, shuffle=True, num_workers=0
    )

    def epoch(number: int) -> int:
        torch.manual_seed(number)
        return sum(len(labels) for _, labels in loader)

    return epoch


def _own(manifest: Path, cache: ImageCache | None) -> Callable[[int], int]:
    table = ManifestData(manifest=str(manifest)).read(0)
    augmentation = Augmentation(table.region_names, horizontal_flip=0.5, rotation=DEGREES, **JITTER)
    steps = Preprocessing((SIDE, SIDE), MEAN, STD, "bilinear")
    dataset = ROIDataset(table, np.arange(len(table)), steps, augmentation, 0, cache)

    def epoch(number: int) -> int:
        order = np.random.default_rng(number).permutation(len(dataset)).tolist()
        for start in range(0, len(order), BATCH):
            dataset.load([(number, index) for index in order[start : start + BATCH]])
        return len(order)

    return epoch
