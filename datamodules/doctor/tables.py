"""What the doctor found as tables: findings.csv, files.parquet, and lines for the screen."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from datamodules.checks.duplicates import split_codes
from datamodules.doctor.diagnosis import Examined
from datamodules.doctor.findings import Diagnosis, Finding
from datamodules.regions.found_files import with_boxes
from datamodules.splitting.splits import SPLITS

SHOWN = 3  # examples on the screen
MOST_ROWS = 30  # of a table on the screen
FACTS = ("height", "width", "format", "mode", "orientation", "contrast", "content")


def write_tables(examined: Examined, folder: Path) -> None:
    """Write ``findings.csv`` and ``files.parquet``, one row an image."""
    findings = examined.diagnosis.worst_first()
    columns = {
        "level": [one.level.name.lower() for one in findings],
        "topic": [one.topic for one in findings],
        "count": [one.count for one in findings],
        "sentence": [one.sentence for one in findings],
        "examples": ["\n".join(one.examples) for one in findings],
    }
    types = [pa.string(), pa.string(), pa.int64(), pa.string(), pa.string()]
    arrays = [pa.array(c, kind) for c, kind in zip(columns.values(), types, strict=True)]
    pa.csv.write_csv(pa.table(arrays, list(columns)), folder / "findings.csv")
    pa.parquet.write_table(_tabulate(examined), folder / "files.parquet")


def _tabulate(examined: Examined) -> pa.Table:
    table, images = examined.table, examined.found.images
    facts = images.facts.take(pa.array(images.index))
    codes = split_codes(table)
    columns = {
        "id": table.ids,
        "label": pa.DictionaryArray.from_arrays(table.labels, list(table.class_names)),
        "split": pa.DictionaryArray.from_arrays(
            pa.array(codes, pa.int8(), mask=codes < 0), list(SPLITS)
        ),
        "path": facts["path"],
        "error": facts["error"],
        **{name: facts[name] for name in FACTS},
        **{
            f"area_{region}": pa.array(examined.areas[:, k], from_pandas=True)
            for k, region in enumerate(table.region_names)
        },
        "cluster": pa.array(examined.clusters),
    }
    return pa.table(columns)


def write_proposal(examined: Examined, file: Path) -> int:
    """Write the table once more with clusters of images that are alike as groups.

    A split that is given and cuts a cluster is left out: it is to be made anew. All boxes are
    columns, as x0 y0 x1 y1 in pixels or shares as the table has them.

    Returns:
        Number of clusters of more than one image; of none, nothing is written.
    """
    sizes = np.bincount(examined.clusters)
    joined = int((sizes > 1).sum())
    codes = split_codes(examined.table)
    num_parts = len(np.unique(np.stack([examined.clusters, codes]), axis=1).T)
    old = {"group", *(["split"] if num_parts > len(sizes) else [])}
    if joined:
        groups = pa.array(examined.clusters).cast(pa.string())
        table = examined.table
        columns = with_boxes(table, table.boxes, table.distractors)
        kept = {name: column for name, column in columns.items() if name not in old}
        pa.csv.write_csv(pa.table(kept | {"group": groups}), file)
    return joined


def say(diagnosis: Diagnosis) -> list[str]:
    """Lines for the screen: the sections, then the findings, worst first."""
    lines = []
    for title, rows in diagnosis.sections.items():
        shown = align(rows[: MOST_ROWS + 1])
        if len(rows) - 1 > MOST_ROWS:
            shown.append(f"and {len(rows) - 1 - MOST_ROWS} more")
        lines += [title, *(f"  {line}" for line in shown), ""]
    findings = diagnosis.worst_first()
    for one in findings:
        lines += _say_finding(one)
    return lines if findings else [*lines, "Nothing was found that spoils a result."]


def _say_finding(one: Finding) -> list[str]:
    lines = [f"{one.level.name}  {one.topic} ({one.count}): {one.sentence}"]
    lines += [f"    {example}" for example in one.examples[:SHOWN]]
    if len(one.examples) > SHOWN:
        lines.append(f"    and {one.count - SHOWN} more")
    return lines


def align(rows: list[list[str]]) -> list[str]:
    """Columns below each other, the first to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if index == 0 else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
