"""What a run that goes on knows of where it was stopped."""

from abc import abstractmethod
from typing import Any

from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler

from lightning_modules.checkpoint import describe_versions
from lightning_modules.schedulers import stretch_state


class Resumable(LightningModule):
    """A module whose checkpoint holds what was measured of the epoch so far."""

    metrics: nn.ModuleDict

    def __init__(self) -> None:
        super().__init__()
        self._resumed: dict[str, Any] | None = None
        self._validated: dict[str, Tensor] = {}  # before the run was stopped

    @property
    @abstractmethod
    def preprocessing(self) -> dict[str, Any]:
        """What is expected of an image."""

    def on_train_start(self) -> None:
        """Let the end of a resumed epoch know of the validation before it was stopped."""
        known = {name: value.to(self.device) for name, value in self._validated.items()}
        self.trainer.callback_metrics.update(known)
        self._validated = {}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the checkpoint until the scheduler is built; Lightning restores its state later."""
        self._resumed = checkpoint
        # of all processes together: one of them has it, the others begin with nothing
        state = checkpoint.get("train_metrics", {}) if self.global_rank == 0 else {}
        self.metrics["train_metrics"].restore(state)
        self._validated = checkpoint.get("val_metrics", {})

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add what a reader of the file needs to know, and what is measured of the epoch so far."""
        checkpoint["train_metrics"] = self.metrics["train_metrics"].state(joined=True)
        # an epoch may end long after its last validation (trainer.val_check_interval)
        known = self.trainer.callback_metrics.items()
        checkpoint["val_metrics"] = {k: v.clone() for k, v in known if k.startswith("val_")}
        checkpoint["roi_classifier"] = {
            "preprocessing": self.preprocessing,
            **describe_versions(),
        }

    def stretch_resumed(self, scheduler: LRScheduler) -> None:
        """Fit the saved progress of the schedule to the length of this run."""
        if self._resumed is None or not self._resumed.get("lr_schedulers"):
            return
        saved = self._resumed["lr_schedulers"]
        saved[0] = stretch_state(saved[0], scheduler.state_dict())
        self._resumed = None
