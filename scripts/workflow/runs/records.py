"""What the folder of a run tells, read fast: neither torch nor a parser of YAML is needed.

A folder that cannot be read is a record too, and says what is wrong with it.
"""

import json
import re
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from workflow import places
from workflow.resuming.lock import is_held
from workflow.runs.about import read_about

NAMED = re.compile(r"(\d{4}-\d\d-\d\d)_(\d\d)-(\d\d)-(\d\d)")
OPEN = (None, "running", "trained")  # what status.json says while a process works on the run
MAIN = "macro_f1"
BROKEN = "broken"
GIVEN = "num_given_predictions"
LAST = ("num_bad_images", GIVEN)  # with the last metrics of an evaluation: of images, of a table


@dataclass(frozen=True)
class Record:
    """A run, a job of a sweep, or an evaluation.

    Args:
        kind: ``run``, ``job`` or ``evaluation``.
        name: As it is found again: below outputs/runs or outputs/sweeps.
        folder: That it lies in.
        when: It was started, ``YYYY-MM-DD HH:MM:SS``.
        state: ``running``, ``finished``, ``failed``, ``stopped``, ``killed`` (it was running, and
            no process works on it any more), ``broken`` (its files cannot be read).
        reason: Of a state that is no good one.
        about: From its configuration: gate, backbone, data, seed.
        status: What status.json says.
        metrics: What metrics.json says.
    """

    kind: str
    name: str
    folder: Path
    when: str
    state: str
    reason: str = ""
    about: dict[str, str] = field(default_factory=dict)
    status: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)

    def score(self, metric: str) -> float | None:
        """A metric by its name; that of the validation while a run is under way."""
        value = self.metrics.get(metric, self.status.get(metric))
        return float(value) if _is_number(value) else None

    def val_metric(self, name: str = MAIN) -> str:
        """The validation's: of the best checkpoint where that was kept, else of the last epoch."""
        return f"best_val_{name}" if f"best_val_{name}" in self.metrics else f"val_{name}"


def read_run(folder: Path, kind: str = "run") -> Record:
    """Read the folder of a run; what is wrong with it becomes its state."""
    problems: list[str] = []
    status = _read_json(folder / "status.json", problems)
    metrics = _read_json(folder / "metrics.json", problems)
    about = read_about(folder / "config.yaml")
    if folder.name == "control":  # the run that it is part of has the lock, and the last word
        told = _read_json(folder.parent / "status.json", problems)
        state, reason = _judge(folder.parent, told, about is not None)
    else:
        state, reason = _judge(folder, status, about is not None)
    if problems:
        state, reason = BROKEN, "; ".join(problems)
    name = _name_of(folder)
    when = _when(folder)
    return Record(kind, name, folder, when, state, reason, about or {}, status, metrics)


def read_evaluation(folder: Path, run: Record | None) -> Record:
    """Read the folder of an evaluation; ``run``: whose model it is, None: one from elsewhere."""
    problems: list[str] = []
    metrics = _read_json(folder / "metrics.json", problems)
    about = read_about(folder / "config.yaml")
    name = f"{run.name}/evaluations/{folder.name}" if run else f"evaluations/{folder.name}"
    state, reason = "finished", ""
    if problems or about is None:
        state, reason = BROKEN, "; ".join(problems) or "it has no config.yaml"
    elif not set(LAST) & metrics.keys():
        state = "not finished"
    own = about or {}
    if run is not None:
        own |= {key: run.about[key] for key in ("gate", "backbone") if key in run.about}
        if own.get("data") == "as_trained":
            own["data"] = run.about.get("data", "?")
    return Record("evaluation", name, folder, _when(folder), state, reason, own, {}, metrics)


def _judge(folder: Path, status: dict[str, Any], configured: bool) -> tuple[str, str]:
    """State and reason of a run that can be read."""
    state, reason = status.get("state"), str(status.get("reason") or "")
    if state not in OPEN:
        return str(state), reason
    held = is_held(folder)
    if held:
        return "running", ""
    if held is None:
        return "running?", "whether a process works on it cannot be told from here"
    if not configured:
        return BROKEN, "it has no config.yaml: it was ended before it began, or is no run"
    return "killed", "it was under way, and no process works on it any more"


def _name_of(folder: Path) -> str:
    """As commands understand it."""
    for base in (places.OUTPUTS / "runs", places.OUTPUTS / "sweeps"):
        if folder.is_relative_to(base):
            return folder.relative_to(base).as_posix()
    return str(folder)


def _when(folder: Path) -> str:
    """From the name that the project has given the folder, else from when a file was written."""
    if match := NAMED.match(folder.name):
        return f"{match[1]} {match[2]}:{match[3]}:{match[4]}"
    for name in ("command.txt", "config.yaml", ""):
        try:
            written = (folder / name).stat().st_mtime
        except OSError:
            continue
        return f"{datetime.fromtimestamp(written):%Y-%m-%d %H:%M:%S}"
    return ""


def _read_json(file: Path, problems: list[str]) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        problems.append(f"{file.name} cannot be read ({type(error).__name__}): cut or damaged")
        return {}
    if isinstance(found, dict):
        return found
    problems.append(f"{file.name} holds no table of names and values")
    return {}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value
