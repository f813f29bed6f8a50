"""gate.dilate=auto: the margin that the training images ask for."""

import logging
from typing import Any

from datamodules.loading.preparation import Preparation
from datamodules.loading.transforms import Preprocessing
from datamodules.regions.margin import choose_margin, pick_samples
from datamodules.tables.table import ImageTable

log = logging.getLogger(__name__)
NUM_IMAGES = 200


def settle_margin(config: dict[str, Any], table: ImageTable, preprocessing: Preprocessing) -> None:
    """Replace ``auto`` by pixels of the network's input, in place; say what was chosen and why.

    Args:
        config: Of the run, plain.
        table: The images; those of training alone are looked at.
        preprocessing: Size and filter of the network's input.

    Raises:
        ValueError: A margin that was set is as wide as the image.
    """
    dilate, most = config["gate"].get("dilate", 0), min(preprocessing.size) // 2
    if dilate != "auto" and abs(dilate) >= most:
        raise ValueError(
            f"gate.dilate is {dilate}, expected less than half of the network's input either way, "
            f"below {most} pixels."
        )
    if dilate != "auto":
        return
    rows = pick_samples(table, NUM_IMAGES, config["seed"])
    preparation = Preparation(table, preprocessing)
    samples = (preparation.prepare(row)[:2] for row in rows.tolist())
    margin = choose_margin(
        (image.permute(1, 2, 0).numpy(), roi.any(dim=0).numpy()) for image, roi in samples
    )
    config["gate"]["dilate"] = margin.dilate
    log.info("gate.dilate=auto: %s", margin.reason)
