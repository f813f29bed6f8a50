"""Runs as rows of a table, and as plain values for programs."""

import shutil
from collections.abc import Sequence
from typing import Any

from workflow.runs.records import MAIN, Record
from workflow.runs.text_table import Column, lay_out

MOST = 30  # rows that are shown unless all are asked for


def describe(record: Record, metric: str = MAIN) -> dict[str, Any]:
    """A record for programs."""
    return {
        "kind": record.kind,
        "name": record.name,
        "folder": str(record.folder),
        "when": record.when,
        "state": record.state,
        "reason": record.reason or None,
        **{key: record.about.get(key) for key in ("gate", "backbone", "data", "seed")},
        "metric": metric,
        "val": record.score(record.val_metric(metric)),
        "test": record.score(f"test_{metric}"),
        "test_low": record.score(f"test_{metric}_low"),
        "test_high": record.score(f"test_{metric}_high"),
    }


def say_score(record: Record, metric: str) -> str:
    """``0.953 (0.921 to 0.978)``, with its 95 % interval where there is one; "": no score."""
    value = record.score(metric)
    low, high = record.score(f"{metric}_low"), record.score(f"{metric}_high")
    if value is None:
        return ""
    interval = "" if low is None or high is None else f" ({low:.3f} to {high:.3f})"
    return f"{value:.3f}{interval}"


def terminal_width() -> int | None:
    """Characters of a line; None: what is written is no terminal."""
    width = shutil.get_terminal_size((0, 0)).columns
    return width or None


def columns_of(records: Sequence[Record]) -> list[Column]:
    """What is shown of runs beside their scores."""
    return [
        Column("name", [one.name for one in records], 8, 30, "start"),
        Column("state", [_say_state(one) for one in records], 7),
        Column("gate", [one.about.get("gate", "") for one in records], 4),
        Column("backbone", [one.about.get("backbone", "") for one in records], 3, 10),
        Column("data", [one.about.get("data", "") for one in records], 2, 8),
        Column("reason", [one.reason.partition("\n")[0] for one in records], 1, 20),
    ]


def _say_state(record: Record) -> str:
    epoch, of = record.status.get("epoch"), record.status.get("max_epochs")
    if record.state == "finished" or epoch is None:
        return record.state
    return f"{record.state} {epoch}/{of}"


def make_table(title: str, records: Sequence[Record], metric: str, everything: bool) -> str:
    """Title and table of the newest records, with the scores of one metric."""
    shown = list(records) if everything else list(records)[:MOST]
    name, *rest = columns_of(shown)
    scores = [
        Column("val", [say_score(one, one.val_metric(metric)) for one in shown], 5),
        Column("test", [say_score(one, f"test_{metric}") for one in shown], 6),
    ]
    # the folder's name says when; a job's does not
    when = [Column("when", [one.when[:16] if one.kind == "job" else "" for one in shown], 2)]
    lines = [title, lay_out([name, *when, *scores, *rest], terminal_width())]
    if len(shown) < len(records):
        lines.append(f"... and {len(records) - len(shown)} older ones: --all shows them")
    return "\n".join(lines)
