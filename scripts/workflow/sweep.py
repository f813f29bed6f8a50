"""The table and the picture of a sweep, written anew after each of its jobs."""

import json
import shlex
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

from front.outcome import Outcome
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf

from lightning_modules.evaluation.study import Record, make_rows
from lightning_modules.evaluation.study_csv import rows_for_csv, runs_for_csv
from lightning_modules.evaluation.study_picture import draw_study
from lightning_modules.evaluation.study_text import UNITS, describe_study, make_table
from lightning_modules.run_files import write_bytes, write_csv, write_json, write_text
from workflow.typed import join_words

# states that a run leaves behind when something ends it from outside its training
UNFINISHED = (None, "running", "trained")
NOT_A_TERMINAL = (10_000, 24)  # columns and lines: room for all of the table


def write_down(outcome: Outcome) -> str | None:
    """Write down the job that has just ended, and all of the sweep.

    Args:
        outcome: Of the job.

    Returns:
        The table and where it lies; None: no job has trained anything (``dry_run``).
    """
    hydra = HydraConfig.get()
    folder, job = Path(hydra.sweep.dir), Path(hydra.sweep.subdir)
    if outcome.status:
        _mark_failed(folder / job, list(hydra.overrides.task), outcome.message)
    return write_study(folder, depth=len(job.parts))


def write_study(folder: Path, depth: int = 1) -> str | None:
    """Write study.md, study.csv, runs.csv and study.png of the runs in a folder, whole.

    Args:
        folder: Of the sweep.
        depth: How many folders down its runs lie.

    Returns:
        The table, as wide as the terminal, and where it lies; None: there is no run.
    """
    from workflow.cross_validation import pool_sweep  # with its statistics

    found = (read_record(path, folder) for path in sorted(folder.glob("/".join("*" * depth))))
    records = [record for record in found if record is not None]
    if not records:
        return None
    rows = make_rows(records)
    date = f"{datetime.now():%Y-%m-%d}"
    write_text(
        folder / "study.md", describe_study(folder.parent.name, rows, _command(folder), date)
    )
    write_csv(folder / "study.csv", rows_for_csv(rows))
    write_csv(folder / "runs.csv", runs_for_csv(rows, records))
    lies_in = [f"Table with all columns: {folder / 'study.md'}"]
    picture = draw_study(rows)
    if picture is not None:
        write_bytes(folder / "study.png", picture)
        lies_in.append(f"Picture: {folder / 'study.png'}")
    width = shutil.get_terminal_size(NOT_A_TERMINAL).columns
    return "\n".join(["", make_table(rows, width), "", UNITS, *lies_in, *pool_sweep(folder)])


def read_record(path: Path, sweep: Path) -> Record | None:
    """What the folder of a run tells of it; None: it holds none."""
    command = path / "command.txt"
    if not command.is_file():
        return None
    status = _read_json(path / "status.json")
    return Record(
        folder=path.relative_to(sweep).as_posix(),
        overrides=shlex.split(command.read_text(encoding="utf-8"))[2:],
        state=status.get("state") or "not begun",
        reason=status.get("reason") or "",
        metrics=_read_json(path / "metrics.json"),
    )


def _mark_failed(path: Path, overrides: list[str], reason: str) -> None:
    """Write down a failure that the run itself could not; what it has said itself stays."""
    status = _read_json(path / "status.json")
    if status.get("state") not in UNFINISHED:
        return
    write_json(path / "status.json", status | {"state": "failed", "reason": reason})
    if not (path / "command.txt").is_file():
        command = join_words(["python", "scripts/train.py", *overrides])
        write_text(path / "command.txt", command + "\n")


def _command(folder: Path) -> str:
    """What was typed, as Hydra keeps it beside the runs."""
    kept = folder / "multirun.yaml"
    words = OmegaConf.select(OmegaConf.load(kept), "hydra.overrides.task") if kept.is_file() else []
    return join_words(["python", "scripts/train.py", "--multirun", *words])


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError):
        return {}
