"""Examples of the same image on four backgrounds."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from lightning.pytorch import Trainer

from datamodules.datamodule import ROIDataModule
from datamodules.splitting.sample import choose_sample
from lightning_modules.evaluation.examples.backgrounds import Swapped, swap_backgrounds
from lightning_modules.evaluation.examples.composing import Composer
from lightning_modules.evaluation.examples.sections import Section
from lightning_modules.evaluation.interventions.changes import add_border
from lightning_modules.evaluation.interventions.donors import gather_donors
from lightning_modules.evaluation.predictions import PredictionTable
from lightning_modules.roi_classifier import ROIClassifier

ASKED = 8  # images are asked about for each one shown, so that one that flips may be among them
DONORS = 8  # of each class, at most, and of all classes
MOST_DONORS = 64


def show_exchanged(
    model: ROIClassifier,
    data: ROIDataModule,
    rows: np.ndarray,
    predictions: PredictionTable,
    composer: Composer,
    num: int,
    trainer: Trainer,
) -> list[Section]:
    """The section of exchanged backgrounds; none where no image can be shown on another.

    Args:
        model: On the device where it was tested.
        data: Its images.
        rows: Of the table of images, those of the predictions.
        predictions: Of the test.
        composer: Of the examples.
        num: Half of it is shown.
        trainer: That tested.
    """
    swapped = _ask(model, data, rows, num, trainer)
    if not swapped:
        return []
    number = max(1, num // 2)
    shown, rest = swapped[:number], swapped[number:]
    flipped = [one for one in rest if one.flips][:1]
    num_flipped = sum(one.flips for one in swapped)
    note = (
        f"{len(swapped)} images were drawn at random (seed {data.seed}) and asked about on three "
        f"other backgrounds; {num_flipped} of them changed their answer on one or more. Shown are "
        f"the first {len(shown)}"
    )
    note += ", and one more that was chosen because its answer changes." if flipped else "."
    row_of = {name: row for row, name in enumerate(predictions.ids)}
    examples = [composer.show_swapped(row_of[one.id], one) for one in [*shown, *flipped]]
    return [Section("backgrounds", "The same image on four backgrounds", note, examples)]


def _ask(
    model: ROIClassifier, data: ROIDataModule, rows: np.ndarray, num: int, trainer: Trainer
) -> list[Swapped]:
    table, seed = data.table, data.seed
    candidates = rows[table.annotated[rows].all(axis=1)]
    classes = np.unique(table.labels[candidates])
    if len(classes) < 2:
        return []
    sample = choose_sample(candidates, table.labels, table.groups, ASKED * max(1, num // 2), seed)
    most = max(min(DONORS * len(classes), MOST_DONORS), 2 * len(classes))
    lending = choose_sample(candidates, table.labels, table.groups, most, seed + 1)
    unit_of = table.units_of(np.union1d(sample, lending))

    def load(chosen: np.ndarray) -> Iterable[dict[str, Any]]:
        return map(add_border, data.sample_loader(chosen))

    device = trainer.strategy.root_device
    donors = gather_donors(load(lending), unit_of, classes.tolist(), device)
    if donors is None:
        return []
    context = trainer.precision_plugin.forward_context
    network, colours = model.network.eval(), model.preprocessing
    return swap_backgrounds(network, load(sample), donors, unit_of, colours, seed, context)
