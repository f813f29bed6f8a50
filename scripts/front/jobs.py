"""The jobs of a sweep: checked before the first starts, and summed up at the end."""

from collections import defaultdict
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import OmegaConf

from front.composed import override_key
from front.composition import COMPOSITION_ERRORS, compose_all, job_problems
from front.conf_tree import ConfTree
from front.outcome import NOT_YOUR_INPUT, Outcome

BASIC_SWEEPER = "hydra._internal.core_plugins.basic_sweeper.BasicSweeper"


def jobs_of(config_name: str, overrides: list[str], tree: ConfTree) -> list[list[str]]:
    """The arguments of every job of a sweep.

    A sweeper that decides while it runs (Optuna) has no list of jobs: its fixed arguments stand for
    all of them here, and every job is checked when it starts.
    """
    try:
        parsed = OverridesParser.create().parse_overrides(overrides)
    except HydraException:
        return [overrides]  # composition.py tells which of them is wrong
    fixed = [one.input_line or "" for one in parsed if not one.is_sweep_override()]
    try:
        cfg = compose_all(config_name, fixed, tree)
    except COMPOSITION_ERRORS:
        sweeper, params = BASIC_SWEEPER, {}
    else:
        sweeper = cfg.hydra.sweeper.get("_target_")
        params = OmegaConf.to_container(cfg.hydra.sweeper).get("params") or {}
    if sweeper != BASIC_SWEEPER:
        return [fixed]
    own = [one.input_line for one in parsed if one.is_hydra_override()]
    typed = [one.input_line for one in parsed if not one.is_hydra_override()]
    lines = [*(f"{key}={value}" for key, value in params.items()), *typed]
    try:
        swept = OverridesParser.create().parse_overrides(lines)
        (jobs,) = BasicSweeper.split_arguments(swept, max_batch_size=None)
    except HydraException:
        return [overrides]
    return [[*own, *job] for job in jobs]


def sweep_problems(config_name: str, jobs: list[list[str]], tree: ConfTree) -> list[str]:
    """The problems of all jobs; one that not every job has says in which it is."""
    having: dict[str, list[list[str]]] = defaultdict(list)
    for job in jobs:
        for problem in job_problems(config_name, job, tree):
            having[problem].append(job)
    return [
        problem if len(those) == len(jobs) else f"{problem}\n{_names(those, jobs)}"
        for problem, those in having.items()
    ]


def _names(those: list[list[str]], jobs: list[list[str]]) -> str:
    example = " ".join(those[0])
    return f"in {len(those)} of {len(jobs)} jobs, such as: {example}"


def forgotten_multirun(config_name: str, overrides: list[str], tree: ConfTree) -> list[str]:
    """What a single run would leave out silently: the sweep that a chosen file describes."""
    typed = {override_key(one): one.partition("=")[2] for one in overrides}
    chosen = tree.default_choices(config_name) | typed
    return [
        f"{tree.label(name)} describes a sweep ({', '.join(params)}). Add --multirun to run it,"
        " or leave the file out for a single run"
        for name in tree.global_files(chosen)
        if (params := _swept(tree.raw(name)))
    ]


def _swept(raw: dict[str, Any]) -> dict[str, Any]:
    sweeper = (raw.get("hydra") or {}).get("sweeper") or {}
    return sweeper.get("params") or {}


def summary(outcomes: list[tuple[str, Outcome]]) -> str:
    """Which jobs of a sweep failed and why; nothing when none did."""
    failed = [(i, name, one) for i, (name, one) in enumerate(outcomes) if one.status]
    if not failed:
        return ""
    lines = [f"{len(failed)} of {len(outcomes)} jobs failed:"]
    for index, name, outcome in failed:
        whose = "the program failed: " if NOT_YOUR_INPUT in outcome.message else ""
        first = outcome.message.strip().splitlines()[0] if outcome.message else outcome.status.name
        lines.append(f"  #{index} {name}: {whose}{first}")
    return "\n".join(lines)
