"""All runs, jobs and evaluations below outputs/."""

import os
from collections.abc import Iterator
from pathlib import Path

from workflow import places
from workflow.runs.records import Record, read_evaluation, read_run


def list_records() -> list[Record]:
    """All runs, jobs of sweeps and evaluations below outputs/, the newest first."""
    runs, sweeps = places.OUTPUTS / "runs", places.OUTPUTS / "sweeps"
    records = [read_run(path, "run") for path in _folders(runs, 2)]
    records += [read_run(path, "job") for path in _job_folders(sweeps)]
    evaluations = [
        read_evaluation(path, record)
        for record in records
        for path in _folders(record.folder / "evaluations", 1)
    ]
    foreign = [read_evaluation(path, None) for path in _folders(places.OUTPUTS / "evaluations", 1)]
    return sorted([*records, *evaluations, *foreign], key=lambda one: one.when, reverse=True)


def _folders(parent: Path, depth: int) -> Iterator[Path]:
    if not parent.is_dir():
        return
    for path in parent.iterdir():
        if path.is_dir() and not path.name.startswith("."):
            if depth == 1:
                yield path
            else:
                yield from _folders(path, depth - 1)


def _job_folders(sweeps: Path) -> Iterator[Path]:
    """A job lies one folder or more below its sweep (hydra.sweep.subdir)."""
    for sweep in _folders(sweeps, 2):
        for path, below, files in os.walk(sweep):
            if Path(path) != sweep and {"config.yaml", "status.json"} & set(files):
                below.clear()
                yield Path(path)
