"""What a run is doing, written where another process reads it when it kills the run."""

import functools
import mmap
from collections.abc import Callable
from typing import Any

PHASES = (
    "preparation", "start of training", "a training batch", "the loss and its gradients",
    "the optimizer's step", "between steps", "validation", "the end of an epoch",
    "writing a checkpoint", "writing another file", "the test",
)  # fmt: skip


def mark_phases(phase: mmap.mmap) -> None:
    """Let the hooks of training in this process write the number of their phase."""
    from lightning_modules import run_files
    from lightning_modules.checkpoint_io import SafeCheckpointIO
    from lightning_modules.roi_classifier import ROIClassifier

    for hook, name in (
        ("on_fit_start", "start of training"),
        ("on_train_batch_start", "a training batch"),
        ("training_step", "the loss and its gradients"),
        ("on_before_optimizer_step", "the optimizer's step"),
        ("on_train_batch_end", "between steps"),
        ("on_validation_start", "validation"),
        ("on_train_epoch_end", "the end of an epoch"),
        ("on_test_start", "the test"),
    ):
        _mark(ROIClassifier, hook, phase, PHASES.index(name), stays=True)
    _mark(SafeCheckpointIO, "save_checkpoint", phase, PHASES.index("writing a checkpoint"))
    _mark(run_files, "write_bytes", phase, PHASES.index("writing another file"))


def _mark(owner: Any, name: str, phase: mmap.mmap, number: int, stays: bool = False) -> None:
    original: Callable[..., Any] = getattr(owner, name)

    @functools.wraps(original)
    def marked(*args: Any, **kwargs: Any) -> Any:
        before, phase[0] = phase[0], number
        try:
            return original(*args, **kwargs)
        finally:
            if not stays:
                phase[0] = before

    setattr(owner, name, marked)
