"""Failures that the user can mend: what the machine ran out of, in words and in status.json."""

import json
import logging
from pathlib import Path
from typing import NoReturn

from front.disk_errors import explain_disk

from lightning_modules.run_files import write_json
from workflow.memory_errors import explain_memory
from workflow.plan import Plan

log = logging.getLogger(__name__)


class OutOfResources(ValueError):
    """Memory or disk ran out, or a folder is closed: nothing that the program could help."""


def raise_explained(error: BaseException, plan: Plan, folder: Path) -> NoReturn:
    """Raise what ended a run again, in words where there are any, and write them to status.json.

    Args:
        error: What ended it.
        plan: Of the run.
        folder: Of the run.

    Raises:
        OutOfResources: Memory or the disk ran out.
    """
    control = folder / "control"
    place = control if control.is_dir() else folder
    if isinstance(error, KeyboardInterrupt):
        mark(place, "stopped", "stopped by Ctrl-C")
    if not isinstance(error, Exception):
        raise error
    message = None
    if not isinstance(error, ValueError):  # that is in words already
        message = explain_disk(error)
        message = message or explain_memory(error, plan.config, plan.call.overrides, folder)
    mark(place, "failed", message or f"{type(error).__name__}: {error}")
    if message is None:
        raise error
    raise OutOfResources(message) from error


def mark(folder: Path, state: str, reason: str) -> None:
    """Write the first line of a reason to the status of a run, whatever part of it has ended."""
    path, first = folder / "status.json", reason.partition("\n")[0]
    try:
        status = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        write_json(path, status | {"state": state, "reason": first})
    except (OSError, json.JSONDecodeError) as error:
        log.warning("status.json could not be written: %s", error)
