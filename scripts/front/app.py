"""Turns a function of a configuration into a command; see the package's docstring for its use."""

import functools
import os
import sys
from collections.abc import Callable
from typing import Any

from front.conf_tree import CHECKOUT, ConfTree
from front.help import help_text
from front.outcome import ExitStatus, Outcome, judge, say

Main = Callable[[Any], Any]
AfterJob = Callable[[Outcome], str | None]
TOO_NEW = (3, 14)


def hydra_app(
    config_name: str, after_job: AfterJob | None = None
) -> Callable[[Main], Callable[[], None]]:
    """Makes a command of ``main(cfg)``, configured by ``conf/<config_name>.yaml``.

    Exit status: 0 fine, 1 a failure of the program, 2 the user's mistake, 3 a requirement not met;
    or the ``ExitStatus`` that ``main`` returns.

    Args:
        config_name: Of the command.
        after_job: Called with the outcome of every job of a sweep, also of one that failed; what it
            returned last is printed when the sweep has ended.
    """

    def decorate(main: Main) -> Callable[[], None]:
        @functools.wraps(main)
        def command() -> None:
            prepare()
            sys.exit(_start(main, config_name, after_job))

        return command

    return decorate


def prepare() -> None:
    """Makes the project importable and the output of every console printable."""
    for folder in (str(CHECKOUT / "scripts"), str(CHECKOUT)):
        if folder not in sys.path:
            sys.path.insert(1, folder)
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra then raises instead of printing and exiting
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _start(main: Main, config_name: str, after_job: AfterJob | None) -> int:
    arguments = sys.argv[1:]
    if sys.version_info >= TOO_NEW:
        say("Hydra 1.3 does not work with Python 3.14 or newer. Use Python 3.11, 3.12 or 3.13.")
        return ExitStatus.MISTAKE
    wants_traceback = bool({"debug=traceback", "traceback=true"} & set(arguments))
    try:
        if {"--help", "-h"} & set(arguments):
            print(help_text(config_name, arguments, ConfTree()))
            return ExitStatus.OK
        from front.run import run_command

        return run_command(main, config_name, after_job)
    except (Exception, KeyboardInterrupt) as error:
        outcome = judge(error, wants_traceback)
        say(outcome.message)
        return outcome.status
