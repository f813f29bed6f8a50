"""Checkpoints hold tensors and plain values; opening one never runs what it contains."""

import warnings
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from lightning_modules.checkpoint_content import check_content, find_misfits, name_some
from lightning_modules.checkpoint_file import INSTEAD, check_file, is_twin
from lightning_modules.checkpoint_twin import read_twin

# 3: the place inside an epoch, averages of the weights; 2: extras, and cells of the last map that
# are weighed by the mask; 1 is read as it was
FORMAT = 3
PACKAGES = ("torch", "torchvision", "lightning", "timm")
Module = TypeVar("Module", bound=nn.Module)


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


def open_checkpoint(path: str | Path, map_location: str | torch.device = "cpu") -> dict[str, Any]:
    """Read a checkpoint of a run, or its twin (.safetensors with a .json beside it).

    Raises:
        ValueError: There is no such file, it was cut or damaged, carries code, or is not of this
            project.
    """
    path = Path(path)
    read = read_twin if is_twin(path) else load_plain
    checkpoint = read(path, map_location)
    try:
        check_content(checkpoint, FORMAT)
    except ValueError as error:
        raise ValueError(f"{path} {error}.") from error
    return _as_written_today(checkpoint)


def load_plain(path: Path, map_location: str | torch.device = "cpu") -> Any:  # noqa: ANN401
    """Read a file of tensors and plain values.

    Raises:
        ValueError: There is no such file, it was cut or damaged, or carries code.
    """
    check_file(path)
    try:
        with warnings.catch_warnings():  # torch's, of what stands in foreign files
            warnings.simplefilter("ignore")
            return torch.load(path, map_location=map_location, weights_only=True)
    except Exception as error:  # a damaged file makes torch raise almost anything
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ValueError(
            f"{path} cannot be opened as tensors and plain values: it was damaged, is no "
            f"checkpoint, or carries code, which is never run ({reason}). {INSTEAD}."
        ) from error


def _as_written_today(checkpoint: dict[str, Any]) -> dict[str, Any]:
    """Add what an older format did not say, as it was then."""
    if checkpoint["roi_classifier"]["format"] == 1:
        gate = checkpoint["hyper_parameters"]["gate"]
        if str(gate.get("_target_")).endswith("PixelGate"):
            gate["pooling"] = "mean"
    return checkpoint


def rebuild(make: Callable[..., Module], arguments: dict[str, Any], path: str | Path) -> Module:
    """Make what a checkpoint describes.

    Args:
        make: Takes the checkpoint's hyper-parameters.
        arguments: The hyper-parameters.
        path: Of the checkpoint.

    Raises:
        ValueError: They say what cannot be built.
    """
    try:
        return make(**arguments)
    except Exception as error:  # what the file asks for is as wrong as a file can be
        raise ValueError(f"The model of {path} cannot be rebuilt: {error}") from error


def load_all(module: nn.Module, weights: Mapping[str, Tensor], path: str | Path) -> None:
    """Load weights that have to be those of the module, all of them and no other.

    Raises:
        ValueError: They are not.
    """
    misfits = find_misfits(weights, module.state_dict())
    if misfits:
        raise ValueError(
            f"The weights in {path} are not those of the model it describes: {name_some(misfits)}."
        )
    module.load_state_dict(weights)
