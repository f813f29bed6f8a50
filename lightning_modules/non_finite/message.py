"""What to say of a step that leads nowhere: what happened, in which images, what to try."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule, Trainer

from lightning_modules.non_finite.step_file import (
    Step,
    broken_rows,
    broken_tensors,
    is_finite,
)

SHOWN = 5
SAFE_LR = 1e-3  # most that is proposed, however high the rate was


class NonFinite(ValueError):
    """A loss, a gradient or a weight is NaN or infinite."""


def explain_step(
    pl_module: LightningModule,
    trainer: Trainer,
    step: Step,
    batch: dict[str, Any],
    kept: Path | OSError,
) -> str:
    """Describe the step that was not taken.

    Args:
        pl_module: What is trained, as it was before the step.
        trainer: Its options are what can be changed.
        step: The step.
        batch: Of it.
        kept: Where the batch is, or why it is nowhere.
    """
    what = "gradient norm" if is_finite(step.loss) else "loss"
    value = step.gradient_norm if is_finite(step.loss) else step.loss
    if is_finite(value):
        what, value = "loss or gradient norm of another process", "not finite"
    before = ", ".join(f"{loss:.4g}" for loss in step.previous) or "none"
    lines = [
        f"The {what} is {value} in epoch {step.epoch + 1}, batch {step.batch + 1} of "
        f"{trainer.num_training_batches} (step {step.step + 1}, loss {step.loss:.4g}, learning "
        f"rate {step.lr:.3g}, precision {step.precision}, losses before: {before}). The run stops; "
        "the weights are those before this step.",
        f"  Images of the batch: {list_some(batch['id'])}",
        *(f"  {cause}" for cause in _causes(pl_module, trainer, step, batch)),
    ]
    if isinstance(kept, OSError):
        return "\n".join([*lines, f"  The step could not be kept: {kept}"])
    command = f"python scripts/train.py debug=replay debug.batch={kept}"
    return "\n".join(
        [*lines, "  In which layer it begins, and what each image costs:", f"    {command}"]
    )


def explain_weights(broken: list[str], epoch: int) -> str:
    """Describe a checkpoint that is not worth saving."""
    return (
        f"{len(broken)} weights are NaN or infinite in epoch {epoch + 1} ({list_some(broken)}), so "
        "this checkpoint was not written and the one before stays. Start a new run with a lower "
        "optimizer.lr."
    )


def _causes(
    pl_module: LightningModule, trainer: Trainer, step: Step, batch: dict[str, Any]
) -> Iterator[str]:
    """What may have led to it, the most certain first; each with what to do."""
    data = broken_rows(batch)
    for name, ids in data.items():
        yield (
            f"The data is the cause: {name} is not finite in {len(ids)} of {len(batch['id'])} "
            f"images: {list_some(ids)}. Look at their files, mend or leave them out."
        )
    if data:
        return
    broken = broken_tensors(pl_module)
    if broken:
        yield (
            f"The step before has broken the weights: {len(broken)} of them are not finite "
            f"({list_some(broken)})."
        )
    yield "All values of the batch are finite. Start a new run with one of these:"
    lr = pl_module.hparams.optimizer.get("lr")
    if lr is not None:
        yield f"  optimizer.lr={min(lr / 10, SAFE_LR):.3g}   (it is {lr:.3g})"
    if not trainer.gradient_clip_val:
        yield "  trainer.gradient_clip_val=1.0   (gradients are not clipped)"
    if step.precision.startswith("16"):
        yield f"  trainer.precision=bf16-mixed   ({step.precision} overflows above 65504)"


def list_some(names: list[str]) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
