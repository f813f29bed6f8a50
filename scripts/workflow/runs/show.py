"""runs.py show: all about one run, on one screen."""

import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from workflow import places
from workflow.places import find_run
from workflow.runs.listing import list_runs
from workflow.runs.records import GIVEN, MAIN, Record, read_evaluation, read_run
from workflow.runs.table import describe, say_score, terminal_width
from workflow.runs.words import (
    count_split,
    say_background,
    say_duration,
    say_epochs,
    say_scores,
    say_split,
    say_test,
)
from workflow.typed import quote_word

WIDTH = 11  # of the words at the left
WHOLE = ("folder", "command", "go on", "longer", "evaluate", "look inside")
FILES = (
    ("report.html", "the report, for a browser"),
    ("preview.png", "training images as loaded, and as the network sees them"),
    ("metrics.json", "every score"),
    ("predictions.csv", "the answer to every test image"),
    ("history.csv", "every epoch"),
    ("config.yaml", "every option"),
    ("checkpoints/best.ckpt", "the model"),
    ("log.txt", "what was said"),
)


def show_run(word: str) -> tuple[str, Any]:
    """All about a run.

    Args:
        word: ``latest``, a run's name or its folder; of a sweep: all of its runs.

    Returns:
        The text, and the same for programs.

    Raises:
        ValueError: There is no such run.
    """
    sweeps = (places.OUTPUTS / "sweeps").resolve()
    sweep = (sweeps / word).resolve()  # an absolute path stays one
    if sweeps in sweep.parents and sweep.is_dir() and not (sweep / "config.yaml").is_file():
        return list_runs([f"name={sweep.relative_to(sweeps).as_posix()}/*"], True)
    folder = find_run(word)
    record = read_record(folder)
    found = describe(record) | {"command": _command(folder), "status": record.status}
    found |= {"split": count_split(folder / "split.csv"), "metrics": record.metrics}
    lines = [_line(left, right) for left, right in _lines(record, found)]
    return "\n".join([f"{record.name}: {record.state}", *lines]), found


def read_record(folder: Path) -> Record:
    """Read the folder of a run, of a job or of an evaluation."""
    if folder.parent.name != "evaluations":
        return read_run(folder)
    run = folder.parents[1]
    return read_evaluation(folder, read_run(run) if (run / "config.yaml").is_file() else None)


def _lines(record: Record, found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    folder = record.folder
    yield "folder", str(folder)
    yield "command", found["command"]
    if record.reason:
        yield "reason", record.reason
    yield "started", f"{record.when}{say_duration(folder)}"
    yield "model", _say_model(record)
    yield "data", f"{record.about.get('data', '?')}{say_split(found['split'])}"
    yield "validation", say_scores(record, "val") or "no score yet"
    yield "test", say_test(record)
    yield from say_background(record)
    yield from _say_evaluations(record)
    files = [(name, about) for name, about in FILES if (folder / name).is_file()]
    width = max((len(name) for name, _ in files), default=0)
    for number, (name, what) in enumerate(files):
        yield "" if number else "files", f"{name.ljust(width)}  {what}"
    yield from _say_next(record)


def _line(left: str, right: str) -> str:
    """A line, broken where the terminal ends; what is to be pasted stays whole."""
    start, width = f"  {left.ljust(WIDTH)} ", terminal_width()
    if width is None or left in WHOLE or len(start) + len(right) <= width:
        return start + right
    indent = " " * len(start)
    lines = textwrap.wrap(right, width, initial_indent=start, subsequent_indent=indent)
    return "\n".join(lines)


def _say_model(record: Record) -> str:
    about = record.about
    if GIVEN in record.metrics and "backbone" not in about:
        return "not known here: its answers were given as a table"
    return (
        f"{about.get('backbone', '?')} behind gate={about.get('gate', '?')}, "
        f"seed {about.get('seed', '?')}, {say_epochs(record)}"
    )


def _say_evaluations(record: Record) -> Iterator[tuple[str, str]]:
    found = sorted((record.folder / "evaluations").glob("*"), reverse=True)
    for number, path in enumerate(found[:3]):
        one = read_evaluation(path, record)
        score = say_score(one, f"test_{MAIN}") or one.state
        yield "" if number else "evaluations", f"{path.name}  {MAIN} {score}"


def _say_next(record: Record) -> Iterator[tuple[str, str]]:
    """How to go on."""
    train, name = "python scripts/train.py", quote_word(record.name)
    if record.state in ("stopped", "killed", "failed"):
        yield "go on", f"{train} {quote_word(f'resume={record.name}')}"
    elif record.state == "finished" and record.kind != "evaluation":
        yield "longer", f"{train} {quote_word(f'resume={record.name}')} trainer.max_epochs=..."
        yield "evaluate", f"python scripts/evaluate.py {quote_word(f'ckpt={record.name}')}"
        yield "look inside", f"python scripts/checkpoint.py {name}"


def _command(folder: Path) -> str:
    try:
        return (folder / "command.txt").read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return "unknown: there is no command.txt"
