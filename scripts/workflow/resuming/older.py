"""Configurations of before an option was there: the same run, where it holds its default now."""

import ast
from typing import Any

from front.composition import compose_job
from front.conf_tree import ConfTree
from front.signatures import read_signature
from omegaconf import OmegaConf

UNKNOWN = object()  # equals no value


def without_new(config: dict[str, Any], older: dict[str, Any]) -> dict[str, Any]:
    """A configuration without the options that change nothing and an older one does not have.

    What does not stand in a configuration is what its class makes of it: an option of a class may
    go where it holds the constructor's default, any other where it holds that of the command.

    Args:
        config: Resolved, as composed now.
        older: Resolved, as a run was trained by.
    """
    defaults = compose_job("train", [], ConfTree()).cfg
    return _without(config, older, OmegaConf.to_container(defaults, resolve=True))


def _without(config: dict[str, Any], older: dict[str, Any], defaults: object) -> dict[str, Any]:
    defaults = defaults if isinstance(defaults, dict) else {}
    if "_target_" in config:
        defaults = defaults | _read_defaults(str(config["_target_"]), set(config) - set(older))
    kept = {}
    for key, value in config.items():
        default = defaults.get(key, UNKNOWN)
        if key in older:
            both = isinstance(value, dict) and isinstance(older[key], dict)
            kept[key] = _without(value, older[key], default) if both else value
        elif value != default:
            kept[key] = value
    return kept


def _read_defaults(target: str, names: set[str]) -> dict[str, Any]:
    """Defaults of a constructor, by name; of what has none, or none that is a plain value, none."""
    options = read_signature(target).options
    return {name: _read_value(options[name].default) for name in names & options.keys()}


def _read_value(default: ast.expr | None) -> object:
    try:
        return UNKNOWN if default is None else ast.literal_eval(default)
    except ValueError:
        return UNKNOWN
