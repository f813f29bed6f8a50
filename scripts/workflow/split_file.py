"""Files that say which images were used: split.csv with their pixels' hashes, quarantine.csv."""

import logging
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from datamodules.problems import list_some
from datamodules.tables.manifest import read_csv
from datamodules.tables.table import ImageTable
from lightning_modules.run_files import write_csv
from lightning_modules.run_reading import RESTORE
from workflow.plan import Plan

log = logging.getLogger(__name__)
COLUMNS = ("id", "split", "label")


def warn_of_changed(file: Path, table: ImageTable, content: np.ndarray, rows: np.ndarray) -> None:
    """Say which images have other labels or pixels than the run saw under the same id.

    Args:
        file: The run's ``split.csv``; one without ``content`` tells nothing.
        table: The images now.
        content: (rows,) hash of the pixels of each.
        rows: (N,) which to look at.
    """
    before = read_content(file)
    if before is None:
        return
    ids = table.ids.take(pa.array(rows))
    where = pc.index_in(ids, value_set=before["id"].combine_chunks())
    names = pa.array(table.class_names).take(pa.array(table.labels[rows]))
    labels = before["label"].combine_chunks().take(where.combine_chunks())
    relabelled = rows[pc.fill_null(pc.not_equal(labels, names), False).to_numpy(False)]
    if len(relabelled):
        log.warning(
            "The labels of %d of %d images have changed since the run was trained (the table, or "
            "data.corrections): %s.",
            len(relabelled),
            len(rows),
            list_some([table.row_name(row) for row in relabelled[:3].tolist()], 3, len(relabelled)),
        )
    then = before["content"].combine_chunks().take(where)
    differs = pc.fill_null(pc.not_equal(then, pa.array(content[rows])), False)
    changed = rows[differs.to_numpy(zero_copy_only=False)]
    if len(changed):
        log.warning(
            "The pixels of %d of %d images have changed since the run was trained: %s. Scores here "
            "are those of other images under the same names.",
            len(changed),
            len(rows),
            list_some([table.row_name(row) for row in changed[:3].tolist()], 3, len(changed)),
        )


def read_split(run: Path) -> pa.Table:
    """The ``split.csv`` of a run, of text.

    Raises:
        ValueError: It is not there, or is damaged.
    """
    file = run / "split.csv"
    if not file.is_file():
        raise ValueError(f"{file} is not there, and tells which images are of the test. {RESTORE}")
    try:
        found = read_csv(file)
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        raise ValueError(f"{file} is no whole table ({error}). {RESTORE}") from error
    missing = [name for name in COLUMNS if name not in found.column_names]
    if missing or not found.num_rows:
        what = f"no column {', '.join(missing)}" if missing else "no row"
        raise ValueError(f"{file} has {what}. {RESTORE}")
    return found


def read_content(file: Path) -> pa.Table | None:
    """Columns id, split, label and content (uint64) of a ``split.csv``; None: it does not tell."""
    if not file.is_file():
        return None
    types = {"id": pa.string(), "split": pa.string(), "label": pa.string(), "content": pa.uint64()}
    options = pa.csv.ConvertOptions(column_types=types, include_columns=list(types))
    parsing = pa.csv.ParseOptions(newlines_in_values=True)
    try:
        return pa.csv.read_csv(file, parse_options=parsing, convert_options=options)
    except (pa.ArrowException, OSError):
        return None  # written before contents were kept


def write_quarantine(plan: Plan, folder: Path) -> None:
    """List the images that were left out, if any, where that is asked for."""
    if plan.options.on_bad_image == "quarantine" and plan.bad:
        write_csv(folder / "quarantine.csv", plan.bad)
