"""A study as rows of files: unrounded, in [0, 1], nothing cut."""

from collections.abc import Sequence
from typing import Any

from lightning_modules.evaluation.study import Record, Row, columns_of
from lightning_modules.evaluation.study_text import describe_unfinished, first_line, show


def rows_for_csv(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """A row a variant: means and deviations, unscaled."""
    table = []
    for row in rows:
        cells: dict[str, Any] = {
            "variant": row.variant,
            "runs": len(row.finished),
            "expected_runs": row.expected,
        }
        for column in columns_of(rows):
            if column.decimals is None:
                cells[column.metric] = show(row, column)
            else:
                cells[f"{column.metric}_mean"] = row.mean(column.metric)
                cells[f"{column.metric}_sd"] = row.deviation(column.metric)
        table.append(cells | {"not_finished": describe_unfinished(row)})
    return table


def runs_for_csv(rows: Sequence[Row], records: Sequence[Record]) -> list[dict[str, Any]]:
    """A row a run: what it is, what became of it, and all metrics that are one number or word."""
    names = {frozenset(row.records[0].settings): row.variant for row in rows}
    return [
        {
            "folder": record.folder,
            "variant": names[frozenset(record.settings)],
            "repeat": " ".join(record.repeat),
            "state": record.state,
            "reason": first_line(record.reason),
            "overrides": " ".join(record.overrides),
        }
        | {k: v for k, v in record.metrics.items() if isinstance(v, str | int | float)}
        for record in records
    ]
