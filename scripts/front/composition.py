"""Composes a job the way Hydra will, and explains all that is wrong when Hydra stops at the first.

Hydra reports one bad argument at a time. Here every argument is looked at on its own, and what the
good ones compose to is checked too, so that all mistakes come together.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from hydra import compose, initialize_config_dir
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from front.arguments import argument_problem, grammar_problem, group_problem
from front.composed import Composed
from front.conf_tree import CHECKOUT, ConfTree
from front.config_check import find_problems
from front.hydra_errors import explain_hydra

COMPOSITION_ERRORS = (HydraException, OmegaConfBaseException, YAMLError, ValueError)


def job_problems(config_name: str, overrides: list[str], tree: ConfTree) -> list[str]:
    """All mistakes of one job: in its arguments, then in what they compose to."""
    try:
        composed = compose_job(config_name, overrides, tree)
    except COMPOSITION_ERRORS as error:
        return explain(config_name, overrides, tree, error)
    return find_problems(composed)


def register_checkout() -> None:
    """Lets YAML say ``${checkout:}`` for the folder of the project, with forward slashes.

    ``${first:a,b,...}`` is the first of its values that is not null.
    """
    OmegaConf.register_new_resolver("checkout", lambda: CHECKOUT.as_posix(), replace=True)
    OmegaConf.register_new_resolver("first", _first, replace=True)


def _first(*values: Any) -> Any:  # noqa: ANN401
    return next((value for value in values if value is not None), None)


def compose_all(config_name: str, overrides: list[str], tree: ConfTree) -> DictConfig:
    """Composes as ``hydra.main`` does for a single run, Hydra's own part included."""
    register_checkout()
    *extra, main = tree.folders
    urls = ",".join(f"'file://{folder.as_posix()}'" for folder in extra)
    search = [f"hydra.searchpath=[{urls}]"] if extra else []
    start = {"version_base": "1.3", "config_dir": str(main), "job_name": config_name}
    with _set_aside(), initialize_config_dir(**start):
        return compose(config_name, overrides=[*search, *overrides], return_hydra_config=True)


@contextmanager
def _set_aside() -> Iterator[None]:
    """Lets a command that Hydra has started compose more jobs."""
    place = GlobalHydra.instance()
    running = place.hydra
    place.clear()
    try:
        yield
    finally:
        place.hydra = running


def compose_job(config_name: str, overrides: list[str], tree: ConfTree) -> Composed:
    """Composes one job and takes Hydra's own part away, as a command sees it."""
    cfg = compose_all(config_name, overrides, tree)
    choices = choices_of(cfg)
    with open_dict(cfg):
        del cfg["hydra"]
    return Composed(cfg, overrides, choices, config_name, tree)


def choices_of(cfg: DictConfig) -> dict[str, Any]:
    """Group -> choice of a configuration that still has its Hydra part."""
    choices = OmegaConf.to_container(cfg.hydra.runtime.choices)
    assert isinstance(choices, dict)
    return {str(k): v for k, v in choices.items() if not str(k).startswith("hydra")}


def explain(config_name: str, overrides: list[str], tree: ConfTree, error: Exception) -> list[str]:
    """Every mistake of a job that Hydra refused with ``error``."""
    parsed, problems = _parse(overrides)
    in_group = {id(one): one.key_or_group in tree.groups() for one in parsed}
    defaults = tree.default_choices(config_name)
    groups, values = [], []
    for override in parsed:
        problem = group_problem(override, defaults, tree) if in_group[id(override)] else None
        if problem is not None:
            problems.append(problem)
        elif in_group[id(override)] or override.is_hydra_override():
            groups.append(override)
        else:
            values.append(override)
    try:
        base = compose_job(config_name, [str(one.input_line) for one in groups], tree)
    except COMPOSITION_ERRORS as base_error:
        return problems or [explain_hydra(base_error, _chosen(groups), tree)]
    found = {id(one): argument_problem(one, base) for one in values}
    problems += [problem for problem in found.values() if problem is not None]
    good = [one for one in values if found[id(one)] is None]
    return _with_the_rest(base, good, problems) or [explain_hydra(error, {}, tree)]


def _parse(overrides: list[str]) -> tuple[list[Override], list[str]]:
    parser = OverridesParser.create()
    parsed, problems = [], []
    for override in overrides:
        try:
            parsed.append(parser.parse_override(override))
        except HydraException:
            problems.append(grammar_problem(override))
    return parsed, problems


def _chosen(groups: list[Override]) -> dict[str, Any]:
    return {one.key_or_group: one.value() for one in groups if not one.is_sweep_override()}


def _with_the_rest(base: Composed, good: list[Override], problems: list[str]) -> list[str]:
    """Adds what is wrong in the configuration of the good arguments alone."""
    try:
        ConfigLoaderImpl._apply_overrides_to_config(good, base.cfg)
    except COMPOSITION_ERRORS as error:
        return [*problems, explain_hydra(error, base.choices, base.tree)]
    typed = [*base.overrides, *(str(one.input_line) for one in good)]
    rest = find_problems(replace(base, overrides=typed))
    return [*problems, *(one for one in rest if not (problems and " is not set." in one))]
