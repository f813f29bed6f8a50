"""Whether two runs ended alike, to the bit."""

from pathlib import Path
from typing import Any

import torch

# what differs between equal runs: where they lie, and how long they took
ELSEWHERE = {"timing", "seconds", "dirpath", "config", "hyper_parameters", "mask_cache"}
PATHS = ("best_model_path", "kth_best_model_path", "last_model_path", "best_k_models")


def find_differences(one: Path, other: Path) -> list[str]:
    """Names of what differs in the results of two run folders."""
    found = []
    for name in ("history.csv", "metrics.json", "predictions.csv", "split.csv"):
        if (one / name).read_bytes() != (other / name).read_bytes():
            found.append(name)
    for name in ("last.ckpt", "best.ckpt"):
        pair = [
            torch.load(folder / "checkpoints" / name, weights_only=True) for folder in (one, other)
        ]
        found += [f"{name}: {where}" for where in _differ(*pair)]
    return found


def _differ(one: Any, other: Any, where: str = "") -> list[str]:
    if type(one) is not type(other):
        return [f"{where} ({type(one).__name__}, {type(other).__name__})"]
    if isinstance(one, dict):
        if where.endswith("best_k_models"):
            return _differ(list(one.values()), list(other.values()), f"{where} scores")
        keys = [k for k in one | other if k not in ELSEWHERE and k not in PATHS[:3]]
        return [
            place
            for key in keys
            for place in (
                _differ(one[key], other[key], f"{where}/{key}")
                if key in one and key in other
                else [f"{where}/{key} is missing"]
            )
        ]
    if isinstance(one, list | tuple):
        if len(one) != len(other):
            return [f"{where} (length)"]
        pairs = enumerate(zip(one, other, strict=True))
        return [place for i, pair in pairs for place in _differ(*pair, f"{where}/{i}")]
    same = torch.equal(one, other) if isinstance(one, torch.Tensor) else one == other
    return [] if same or (one != one and other != other) else [where]
