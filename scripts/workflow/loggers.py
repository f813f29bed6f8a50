"""The loggers of a run: which there are, and what they get in the end."""

import csv
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lightning_modules.loggers.run_logger import About, flatten
from lightning_modules.loggers.run_loggers import RunLoggers
from lightning_modules.run_files import write_bytes
from workflow import places
from workflow.plan import Plan, instantiate

log = logging.getLogger(__name__)
FINAL = ("test_", "best_val_", "control_test_")
MOST_EXAMPLES = 64  # pictures of examples that go to a logger


def build_loggers(plan: Plan) -> RunLoggers | None:
    """The loggers of a plan; None: it has none."""
    chosen = {name: one for name, one in (plan.config.get("logger") or {}).items() if one}
    if not chosen:
        return None
    sweep = plan.call.sweep_folder
    group = None if sweep is None else "/".join(sweep.parts[-3:-1])
    config = {key: value for key, value in plan.config.items() if key != "logger"}
    about = About(plan.name, group, places.OUTPUTS, flatten(config))
    return RunLoggers({name: instantiate(one) for name, one in chosen.items()}, about)


def finish_loggers(
    loggers: RunLoggers | None,
    plan: Plan,
    folder: Path,
    state: str,
    metrics: dict[str, Any] | None = None,
) -> None:
    """Log what a run came to; whatever comes of that, the run is what it is.

    Args:
        loggers: Of ``build_loggers``.
        plan: Of the run.
        folder: Of the run.
        state: ``finished``, ``failed`` or ``stopped``.
        metrics: Of the run, once it is finished.
    """
    if loggers is None:
        return
    step = _read_step(folder)
    loggers.open(folder, step + 1)
    if metrics is None:
        loggers.close(state)
        return
    final = {
        name: float(value)
        for name, value in metrics.items()
        if name.startswith(FINAL) and isinstance(value, int | float)
    }
    private = {
        name: path for name in ("preview", "masks") if (path := folder / f"{name}.png").is_file()
    } | _find_examples(folder)
    pictures = private | _draw_confusion(folder, metrics, plan.table.class_names)
    files = [
        path
        for name in ("config.yaml", "metrics.json", "report.html")
        if (path := folder / name).is_file()
    ]
    shown = list(private.values())
    if (plan.config.get("report") or {}).get("images", True):
        shown.append(folder / "report.html")
    loggers.finish(state, step, final, pictures, files, shown)


def _read_step(folder: Path) -> int:
    """Optimizer steps at the end of the last epoch."""
    try:
        with (folder / "history.csv").open(encoding="utf-8", newline="") as file:
            return max((int(row["step"]) for row in csv.DictReader(file)), default=0)
    except (OSError, ValueError, KeyError):
        return 0


def _draw_confusion(
    folder: Path, metrics: dict[str, Any], class_names: Sequence[str]
) -> dict[str, Path]:
    counts = metrics.get("test_confusion_matrix")
    if counts is None:
        return {}
    from lightning_modules.evaluation.confusion_picture import draw_confusion

    path = folder / "confusion_matrix.png"
    try:
        write_bytes(path, draw_confusion(counts, list(class_names)))
    except (OSError, ValueError) as error:
        log.warning("%s could not be drawn: %s", path.name, error)
        return {}
    return {"confusion_matrix": path}


def _find_examples(folder: Path) -> dict[str, Path]:
    """Pictures of examples that the test has written, each once."""
    place = folder / "examples"
    try:
        sections = json.loads((place / "examples.json").read_text(encoding="utf-8"))["sections"]
        named = [
            (f"{section['kind']}/{number:02d}_{position}", place / picture["file"])
            for section in sections
            for number, example in enumerate(section["examples"])
            for position, picture in enumerate(example["pictures"])
        ]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return {name: path for name, path in named[:MOST_EXAMPLES] if path.is_file()}
