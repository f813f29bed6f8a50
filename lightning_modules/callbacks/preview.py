"""preview.png and masks.png: images as they are loaded, and as the backbone sees them."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from PIL import Image, ImageDraw
from torch.utils.data import DataLoader

from lightning_modules.captions import caption_font
from lightning_modules.objective import run_network
from lightning_modules.pictures import find_rim, to_pixels

CAPTION = 14  # pixels below each picture
LEAST_SIDE = 112
OUTLINE = np.array([255, 64, 64], np.uint8)


class Preview(Callback):
    """Draw a sheet before training: above the images with their regions outlined, below the gated.

    ``preview.png`` shows training images; where masks are predicted, ``masks.png`` test images.

    Args:
        num_images: Columns of the sheet, at least 1; classes take turns.
    """

    def __init__(self, num_images: int = 8) -> None:
        if num_images < 1:
            raise ValueError(f"callbacks.preview.num_images is {num_images}, expected at least 1.")
        self.num_images = num_images

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: D102
        (Path(trainer.default_root_dir) / "masks.png").unlink(missing_ok=True)
        self._draw(trainer, pl_module, trainer.train_dataloader, "preview.png")

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: D102
        # a second test compares margins, and the model is used with that of the first
        drawn = (Path(trainer.default_root_dir) / "masks.png").exists()
        if pl_module.network.gate.locator is not None and not drawn:
            self._draw(trainer, pl_module, trainer.test_dataloaders, "masks.png")

    def _draw(
        self, trainer: Trainer, pl_module: LightningModule, loader: DataLoader, name: str
    ) -> None:
        if not trainer.is_global_zero:
            return
        dataset = loader.dataset.images
        batch = dataset.load(pick_by_class(dataset, self.num_images))
        batch = pl_module.transfer_batch_to_device(batch, pl_module.device, 0)
        names = pl_module.hparams.class_names
        sheet = draw_sheet(pl_module, batch, [names[label] for label in batch["label"].tolist()])
        sheet.save(Path(trainer.default_root_dir) / name)


def pick_by_class(dataset: Any, num_images: int) -> list[int]:  # noqa: ANN401
    """Indices of the first images of each class in turn."""
    labels = dataset.table.labels[dataset.rows]
    by_class = [np.flatnonzero(labels == label).tolist() for label in np.unique(labels)]
    turns = [rows[turn] for turn in range(num_images) for rows in by_class if turn < len(rows)]
    return turns[:num_images]


@torch.no_grad()
def draw_sheet(
    pl_module: LightningModule, batch: dict[str, Any], captions: list[str]
) -> Image.Image:
    """Draw loaded images above what the gate lets through."""
    network = pl_module.network
    training = network.training
    mask = run_network(network.eval(), batch).mask
    network.train(training)
    images = batch["image"], network.gate.hide(batch["image"], mask)
    shown, seen = (to_pixels(image, pl_module.preprocessing) for image in images)
    for picture, planes in zip(shown, batch["roi"].cpu().numpy(), strict=True):
        for plane in planes:
            picture[find_rim(plane)] = OUTLINE
    height, width = shown.shape[1:3]
    zoom = max(1, -(-LEAST_SIDE // width))
    cell = (width * zoom, height * zoom)
    sheet = Image.new("RGB", (len(captions) * cell[0], 2 * cell[1] + CAPTION), "white")
    draw = ImageDraw.Draw(sheet)
    for column, caption in enumerate(captions):
        for line, pictures in enumerate((shown, seen)):
            picture = Image.fromarray(pictures[column]).resize(cell, Image.Resampling.NEAREST)
            sheet.paste(picture, (column * cell[0], line * cell[1]))
        draw.text((column * cell[0] + 3, 2 * cell[1] + 1), caption, "black", caption_font())
    return sheet
