"""slices=: the test once more under glare, blur and their like, at three strengths each."""

import logging
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from lightning.pytorch import Trainer
from torch.utils.data import DataLoader

from datamodules.splitting.sample import choose_sample
from lightning_modules.callbacks import Predictions
from lightning_modules.evaluation.robustness.answers import Colours, Examiner
from lightning_modules.evaluation.robustness.names import STRENGTHS
from lightning_modules.evaluation.robustness.picture import draw_slices
from lightning_modules.evaluation.robustness.table import (
    describe,
    measure_slices,
    name_metrics,
    tabulate,
)
from workflow.evaluating.testing import tested_rows
from workflow.objects import Objects

log = logging.getLogger(__name__)


def measure_robustness(
    objects: Objects, trainer: Trainer, slices: Sequence[str], num_images: int, folder: Path
) -> dict[str, Any]:
    """Ask the model that was tested about corrupted images, say what came of it, draw one of them.

    Args:
        objects: Of the test.
        trainer: That tested.
        slices: Names; none: nothing is done.
        num_images: Of a seeded sample of the tested images, classes and groups alike, at most.
        folder: ``robustness.png`` goes there.

    Returns:
        Metrics by name.
    """
    if not slices:
        return {}
    model, data, table = objects.model, objects.data, objects.data.table
    predictions = next(c.table for c in trainer.callbacks if isinstance(c, Predictions))
    rows = tested_rows(table, set(predictions.answered.ids))
    if not len(rows):
        log.info("No slices: no image got an answer.")
        return {}
    sample = choose_sample(rows, table.labels, table.groups, num_images, data.seed)
    log.info(
        "Robustness: %d of %d images, seed %d, each under %d slices at %d strengths. What changes "
        "is the whole image, before the gate; the ROI stays.",
        len(sample), len(rows), data.seed, len(slices), len(STRENGTHS),
    )  # fmt: skip
    colours = Colours(model.preprocessing["mean"], model.preprocessing["std"])
    model.to(trainer.strategy.root_device)
    try:
        context = trainer.precision_plugin.forward_context
        examiner = Examiner(model.network, colours, table.units_of(sample), data.seed, context)
        answers = examiner.ask(_watch(data.sample_loader(sample)), slices)
        (one,) = data.sample_loader(sample[:1])
        _draw(examiner, one, slices, table.class_names, folder)
    finally:
        model.cpu()
    rows_of, scores = measure_slices(answers, len(table.class_names))
    for line in tabulate(rows_of, scores):
        log.info("  %s", line)
    log.info(describe(rows_of))
    return name_metrics(rows_of, scores)


def _watch(loader: DataLoader) -> Iterator[dict[str, Any]]:
    """Pass batches on and show how far it is: a bar on a terminal, else a line a quarter."""
    total = len(loader)
    if sys.stderr.isatty():
        from tqdm import tqdm

        yield from tqdm(loader, desc="Robustness", unit="batch", leave=False)
        return
    quarters = {round(total * part / 4) for part in (1, 2, 3)} if total >= 8 else set()
    for number, batch in enumerate(loader):
        if number in quarters:
            log.info("Robustness: %d of %d batches.", number, total)
        yield batch


def _draw(
    examiner: Examiner,
    batch: dict[str, Any],
    slices: Sequence[str],
    class_names: Sequence[str],
    folder: Path,
) -> None:
    pixels, captions = {}, {}
    shown: Iterable = [("clean", batch["image"]), *examiner.corrupted(batch, slices)]
    for name, image in shown:
        probs = examiner.answer(batch, image).logits.float().softmax(dim=1)[0].cpu().numpy()
        best = int(np.argmax(probs))
        pixels[name] = examiner.colours.to_pixels(image)[0]
        captions[name] = f"{name}: {class_names[best]} {probs[best]:.2f}"
    draw_slices(pixels, captions, slices).save(folder / "robustness.png")
