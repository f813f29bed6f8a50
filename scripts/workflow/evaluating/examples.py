"""Examples at the end of a test: images that people look at; a failure in it costs no result."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from lightning.pytorch import Trainer

from datamodules.files.images import read_image
from datamodules.regions.planes import read_regions
from datamodules.splitting.sample import choose_sample
from datamodules.tables.table import ImageTable
from lightning_modules.evaluation.examples.choosing import (
    choose_masks,
    choose_mistakes,
    choose_uncertain,
    second_classes,
)
from lightning_modules.evaluation.examples.composing import Composer, Native
from lightning_modules.evaluation.examples.looks import NO_HEAT, Look, explain_gaps, look
from lightning_modules.evaluation.examples.sections import (
    Section,
    remove_sections,
    write_sections,
)
from lightning_modules.evaluation.predictions import PredictionTable
from lightning_modules.stop_signals import Stopped
from workflow.evaluating.exchanged import show_exchanged
from workflow.objects import Objects
from workflow.plan import Plan, instantiate

log = logging.getLogger(__name__)
# by row: what was seen of an image, and the classes of its heat maps
Looked = dict[int, tuple[Look, tuple[int, ...]]]
MOST_CLASSES = 12  # of which images are shown where there are more than examples


def write_examples(
    plan: Plan, objects: Objects, trainer: Trainer, predictions: PredictionTable
) -> None:
    """Write ``examples/`` beside the metrics of a test; one process of several does.

    Args:
        plan: Of the test; ``report`` says how many are drawn.
        objects: Model and data that were tested.
        trainer: That tested.
        predictions: What came of it.
    """
    if not trainer.is_global_zero:
        return
    folder = Path(trainer.default_root_dir)
    try:
        remove_sections(folder)
        chosen = plan.config.get("report")  # a run from before there were reports has none
        options = None if chosen is None else instantiate(chosen)
        if options is not None and options.write and options.images and options.num_examples:
            sections = _draw(objects, trainer, predictions.answered, options.num_examples)
            write_sections(folder, sections)
    except Stopped:
        raise
    except Exception as error:
        log.warning(
            "No examples could be drawn (%s: %s). All else of the test is whole.",
            type(error).__name__,
            error,
        )


def _draw(objects: Objects, trainer: Trainer, table: PredictionTable, num: int) -> list[Section]:
    if not len(table) or len(table.class_names) < 2:
        return []
    model, data = objects.model, objects.data
    rows = find_rows(data.table, table.ids)
    row_of = dict(zip(table.ids, rows.tolist(), strict=True))
    composer = Composer(table, lambda name: _read(data.table, row_of[name]))
    mistakes, uncertain = choose_mistakes(table, num), choose_uncertain(table, num)
    masks = choose_masks(table)
    asked = sorted({*mistakes, *uncertain, *masks.values()})
    pairs = np.stack([table.predicted[asked], second_classes(table, asked)], axis=1).tolist()
    classes = {table.ids[row]: tuple(pair) for row, pair in zip(asked, pairs, strict=True)}
    model.to(trainer.strategy.root_device)
    try:
        batches = data.sample_loader(rows[asked]) if asked else ()
        looks = look(model.network, batches, classes, model.preprocessing)
        exchanged = show_exchanged(model, data, rows, table, composer, num, trainer)
    finally:
        model.cpu()
    if any(one.heat is None for one in looks.values()):
        log.info(NO_HEAT)
    looked = {row: (looks[table.ids[row]], classes[table.ids[row]]) for row in asked}
    return [
        _show_data(data.table, rows, table, composer, num, data.seed),
        *_show_answers(table, composer, looked, mistakes, uncertain),
        *exchanged,
        *_show_masks(composer, looked, masks),
    ]


def _show_answers(
    table: PredictionTable,
    composer: Composer,
    looked: Looked,
    mistakes: Sequence[int],
    uncertain: Sequence[int],
) -> list[Section]:
    num_wrong = int((~table.correct).sum())
    spread = "groups" if table.groups is not None else "pairs of classes"
    told = (
        (
            "mistake",
            "Most confident mistakes",
            f"{num_wrong} of {len(table)} answers are wrong. Shown are those of the highest "
            f"probability, {spread} taking turns.",
            mistakes,
        ),
        (
            "uncertain",
            "Most uncertain answers",
            "Shown are the images whose first two classes are closest to each other, "
            f"{spread} taking turns.",
            uncertain,
        ),
    )
    return [
        Section(
            kind,
            title,
            " ".join([note, *explain_gaps([looked[row][0] for row in chosen])]),
            [composer.show_answer(row, *looked[row]) for row in chosen],
        )
        for kind, title, note, chosen in told
    ]


def _show_masks(composer: Composer, looked: Looked, masks: dict[str, int]) -> list[Section]:
    if not masks:
        return []
    drawn = [composer.show_mask(row, looked[row][0], rank) for rank, row in masks.items()]
    title = "Predicted masks: best, median and worst"
    note = "By their overlap with your ROI (Dice: 1 is the same, 0 apart)."
    return [Section("masks", title, note, drawn)]


def _show_data(
    source: ImageTable,
    rows: np.ndarray,
    table: PredictionTable,
    composer: Composer,
    num: int,
    seed: int,
) -> Section:
    number = max(num, min(len(table.class_names), MOST_CLASSES))
    sample = choose_sample(rows, source.labels, source.groups, number, seed)
    place = {row: index for index, row in enumerate(rows.tolist())}
    chosen = sorted((place[row] for row in sample.tolist()), key=lambda row: table.labels[row])
    note = f"Tested images, drawn at random (seed {seed}), classes and groups alike."
    return Section("data", "Images of each class", note, [composer.show_data(r) for r in chosen])


def find_rows(table: ImageTable, ids: Sequence[str]) -> np.ndarray:
    """Rows (N,) of a table that have these ids."""
    places = pc.index_in(pa.array(ids, table.ids.type), table.ids)
    return places.to_numpy(zero_copy_only=False).astype(np.int64)


def _read(table: ImageTable, row: int) -> Native:
    pixels = read_image(table.image_path(row), table.window)
    return Native(pixels, read_regions(table, row, *pixels.shape[:2]))
