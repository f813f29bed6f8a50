"""Temperature and thresholds: chosen on validation by the tested checkpoint, then frozen."""

import logging
from pathlib import Path

import numpy as np
from lightning.pytorch import Trainer

from lightning_modules.callbacks import Predictions
from lightning_modules.evaluation.calibration_file import (
    NAME,
    Calibration,
    write_calibration,
)
from lightning_modules.evaluation.predictions import PredictionTable
from lightning_modules.evaluation.scores.fitting import (
    Origin,
    find_hindrance,
    fit_calibration,
)
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
        None where there is no validation image, or nothing can be chosen by their answers.
    """
    rows = objects.data.table.rows_of("val")
    (file.parent / NAME).unlink(missing_ok=True)
    if not len(rows) or not trainer.limit_val_batches:
        log.info("No temperature and no thresholds: nothing is validated that they could go by.")
        return None
    table = _predict(objects, trainer, rows)
    hindrance = find_hindrance(table)
    if hindrance is not None:
        log.info("No temperature and no thresholds were chosen on validation: %s.", hindrance)
        return None
    options = instantiate(plan.config["scores"])
    origin = Origin(file.name, hash_file(file))
    calibration = fit_calibration(table, objects.data.table.positive_class, options, origin)
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
