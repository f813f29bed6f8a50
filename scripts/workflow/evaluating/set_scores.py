"""Sets of images beside each other: the parts of one, and what is said of several."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightning_modules.evaluation.calibration_file import Calibration
from lightning_modules.evaluation.predictions import PredictionTable
from lightning_modules.evaluation.predictions_file import write_predictions
from lightning_modules.evaluation.scores.options import ScoreOptions
from lightning_modules.evaluation.sets import (
    folder_names,
    part_by,
    summarise_sets,
    tabulate_sets,
)
from lightning_modules.evaluation.table_scores import score_table
from lightning_modules.run_files import write_csv, write_json
from workflow.evaluating.beyond_images import Beyond, measure_beyond

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Scoring:
    """How a table of predictions is scored.

    Args:
        slice_by: Columns of the worst group.
        pair_by: Column that joins pairs.
        beyond: What is measured beside the images.
        calibration: Frozen; None: there is none.
    """

    slice_by: Sequence[str]
    pair_by: str | None
    beyond: Beyond
    calibration: Calibration | None


def measure_parts(
    scoring: Scoring, table: PredictionTable, column: str, folder: Path
) -> dict[str, Any]:
    """Score the images of each value of a column by themselves, each in a folder of its own.

    Returns:
        See ``summarise_sets``.
    """
    beyond, calibration, found = scoring.beyond, scoring.calibration, {}
    parts = part_by(table, column)
    folders = folder_names(list(parts))
    for name, part in parts.items():
        own = folder / folders[name]
        own.mkdir()
        write_predictions(part, own / "predictions.csv")
        slices = (scoring.slice_by, scoring.pair_by)
        found[name] = score_table(part, *slices, beyond.scores, calibration)
        if beyond.adds:
            log.info("%s %s:", column, name)
            found[name] |= measure_beyond(beyond, part, calibration, own)
        write_json(own / "metrics.json", found[name])
    return say_sets(found, parts, folder, beyond.scores)


def say_sets(
    found: dict[str, dict[str, Any]],
    tables: dict[str, PredictionTable],
    folder: Path,
    options: ScoreOptions,
) -> dict[str, Any]:
    """Write sets.csv and say it; returns what ``summarise_sets`` does."""
    together = summarise_sets(found, tables, options.resamples)
    rows = together["test_sets"]
    write_csv(folder / "sets.csv", [{"set": name} | row for name, row in rows.items()])
    for line in tabulate_sets(rows):
        log.info("  %s", line)
    return together
