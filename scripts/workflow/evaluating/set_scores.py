"""Sets of images beside each other: the parts of one, and what is said of several."""

import logging
from pathlib import Path
from typing import Any

from datamodules.tables.table import ImageTable
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
from workflow.evaluating.beyond_images import measure_beyond
from workflow.evaluating.ready import Ready

log = logging.getLogger(__name__)


def check_column(table: ImageTable, column: str | None) -> None:
    """Stop where ``by=`` names a column that is not there."""
    names = table.columns.column_names
    if column is not None and column not in names:
        raise ValueError(
            f"by={column}: {table.name} has no such column. Columns: {', '.join(names)}."
        )


def measure_parts(
    ready: Ready, table: PredictionTable, column: str, folder: Path
) -> dict[str, Any]:
    """Score the images of each value of a column by themselves, each in a folder of its own.

    Returns:
        See ``summarise_sets``.
    """
    options, found = ready.plan.options, {}
    parts = part_by(table, column)
    folders = folder_names(list(parts))
    for name, part in parts.items():
        own = folder / folders[name]
        own.mkdir()
        write_predictions(part, own / "predictions.csv")
        found[name] = score_table(part, options.slice_by, options.pair_by, ready.beyond.scores)
        if ready.beyond.adds:
            log.info("%s %s:", column, name)
            found[name] |= measure_beyond(ready.beyond, part, ready.calibration, own)
        write_json(own / "metrics.json", found[name])
    return say_sets(found, parts, folder, ready.beyond.scores)


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
