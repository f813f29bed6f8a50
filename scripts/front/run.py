"""Runs a command under Hydra: every job is checked before it starts, and answers for itself."""

import os
import sys
from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hydra
from hydra._internal.utils import get_args_parser
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from front import sets
from front.composed import Composed
from front.composition import (
    COMPOSITION_ERRORS,
    choices_of,
    explain,
    register_checkout,
)
from front.conf_tree import CONF, ConfTree
from front.config_check import find_problems
from front.jobs import forgotten_multirun, jobs_of, summary, sweep_problems
from front.outcome import ExitStatus, JobFailed, Outcome, judge, say, worst
from front.processes import this_process
from front.wording import format_problems

Main = Callable[[DictConfig], Any]
SWEEP_TOGETHER = (
    "--multirun under torchrun or srun would run the sweep in every process. Start it plainly, each"
    " job then starts its own processes (trainer=ddp); or start one job at a time"
)
AfterJob = Callable[[Outcome], str | None]


@dataclass
class Ended:
    """The jobs that ended, each with its arguments, and what is to be said when all have."""

    jobs: list[tuple[str, Outcome]] = field(default_factory=list)
    report: str | None = None


class WrongCommandLine(ValueError):
    """The user's mistake, found before any job started."""


def run_command(main: Main, config_name: str, after_job: AfterJob | None = None) -> ExitStatus:
    """Parses the command line and runs its jobs.

    Args:
        main: Runs one job.
        config_name: Of the command.
        after_job: See ``hydra_app``.

    Returns:
        The worst status of all jobs.
    """
    register_checkout()
    arguments = parse_arguments(sys.argv[1:])
    config_name = arguments.config_name or config_name
    tree = _tree(arguments)
    defaults = tree.default_choices(config_name) | tree.own_keys(config_name)
    if not arguments.multirun:
        _bracket_lists(arguments, defaults)
    spread_data(arguments, defaults)
    _check(config_name, arguments, tree)
    ended = Ended()
    task = guarded(main, config_name, tree, ended, after_job)
    app = hydra.main(version_base="1.3", config_path=str(CONF), config_name=config_name)(task)
    try:
        app()
    except COMPOSITION_ERRORS as error:
        _stop_at(explain(config_name, arguments.overrides, tree, error))
    finally:
        if ended.report is not None:
            print(ended.report, flush=True)
        if len(ended.jobs) > 1 and (text := summary(ended.jobs)):
            say(text)
    return worst([outcome for _, outcome in ended.jobs])


def parse_arguments(typed: list[str]) -> Namespace:
    """Hydra's own flags; ``sys.argv`` is put in the one order in which Hydra understands them.

    Raises:
        WrongCommandLine: A flag that does not exist.
    """
    arguments, unknown = get_args_parser().parse_known_intermixed_args(typed)
    if unknown:
        first = unknown[0].lstrip("-")
        example = first if "=" in first else f"{first}=<value>"
        raise WrongCommandLine(
            f"There is no flag {unknown[0]}. Options are written without dashes, as {example};"
            " flags are --help, --cfg job, --multirun, --info"
        )
    flags = [one for one in typed if one not in arguments.overrides]
    sys.argv[1:] = [*arguments.overrides, *flags]
    return arguments


def _bracket_lists(arguments: Namespace, defaults: dict[str, Any]) -> None:
    """Lets ``classes=a,b`` be a list where a command's own key, or a group's choice, is one.

    Brackets break in some shells, and without --multirun a comma can mean nothing else.
    """
    for place, typed in enumerate(arguments.overrides):
        key, _, value = typed.partition("=")
        if isinstance(defaults.get(key), list) and "," in value and not set(value) & set("[]{}'\""):
            arguments.overrides[place] = sys.argv[1 + place] = f"{key}=[{value}]"


def spread_data(arguments: Namespace, defaults: dict[str, Any]) -> None:
    """Lets ``data=a.csv`` be a table, and ``data=a,b`` several sets where a command takes them.

    In a sweep ``data=a.csv,b.csv`` is a job with each.
    """
    if sets.GROUP in defaults:
        flags = sys.argv[1 + len(arguments.overrides) :]
        arguments.overrides = sets.name_table(arguments.overrides, arguments.multirun)
        if sets.KEY in defaults and not arguments.multirun:
            arguments.overrides = sets.spread_sets(arguments.overrides)
        sys.argv[1:] = [*arguments.overrides, *flags]


def _check(config_name: str, arguments: Namespace, tree: ConfTree) -> None:
    """Stops before Hydra makes a folder; what only shows something is not checked."""
    if arguments.multirun and this_process().several:
        _stop_at([SWEEP_TOGETHER])
    if arguments.multirun:
        jobs = jobs_of(config_name, arguments.overrides, tree)
        _stop_at(sweep_problems(config_name, jobs, tree))
    elif not any((arguments.cfg, arguments.info, arguments.hydra_help, arguments.shell_completion)):
        _stop_at(sets.find_lists(arguments.overrides))
        jobs = list(sets.jobs_of_sets(arguments.overrides).values())
        problems = sweep_problems(config_name, jobs or [arguments.overrides], tree)
        _stop_at(problems + forgotten_multirun(config_name, arguments.overrides, tree))


def _tree(arguments: Namespace) -> ConfTree:
    main = Path(arguments.config_path).resolve() if arguments.config_path else CONF
    extra = (Path(arguments.config_dir).resolve(),) if arguments.config_dir else ()
    return ConfTree((*extra, main))


def _stop_at(problems: list[str]) -> None:
    if problems:
        raise WrongCommandLine(format_problems(problems))


def guarded(
    main: Main, config_name: str, tree: ConfTree, ended: Ended, after_job: AfterJob | None
) -> Main:
    """``main`` with its configuration checked and its exceptions turned into outcomes.

    An exception would end a sweep and lose the results of its other jobs. Where a launcher runs
    jobs in other processes, an exception is the only way back.
    """
    starter = os.getpid()

    def job(cfg: DictConfig) -> Any:  # noqa: ANN401
        settings = HydraConfig.get()
        overrides = [str(one) for one in settings.overrides.task]
        choices = choices_of(OmegaConf.create({"hydra": {"runtime": settings.runtime}}))
        result, outcome = None, Outcome(ExitStatus.OK)
        try:
            _stop_at(find_problems(Composed(cfg, overrides, choices, config_name, tree)))
            result = main(cfg)
            if isinstance(result, ExitStatus):
                outcome = Outcome(result, f"ended with exit status {result:d}")
        except KeyboardInterrupt as error:
            outcome = judge(error)
            raise
        except Exception as error:
            outcome = judge(error)
            result = shown = judge(error, with_traceback=bool(cfg.get("traceback")))
            if os.getpid() != starter:
                raise JobFailed(shown) from error
            say(shown.message)
        finally:
            if after_job is not None and settings.mode == RunMode.MULTIRUN:
                ended.report = _report(after_job, outcome)
        ended.jobs.append((" ".join(overrides), outcome))
        return result

    job.__module__ = config_name  # Hydra names the job after it
    return job


def _report(after_job: AfterJob, outcome: Outcome) -> str | None:
    """What ``after_job`` has to say; its own failure is said and ends nothing."""
    try:
        return after_job(outcome)
    except Exception as error:
        say(judge(error).message)
        return None
