"""What is inside a checkpoint, told without running any of it."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lightning_modules.averaging import has_average, pick_weights
from lightning_modules.checkpoint import open_checkpoint
from lightning_modules.checkpoint_twin import write_twin
from lightning_modules.roi_classifier import ROIClassifier
from lightning_modules.run_files import hash_file

MOST_NAMED = 5
# parts of a file, as its reader thinks of them, by Lightning's names
PARTS = {"optimizer_states": "optimizer", "lr_schedulers": "schedule"}


def summarize_checkpoint(path: Path) -> dict[str, Any]:
    """Open a checkpoint, rebuild its model, and say what there is, in plain values.

    Raises:
        ValueError: It cannot be opened, or the model cannot be rebuilt.
    """
    checkpoint = open_checkpoint(path)
    model = ROIClassifier.load_from_checkpoint(path)
    arguments, written = checkpoint["hyper_parameters"], checkpoint["roi_classifier"]
    state, record = checkpoint["state_dict"], arguments.get("record") or {}
    gate, trained_on = model.network.gate, record.get("trained_on") or {}
    network = list(model.network.parameters())
    return {
        "file": str(path),
        "bytes": path.stat().st_size,
        "sha256": hash_file(path),
        "format": written["format"],
        "versions": written.get("versions", {}),
        "classes": list(arguments["class_names"]),
        "positive_class": arguments.get("positive_class"),
        "regions": list(arguments["region_names"]),
        "gate": {"name": type(gate).__name__, "promise": gate.promise.name} | _options(arguments),
        "backbone": arguments["model"]["backbone"],
        "num_parameters": sum(parameter.numel() for parameter in network),
        "preprocessing": model.preprocessing,
        "split_fingerprint": record.get("split_fingerprint"),
        "num_training_images": trained_on.get("num_images"),
        "init_from": record.get("init_from"),
        "epoch": checkpoint.get("epoch"),
        "global_step": checkpoint.get("global_step"),
        "averaged": has_average(state),
        "not_finite": [name for name, value in state.items() if not _is_finite(value)],
        "parts": _measure_parts(checkpoint),
    }


def export_twin(path: Path, target: Path) -> tuple[Path, Path]:
    """Write the twin of a checkpoint, with the weights that answer; returns its two files.

    Raises:
        ValueError: The checkpoint cannot be opened or its model not be rebuilt.
    """
    if target.resolve() == path.resolve():
        raise ValueError(f"{path} is a twin already.")
    ROIClassifier.load_from_checkpoint(path)
    checkpoint = open_checkpoint(path)
    return write_twin(checkpoint, pick_weights(checkpoint["state_dict"]), target)


def _options(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in arguments["gate"].items() if name != "_target_"}


def _is_finite(value: Tensor) -> bool:
    return not value.is_floating_point() or bool(torch.isfinite(value).all())


def _measure_parts(checkpoint: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """Tensors and their bytes of each part of the file that has any."""
    parts: dict[str, list[Tensor]] = {}
    for name, value in checkpoint["state_dict"].items():
        parts.setdefault(name.partition(".")[0], []).append(value)
    for name, value in checkpoint.items():
        if name != "state_dict":
            parts.setdefault(PARTS.get(name, name), []).extend(_tensors(value))
    return {
        name: {
            "tensors": len(found),
            "bytes": sum(one.numel() * one.element_size() for one in found),
        }
        for name, found in parts.items()
        if found
    }


def _tensors(value: Any) -> Iterable[Tensor]:  # noqa: ANN401
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict | list | tuple):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _tensors(item)


def describe_checkpoint(found: Mapping[str, Any]) -> str:
    """The lines that show a summary."""
    steps, positive = found["preprocessing"], found["positive_class"]
    options = " ".join(f"{k}={v}" for k, v in found["gate"].items() if k not in ("name", "promise"))
    versions = ", ".join(f"{name} {number}" for name, number in found["versions"].items())
    broken, started = found["not_finite"], found["init_from"]
    split, images = found["split_fingerprint"], found["num_training_images"]
    rows = {
        "file": f"{_megabytes(found['bytes'])}, SHA-256 {found['sha256']}",
        "format": f"{found['format']}, written by {versions or 'unknown versions'}",
        "classes": ", ".join(found["classes"]) + (f"  (positive: {positive})" if positive else ""),
        "regions": ", ".join(found["regions"]),
        "gate": f"{found['gate']['name']} (promise {found['gate']['promise']})  {options}",
        "backbone": f"{found['backbone']}, {found['num_parameters'] / 1e6:.2f} M parameters",
        "input": f"{steps['size'][0]} x {steps['size'][1]}, {steps['interpolation']}",
        "mean, std": f"{_numbers(steps['mean'])}, {_numbers(steps['std'])}",
        "trained on": f"{images if images is not None else 'unknown'} images, split {split}",
        "progress": f"epoch {found['epoch']} (counted from 0), step {found['global_step']}",
        "averaged": "yes: the averaged weights answer" if found["averaged"] else "no",
        "started from": started["file"] if started else None,
        "parts": ", ".join(
            f"{name} {_megabytes(part['bytes'])} in {part['tensors']} tensors"
            for name, part in found["parts"].items()
        ),
        "NOT NUMBERS": f"{len(broken)} tensors have NaN or infinity: {_some(broken)}"
        if broken
        else None,
    }
    lines = [f"  {name.ljust(13)} {text}" for name, text in rows.items() if text is not None]
    return "\n".join([found["file"], *lines])


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 100_000 else f"{count / 1e3:.1f} kB"


def _numbers(values: list[float]) -> str:
    return "(" + " ".join(f"{value:.3f}" for value in values) + ")"


def _some(names: list[str]) -> str:
    return ", ".join(names[:MOST_NAMED]) + (", ..." if len(names) > MOST_NAMED else "")
