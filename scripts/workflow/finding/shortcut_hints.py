"""What tells the class and is no part of it, looked for before a run: burnt-in text, storage."""

import logging
from typing import Any

from datamodules.checks.examination import Examination
from datamodules.checks.shortcuts import Hint, afford, measure_hints
from datamodules.tables.table import ImageTable

log = logging.getLogger(__name__)


def report_hints(
    table: ImageTable, found: Examination, seed: int, gated: bool
) -> list[dict[str, Any]]:
    """Measure border, corners and storage of training images, and warn of what a model can use.

    Args:
        table: Good images.
        found: What is known of their files.
        seed: Of the sample.
        gated: Whether a gate hides what lies outside ROIs: what stands there misleads nobody then.

    Returns:
        For facts.json: part, num_images, accuracy, low, high and chance of each, ``telling`` and
        ``hidden``.
    """
    hints = measure_hints(table, found, seed, afford(table, found))
    told = [
        hint._asdict() | {"telling": hint.telling, "hidden": gated and hint.part != "file"}
        for hint in hints
    ]
    usable = {
        hint.part: hint.sentence
        for hint, one in zip(hints, told, strict=True)
        if hint.telling and not one["hidden"] and _is_outside(hint, table)
    }
    if {"border", "corners"} <= usable.keys():  # one cause, one warning
        del usable["border"]
        usable["corners"] += " The border tells it too, so it may be the whole background."
    for sentence in usable.values():
        log.warning(sentence)
    return told


def _is_outside(hint: Hint, table: ImageTable) -> bool:
    """Whether the part is known to be none of the object: without a ROI the border may be."""
    return hint.part != "border" or bool(table.annotated.any())
