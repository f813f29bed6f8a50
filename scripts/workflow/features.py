"""Shows a frozen network every image once, and keeps what its last layer reads of them."""

import logging
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import xxhash
from lightning.pytorch import Trainer
from tqdm import tqdm

from datamodules.datamodule import ROIDataModule
from datamodules.loading.cache import GIGABYTE
from datamodules.loading.features import (
    SUFFIX,
    hash_images,
    make_room,
    pack,
    read_records,
    write_records,
)
from lightning_modules.checkpoint import describe_versions, open_checkpoint
from lightning_modules.durations import say_time
from lightning_modules.networks.head_inputs import watch_head
from lightning_modules.objective import run_network
from lightning_modules.roi_classifier import ROIClassifier
from workflow.places import find_feature_folder
from workflow.plan import Plan

log = logging.getLogger(__name__)


def show_images(
    plan: Plan, model: ROIClassifier, data: ROIDataModule, trainer: Trainer, resume: Path | None
) -> None:
    """Fill ``data.features``, from disk where an earlier run was shown the same.

    Args:
        plan: Of the run.
        model: Whose last layer will be trained; it moves to where that is.
        data: Of the run.
        trainer: Whose device and precision the network computes with.
        resume: Checkpoint that the weights come from; None: they are there.
    """
    if resume is not None:
        weights, prefix = open_checkpoint(resume)["state_dict"], "network."
        own = {k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)}
        model.network.load_state_dict(own)
    model.to(trainer.strategy.root_device)
    trainer.precision_plugin.convert_module(model)
    training = model.training
    model.eval()
    folder = find_feature_folder(plan.options)
    network_key = None if folder is None else _hash_network(plan, model)
    files: set[Path] = set()
    for split in ("train", "val"):
        num_images = len(data.table.rows_of(split))
        parts = _compute(model, data, split, num_images, trainer)
        if folder is None:
            data.features[split] = np.concatenate(list(parts))
            continue
        images_key = hash_images(data.dataset(split, augmented=split == "train"))
        file = folder / f"{network_key}_{images_key}{SUFFIX}"
        files.add(file)
        data.features[split] = _keep(file, parts, num_images)
    if folder is not None:
        make_room(folder, plan.options.cache_gigabytes * GIGABYTE, files)
    model.train(training)


def _keep(file: Path, parts: Iterator[np.ndarray], num_images: int) -> np.ndarray:
    """Records of a file, which is written first where it is not there."""
    records = read_records(file, num_images)
    if records is not None:
        log.info("The frozen backbone was shown %d images before: %s", num_images, file)
        return records
    try:
        write_records(file, parts, num_images)
    except OSError as error:
        raise ValueError(
            f"What the last layer reads of {num_images} images cannot be kept in {file.parent} "
            f"({error}). Name a folder with room (data.cache=<folder>), keep it in memory "
            "(data.cache=off), or show the images in every epoch (data.cache_features=false)."
        ) from error
    records = read_records(file, num_images)
    assert records is not None
    return records


@torch.no_grad()
def _compute(
    model: ROIClassifier, data: ROIDataModule, split: str, num_images: int, trainer: Trainer
) -> Iterator[np.ndarray]:
    """Records of a split, batch by batch."""
    precision, loader, started = trainer.precision_plugin, data.show_loader(split), time.monotonic()
    left = num_images
    for batch in tqdm(
        loader, desc=f"Showing {split} images", unit="batch", leave=False, disable=None
    ):
        batch = model.transfer_batch_to_device(batch, model.device, 0)
        with precision.forward_context(), watch_head(model.network) as seen:
            output = run_network(model.network, precision.convert_input(batch))
        yield pack(seen[0], output.mask, output.origin)[:left]
        left -= len(batch["label"])
    log.info(
        "The frozen backbone has seen %d %s images, once, in %s; the last layer is trained on what "
        "it reads of them.",
        num_images,
        split,
        say_time(time.monotonic() - started),
    )


def _hash_network(plan: Plan, model: ROIClassifier) -> str:
    """Hash of all but the images that features depend on, down to their last bit."""
    context = (plan.config["model"]["backbone"], plan.config["gate"])
    precision = plan.config["trainer"].get("precision")
    machine = (describe_versions(), model.device.type, precision, torch.get_num_threads())
    digest = xxhash.xxh3_128(repr((context, machine)).encode())
    head = {id(value) for value in model.network.backbone.head.state_dict(keep_vars=True).values()}
    for name, value in model.network.state_dict(keep_vars=True).items():
        if id(value) not in head:
            digest.update(name.encode())
            digest.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy())
    return digest.hexdigest()
