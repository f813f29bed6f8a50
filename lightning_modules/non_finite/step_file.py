"""One step of training in a file: its batch and what else it takes to do it again."""

import math
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from lightning_modules.checkpoint import FORMAT, describe_versions, load_plain
from lightning_modules.run_files import open_beside

BATCH, WEIGHTS = "batch.pt", "weights.ckpt"


class Step(NamedTuple):
    """A step of training as it was about to be taken.

    ``loss`` is what it came to and ``gradient_norm`` the length of its gradients (None: not
    known), ``lr`` the learning rate that it would have been taken at, ``accumulated`` over how many
    batches losses are averaged. ``seed`` is that of all that is drawn within the step, ``threads``
    the number of threads that computed it. ``previous`` are the losses of the batches before, the
    oldest first, ``num_batches`` those of an epoch.
    """

    epoch: int
    batch: int
    step: int
    seed: int
    lr: float
    precision: str
    accumulated: int
    threads: int
    loss: float
    gradient_norm: float | None
    previous: list[float]
    num_batches: int


def write_step(path: Path, step: Step, batch: dict[str, Any]) -> None:
    """Write a step; its weights are to stand beside it as ``weights.ckpt``."""
    plain = {name: _to_cpu(value) for name, value in batch.items()}
    written = {
        "step_of_roi_classifier": describe_versions(),
        "step": step._asdict(),
        "batch": plain,
    }
    with open_beside(path) as file:
        torch.save(written | {"batch": plain}, file)


def read_step(path: Path) -> tuple[Step, dict[str, Any]]:
    """Read a step and its batch.

    Raises:
        ValueError: There is no such file, it was cut, carries code, or is none of this project's.
    """
    content = load_plain(path)
    written = content.get("step_of_roi_classifier") if isinstance(content, dict) else None
    if not isinstance(written, dict) or "step" not in content:
        raise ValueError(
            f"{path} is no batch that a run of this project has saved: expected the file "
            f"non_finite/{BATCH} of a run."
        )
    if written["format"] > FORMAT:
        raise ValueError(
            f"{path} has format {written['format']}, this version reads up to {FORMAT}: update the "
            "project."
        )
    return Step(**content["step"]), content["batch"]


def broken_rows(batch: dict[str, Any]) -> dict[str, list[str]]:
    """Ids of the samples with values that are not finite, by the name of what has them."""
    found = {}
    for name, value in batch.items():
        if isinstance(value, Tensor) and value.is_floating_point() and len(value):
            finite = value.isfinite().flatten(1).all(dim=1) if value.ndim > 1 else value.isfinite()
            if not bool(finite.all()):
                found[name] = [batch["id"][row] for row in (~finite).nonzero()[:, 0].tolist()]
    return found


def broken_tensors(module: nn.Module) -> list[str]:
    """Names of the parameters and buffers with values that are not finite."""
    return [
        name
        for name, value in module.state_dict().items()
        if value.is_floating_point() and not bool(value.isfinite().all())
    ]


def is_finite(value: float | None) -> bool:
    """Whether a number that may be unknown is known to be none."""
    return value is None or math.isfinite(value)


def _to_cpu(value: Any) -> Any:  # noqa: ANN401
    return value.detach().cpu() if isinstance(value, Tensor) else value
