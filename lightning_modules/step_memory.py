"""How much memory a training step takes, found by making one on a copy of the network."""

import copy
import gc
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor

from lightning_modules.build import build
from lightning_modules.objective import training_loss
from lightning_modules.roi_classifier import ROIClassifier

Context = Callable[[], AbstractContextManager]
# of the memory that is free: fragments, larger crops of another batch, and what others take
MARGIN = 0.8
# what is computed beside what is kept for the way back, as a share of that
WORKSPACE = 0.25


def synthesize(model: ROIClassifier, num_images: int) -> dict[str, Any]:
    """A batch of noise of two classes in turn; half of each image is its ROI."""
    height, width = model.image_size
    roi = torch.zeros(num_images, len(model.hparams.region_names), height, width, dtype=torch.bool)
    roi[..., : width // 2] = True
    return {
        "image": torch.randn(num_images, 3, height, width),
        "roi": roi,
        "has_roi": torch.ones(roi.shape[:2], dtype=torch.bool),
        "label": torch.arange(num_images) % 2,
    }


def train_once(model: ROIClassifier, num_images: int, device: torch.device, ways: Context) -> None:
    """Forward, loss, backward and the optimizer's step on a copy, which is then forgotten."""
    network = copy.deepcopy(model.network).to(device).train()
    criterion = copy.deepcopy(model.loss).to(device)
    optimizer = build(model.hparams.optimizer, network)
    batch = {name: value.to(device) for name, value in synthesize(model, num_images).items()}
    with ways():
        loss, _ = training_loss(network, batch, criterion, model.extras)
    loss.backward()
    optimizer.step()


def count_kept_bytes(model: ROIClassifier, num_images: int, ways: Context) -> int:
    """Bytes that a step on a CPU keeps from the way forward for the way back."""
    kept: dict[int, int] = {}
    known = {value.untyped_storage().data_ptr() for value in model.network.state_dict().values()}

    def keep(value: Tensor) -> Tensor:
        storage = value.untyped_storage()
        if storage.data_ptr() not in known:
            kept[storage.data_ptr()] = storage.nbytes()
        return value

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda value: value):
            train_once(model, num_images, torch.device("cpu"), ways)
    return sum(kept.values())


def fits_gpu(model: ROIClassifier, num_images: int, device: torch.device, ways: Context) -> bool:
    """Whether a step fits what is free of a GPU, less ``MARGIN``; it is left as it was."""
    free, _ = torch.cuda.mem_get_info(device)
    before = torch.cuda.memory_reserved(device)
    torch.cuda.reset_peak_memory_stats(device)
    try:
        with torch.random.fork_rng(devices=[device]):
            torch.manual_seed(0)
            train_once(model, num_images, device, ways)
        return torch.cuda.max_memory_reserved(device) <= MARGIN * (free + before)
    except torch.OutOfMemoryError:
        return False
    finally:
        gc.collect()
        torch.cuda.empty_cache()


def count_weight_bytes(model: ROIClassifier) -> int:
    """Bytes of a copy of the weights, their gradients and an optimizer's two running means."""
    return 4 * sum(value.nbytes for value in model.network.parameters())


def find_largest(sizes: Iterable[int], fits: Callable[[int], bool]) -> int | None:
    """The last of rising sizes up to which all fit; None: not even the first does."""
    largest = None
    for size in sizes:
        if not fits(size):
            break
        largest = size
    return largest
