"""What became of a command: its exit status, and whose mistake an exception is."""

import importlib.util
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from types import TracebackType

from front.conf_tree import CHECKOUT
from front.disk_errors import explain_disk
from front.processes import this_process

INSTALL = "python -m pip install -e ."
NOT_YOUR_INPUT = (
    "This is a failure of the program, not of your input. Add debug=traceback to see where."
)
USER_MISTAKES = (ValueError, FileNotFoundError, ImportError)
STOPPED = "Stopped"  # by a signal; its class lies beside what imports torch
# Lightning's word for a Trainer that cannot be, such as trainer.accelerator=gpu without a GPU; a
# file that broke while training, which torch raises anew from a loading process.
FOREIGN_MISTAKES = ("MisconfigurationException", "LostImage")


class ExitStatus(IntEnum):
    """Exit status of every command."""

    OK = 0
    FAILURE = 1
    MISTAKE = 2
    NOT_MET = 3
    STOPPED = 130


class RequirementNotMet(Exception):
    """A result misses what the user required of it (``require=``, ``margin=``)."""


@dataclass(frozen=True)
class Outcome:
    """How one job ended, in words for the user; also stands in for the result of a failed job."""

    status: ExitStatus
    message: str = ""


class JobFailed(Exception):
    """Carries the outcome of a job that failed in another process back to the command."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome)
        self.outcome = outcome


def judge(error: BaseException, with_traceback: bool = False) -> Outcome:
    """Whose mistake an exception is, and what to print about it.

    A ``ValueError``, ``FileNotFoundError`` or ``ImportError`` that the project itself raises is the
    user's mistake and its message the whole answer; so is a disk that is full or closed. Everything
    else is a failure of the program.

    Args:
        error: What was raised; the causes of wrapped exceptions are looked at too.
        with_traceback: Puts the traceback before the message.
    """
    trace = "".join(traceback.format_exception(error)) if with_traceback else ""
    if isinstance(error, JobFailed):
        return error.outcome
    if isinstance(error, KeyboardInterrupt) or type(error).__name__ == STOPPED:
        return Outcome(ExitStatus.STOPPED, trace + (str(error) or "Stopped."))
    if isinstance(error, RequirementNotMet):
        return Outcome(ExitStatus.NOT_MET, trace + str(error))
    mistake = next((one for one in _causes(error) if _is_user_mistake(one)), None)
    if mistake is None and (obstacle := explain_disk(error)):
        return Outcome(ExitStatus.MISTAKE, trace + obstacle)
    if mistake is None:
        message = f"{type(error).__name__}: {error}\n{NOT_YOUR_INPUT}"
        return Outcome(ExitStatus.FAILURE, trace + message)
    return Outcome(ExitStatus.MISTAKE, trace + _message(mistake))


def _causes(error: BaseException) -> Iterator[BaseException]:
    one: BaseException | None = error
    while one is not None:
        yield one
        one = one.__cause__


def _is_user_mistake(error: BaseException) -> bool:
    if type(error).__name__ in FOREIGN_MISTAKES:
        return True
    if not isinstance(error, USER_MISTAKES) or not str(error):
        return False
    if isinstance(error, ModuleNotFoundError) and _is_first_party(error.name):
        return False
    return _raised_in_checkout(error.__traceback__)


def _raised_in_checkout(trace: TracebackType | None) -> bool:
    """Whether the innermost frame lies in the project's own code, not in a .venv inside it."""
    if trace is None:
        return False
    *_, (frame, _line) = traceback.walk_tb(trace)
    path = Path(frame.f_code.co_filename).resolve()
    if not path.is_relative_to(CHECKOUT):
        return False
    parts = path.relative_to(CHECKOUT).parts
    return not any(part.startswith(".") or part.endswith("-packages") for part in parts)


def _is_first_party(module: str | None) -> bool:
    top = (module or "").split(".")[0]
    places = (CHECKOUT / top, CHECKOUT / "scripts" / top)
    return any(place.is_dir() or place.with_suffix(".py").is_file() for place in places)


def _message(error: BaseException) -> str:
    missing = error.name if isinstance(error, ModuleNotFoundError) else None
    if missing and importlib.util.find_spec(missing.split(".")[0]) is None:
        return f"The package {missing.split('.')[0]} is not installed. Run: {INSTALL}"
    return str(error)


def worst(outcomes: list[Outcome]) -> ExitStatus:
    """The status of a sweep: failures of the program come first, then mistakes."""
    order = [ExitStatus.FAILURE, ExitStatus.MISTAKE, ExitStatus.NOT_MET, ExitStatus.STOPPED]
    found = {outcome.status for outcome in outcomes}
    return next((status for status in order if status in found), ExitStatus.OK)


def say(message: str) -> None:
    """Prints to stderr, which keeps stdout for results; of several processes the first does."""
    if this_process().rank:
        return
    sys.stdout.flush()
    print(message, file=sys.stderr, flush=True)
