"""Images that a model has learned from are no test of it."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc

from datamodules.checks.trained_on import TrainedOn
from datamodules.problems import list_some
from datamodules.tables.table import ImageTable
from workflow.split_file import read_content

log = logging.getLogger(__name__)


def read_record(record: dict[str, Any]) -> TrainedOn | None:
    """The training images that a checkpoint remembers; None: it was written before they were."""
    kept = record.get("trained_on")
    return None if kept is None else TrainedOn(**kept | {"hashes": kept["hashes"].numpy()})


def check_learned(
    trained_on: TrainedOn | None,
    split_file: Path,
    table: ImageTable,
    content: np.ndarray,
    allowed: bool,
) -> int:
    """Stop where images to evaluate are among those that the model was trained on.

    Args:
        trained_on: What the checkpoint remembers of them; None: nothing.
        split_file: The run's split.csv, which tells its validation images.
        table: The images; those of the test are evaluated.
        content: (rows,) hash of the pixels of each.
        allowed: Whether it only is to be said.

    Returns:
        How many there are, as far as the checkpoint can tell.

    Raises:
        ValueError: There are some, and nobody asked for them.
    """
    rows = table.rows_of("test")
    if trained_on is None:
        log.info("The checkpoint does not say which images it was trained on.")
        return 0
    known = rows[trained_on.knows(content[rows])]
    if len(known):
        examples = list_some([table.row_name(row) for row in known[:3].tolist()], 3, len(known))
        sentence = (
            f"{_at_least(trained_on)}{len(known)} of {len(rows)} images are images that the model "
            f"was trained on (the same pixels, whatever their name): {examples}. Their scores are "
            "none of a test"
        )
        if not allowed:
            raise ValueError(
                f"{sentence}: leave them out, choose another split (split=test), or ask for it "
                "(allow_trained=true)."
            )
        log.warning("%s.", sentence)
    _warn_of_validated(split_file, len(rows), content[rows])
    return len(known)


def _at_least(trained_on: TrainedOn) -> str:
    return "" if trained_on.share == 1 else "At least "


def _warn_of_validated(split_file: Path, num_images: int, content: np.ndarray) -> None:
    """Say how many images have chosen the best checkpoint."""
    before = read_content(split_file)
    if before is None:
        return
    validated = before["content"].filter(pc.equal(before["split"], "val")).to_numpy()
    known = int(np.isin(content, validated).sum())
    if known:
        log.warning(
            "%d of %d images are validation images of the run, by which its best epoch was chosen: "
            "their scores are a little too good.",
            known,
            num_images,
        )
