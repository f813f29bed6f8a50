"""Failures that the user can mend: what the machine ran out of, in words."""

from pathlib import Path

from front.disk_errors import explain_disk

from workflow.devices.memory_errors import explain_memory
from workflow.plan import Plan


class OutOfResources(ValueError):
    """Memory or disk ran out, or a folder is closed: nothing that the program could help."""


def explain(error: Exception, plan: Plan, folder: Path) -> Exception:
    """What ended a run, in words where there are any; otherwise as it is.

    Args:
        error: What ended it.
        plan: Of the run.
        folder: Of the run.
    """
    if isinstance(error, ValueError):  # that is in words already
        return error
    message = explain_disk(error)
    message = message or explain_memory(error, plan.config, plan.call.overrides, folder)
    return error if message is None else OutOfResources(message)
