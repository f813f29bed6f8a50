"""label_errors=true: which labels the tested model contradicts."""

import logging
from pathlib import Path

from lightning_modules.evaluation.label_errors import (
    describe_label_errors,
    find_label_errors,
    write_label_errors,
)
from lightning_modules.evaluation.predictions_file import read_predictions

log = logging.getLogger(__name__)


def list_label_errors(folder: Path, num_learned: int) -> dict[str, int]:
    """Write ``label_errors.csv`` of a folder's predictions, and say what it is worth.

    Args:
        folder: Of a test.
        num_learned: Of its images, those that the model was trained on.

    Returns:
        ``num_label_errors``.
    """
    table = read_predictions(folder / "predictions.csv")
    errors = find_label_errors(table)
    write_label_errors(folder / "label_errors.csv", table, errors)
    for sentence in describe_label_errors(table, errors, num_learned):
        log.info(sentence)
    return {"num_label_errors": len(errors)}
