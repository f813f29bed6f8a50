"""Temperature and thresholds: chosen on validation by the tested checkpoint, then frozen."""

import logging
from pathlib import Path

import numpy as np
from lightning.pytorch import Trainer

from lightning_modules.callbacks import Predictions
from lightning_modules.evaluation.calibration_file import (
    NAME,
    Calibration,
    read_calibration,
    write_calibration,
)
from lightning_modules.evaluation.predictions import PredictionTable
from lightning_modules.evaluation.scores.fitting import Origin, fit_calibration
from lightning_modules.run_files import hash_file
from workflow.objects import Objects
from workflow.plan import Plan, instantiate

log = logging.getLogger(__name__)


def calibrate(plan: Plan, objects: Objects, trainer: Trainer, file: Path) -> Calibration | None:
    """Predict the validation images, keep the table, and freeze what is chosen by it.

    Args:
        plan: Of the run.
        objects: With the model of the checkpoint.
        trainer: Tests next.
        file: The checkpoint; ``calibration.json`` goes beside it.

    Returns:
        None where there is no validation image.
    """
    rows = objects.data.table.rows_of("val")
    (file.parent / NAME).unlink(missing_ok=True)
    if not len(rows) or not trainer.limit_val_batches:
        log.info("No temperature and no thresholds: nothing is validated that they could go by.")
        return None
    table = _predict(objects, trainer, rows)
    options = instantiate(plan.config["scores"])
    origin = Origin(file.name, hash_file(file))
    calibration = fit_calibration(table, objects.data.table.positive_class, options, origin)
    if calibration is None:
        log.info(
            "No temperature and no thresholds: no validation image has an answer, or some answers "
            "are not numbers."
        )
        return None
    write_calibration(calibration, file.parent)
    return calibration


def _predict(objects: Objects, trainer: Trainer, rows: np.ndarray) -> PredictionTable:
    callback = next(c for c in trainer.callbacks if isinstance(c, Predictions))
    callback.file_name = "val_predictions.csv"
    try:
        trainer.test(objects.model, objects.data.sample_loader(rows), verbose=False)
    finally:
        callback.file_name = "predictions.csv"
    return callback.table


def find_calibration(file: Path, chosen_here: bool) -> Calibration | None:
    """The frozen calibration of a checkpoint that is evaluated; None: there is none that fits.

    Args:
        file: The checkpoint.
        chosen_here: Whether the images that it was chosen on are among those evaluated.
    """
    calibration = read_calibration(file.parent)
    if calibration is None:
        log.info(
            "No %s lies beside the checkpoint: no temperature, no threshold, no abstaining.", NAME
        )
        return None
    same = Path(calibration.checkpoint).stem == file.stem
    if not same or (file.suffix == ".ckpt" and hash_file(file) != calibration.checkpoint_hash):
        log.warning(
            "%s was chosen for %s%s, and is NOT used: no temperature, no threshold, no abstaining.",
            file.parent / NAME,
            "an earlier state of " if same else "",
            calibration.checkpoint,
        )
        return None
    log.info(
        "Temperature and thresholds are those of %s, chosen on %d validation images of the run; %s",
        file.parent / NAME,
        calibration.num_images,
        "these are evaluated here, which flatters them."
        if chosen_here
        else "nothing is fitted to the images evaluated here.",
    )
    return calibration
