"""Checkpoints hold tensors and plain values; opening one never runs what it contains."""

import pickle
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

# 2: extras, and cells of the last map weighed by the mask; 1 is read as it was
FORMAT = 2
PACKAGES = ("torch", "torchvision", "lightning", "timm")


def describe_versions() -> dict[str, Any]:
    """Format of the checkpoint and versions of the packages that wrote it."""
    return {"format": FORMAT, "versions": {name: version(name) for name in PACKAGES}}


def is_checkpoint(path: str | Path) -> bool:
    """Whether a file is a checkpoint of this project."""
    try:
        open_checkpoint(path)
    except ValueError:
        return False
    return True


def load_plain(path: str | Path, map_location: str | torch.device = "cpu") -> Any:  # noqa: ANN401
    """Read a file of tensors and plain values.

    Raises:
        ValueError: There is no such file, it was cut, or it carries code.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"There is no checkpoint {path}.")
    try:
        return torch.load(path, map_location=map_location, weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError, OSError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ValueError(
            f"{path} cannot be opened as tensors and plain values: it was cut, is no checkpoint, "
            f"or carries code, which is never run ({reason})."
        ) from error


def open_checkpoint(path: str | Path, map_location: str | torch.device = "cpu") -> dict[str, Any]:
    """Read a checkpoint of a run.

    Raises:
        ValueError: There is no such file, it was cut, carries code, or is not of this project.
    """
    checkpoint = load_plain(path, map_location)
    written = checkpoint.get("roi_classifier") if isinstance(checkpoint, dict) else None
    if not written or "hyper_parameters" not in checkpoint:
        raise ValueError(
            f"{path} is a checkpoint of another project: it lacks this project's record."
        )
    if written["format"] > FORMAT:
        raise ValueError(
            f"{path} has format {written['format']}, this version reads up to {FORMAT}: update the "
            "project."
        )
    if written["format"] == 1:
        gate = checkpoint["hyper_parameters"]["gate"]
        if gate["_target_"].endswith("PixelGate"):
            gate["pooling"] = "mean"
    return checkpoint
