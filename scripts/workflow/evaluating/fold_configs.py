"""Configurations of folds: what makes several runs one cross-validation."""

import json
from collections.abc import Sequence
from typing import Any

from workflow.resuming.config_hash import OF_THE_CALL, PLACES

# keys that the data of a fold may settle, and keys that tell folds apart or do not matter
SETTLED = (
    *("data.batch_size", "data.cache_features", "data.roi_at_test"),
    *("gate.dilate", "extras.swap"),
)
FREE = (*OF_THE_CALL, *PLACES, *SETTLED, "data.fold", "config_hash", "out", "name", "control")


def make_key(config: dict[str, Any]) -> str:
    """Text that is the same for the folds of one cross-validation, and for no other run."""
    kept = {key: value for key, value in _flatten(config).items() if key not in FREE}
    return json.dumps(kept, sort_keys=True, default=str)


def find_differences(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """Keys by which two runs are no folds of one cross-validation."""
    first, second = _flatten(one), _flatten(other)
    keys = sorted((first.keys() | second.keys()) - set(FREE))
    return [key for key in keys if first.get(key) != second.get(key)]


def describe_settled(configs: Sequence[dict[str, Any]]) -> list[str]:
    """Say what the folds do not have in common because each was settled by its own data."""
    flat = [_flatten(config) for config in configs]
    found = {key: sorted({str(one.get(key)) for one in flat}) for key in SETTLED}
    parts = [f"{key} ({' and '.join(values)})" for key, values in found.items() if len(values) > 1]
    if not parts:
        return []
    return [f"The folds differ in {', '.join(parts)}: each was settled by its own data."]


def _flatten(config: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in config.items():
        key = f"{prefix}{name}"
        if isinstance(value, dict):
            flat |= _flatten(value, f"{key}.")
        else:
            flat[key] = value
    return flat
