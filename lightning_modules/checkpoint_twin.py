"""The twin of a checkpoint in files that anything reads: .safetensors with weights, .json beside.

The JSON has all else that rebuilds the model, and the SHA-256 of the weights it belongs to. What
only training needs (optimizer, callbacks, position) stays in the checkpoint.
"""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from lightning_modules.checkpoint_file import check_file
from lightning_modules.run_files import hash_file, write_bytes, write_text

KEPT = ("roi_classifier", "hyper_parameters", "epoch", "global_step")
TENSOR = "_tensor_"  # key that marks a list of numbers as a tensor


def write_twin(
    checkpoint: dict[str, Any], weights: dict[str, torch.Tensor], path: Path
) -> tuple[Path, Path]:
    """Write a checkpoint as its twin, each file whole or not at all.

    Args:
        checkpoint: As ``open_checkpoint`` returns it.
        weights: Those that answer.
        path: Of the weights; the JSON takes the same name.

    Returns:
        The two files.
    """
    about = path.with_suffix(".json")
    own = {name: value.clone().contiguous() for name, value in weights.items()}
    write_bytes(path, save(own))  # no two share memory, which the format cannot say
    content = {"weights_sha256": hash_file(path)}
    content |= {name: _to_json(checkpoint[name]) for name in KEPT if name in checkpoint}
    write_text(about, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    return path, about


def read_twin(path: Path, map_location: str | torch.device = "cpu") -> dict[str, Any]:
    """Read a twin as the checkpoint it was made of, less what only training needs.

    Raises:
        ValueError: A file is missing or damaged, or the two do not belong together.
    """
    about = path.with_suffix(".json")
    check_file(path)
    try:
        content = json.loads(about.read_text(encoding="utf-8"))
        checkpoint = {name: _from_json(content[name]) for name in KEPT if name in content}
        expected = content["weights_sha256"]
    except (ValueError, TypeError, KeyError, RecursionError, RuntimeError, OverflowError) as error:
        raise ValueError(
            f"{about} is damaged, or not of this project ({type(error).__name__}: {error}). Write "
            "it anew: python scripts/checkpoint.py <checkpoint> --export"
        ) from error
    written = path.read_bytes()
    if hash_file(path) != expected:
        raise ValueError(
            f"{path} is not the file that {about.name} was written for: it was damaged or replaced."
        )
    try:
        weights = load(written)
    except (SafetensorError, ValueError, KeyError) as error:
        raise ValueError(f"{path} cannot be opened as .safetensors ({error}).") from error
    checkpoint["state_dict"] = {name: value.to(map_location) for name, value in weights.items()}
    return checkpoint


def _to_json(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, dict):
        return {str(key): _to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_to_json(item) for item in value]
    if isinstance(value, torch.Tensor):
        return {TENSOR: value.tolist(), "dtype": str(value.dtype).removeprefix("torch.")}
    return value


def _from_json(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, list):
        return [_from_json(item) for item in value]
    if isinstance(value, dict) and TENSOR in value:
        dtype = getattr(torch, str(value["dtype"]), None)
        if not isinstance(dtype, torch.dtype):
            raise ValueError(f"{value['dtype']!r} is no kind of number")
        return torch.tensor(value[TENSOR], dtype=dtype)
    if isinstance(value, dict):
        return {key: _from_json(item) for key, item in value.items()}
    return value
