"""LightningModule: a gated network, its loss, metrics and optimizer."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler

from lightning_modules.build import build
from lightning_modules.checkpoint import describe_versions, load_all, open_checkpoint, rebuild
from lightning_modules.extras import Extras
from lightning_modules.metrics import PhaseMetrics
from lightning_modules.networks import ROINetwork
from lightning_modules.networks.backbone import native_size
from lightning_modules.networks.gates.base import NetworkOutput
from lightning_modules.networks.mask_source import MaskOrigin
from lightning_modules.objective import (
    classification_loss,
    dominant_label,
    run_network,
    training_loss,
)
from lightning_modules.schedulers import stretch_state

PHASES = ("train", "val", "test")


class ROIClassifier(LightningModule):
    """A classifier that decides from what its gate shows it.

    Args:
        class_names: In the order of the logits.
        region_names: In the order of the ROI's planes.
        model: Backbone, as in conf/model.
        gate: Gate, as in conf/gate (``auto`` is resolved before).
        loss: As in conf/loss.
        optimizer: As in conf/optimizer.
        scheduler: As in conf/scheduler.
        extras: As in conf/extras; None: none.
        positive_class: The class to detect, of two.
        image_size: Height and width of the input; None: the backbone's own.
        class_weights: Of the loss, (C,); None: all alike.
        class_counts: Images of each class in training, (C,), where the loss adjusts logits by them.
        seed: Of what is random inside a step (dropout).
        record: What else belongs to the model's history: the resolved configuration, the split's
            fingerprint. Kept in the checkpoint, not used.
    """

    def __init__(
        self,
        *,
        class_names: Sequence[str],
        region_names: Sequence[str],
        model: dict[str, Any],
        gate: dict[str, Any],
        loss: dict[str, Any],
        optimizer: dict[str, Any],
        scheduler: dict[str, Any],
        extras: dict[str, Any] | None = None,
        positive_class: str | None = None,
        image_size: Sequence[int] | None = None,
        class_weights: Sequence[float] | None = None,
        class_counts: Sequence[float] | None = None,
        seed: int = 0,
        record: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.image_size = tuple(image_size or native_size(model["backbone"]))
        self.extras = Extras() if extras is None else build(extras)
        built = build(gate)
        backbone = build(model, len(class_names), built.backbone_size or image_size)
        self.network = ROINetwork(
            backbone,
            built,
            tuple(region_names),
            self.extras.mask_jitter,
            self.extras.roi_dropout,
        )
        self.extras.check_gate(self.network.gate)
        self.loss = build(loss, class_weights, class_counts)
        self.metrics = self.configure_metrics()
        self._resumed: dict[str, Any] | None = None

    @classmethod
    def load_from_checkpoint(
        cls, checkpoint_path: str | Path, map_location: str | torch.device = "cpu"
    ) -> "ROIClassifier":
        """Rebuild a classifier from the path of its checkpoint alone, without running its content.

        Raises:
            ValueError: The file is none of this project's, carries code, or was cut or damaged.
        """
        checkpoint = open_checkpoint(checkpoint_path, map_location)
        arguments = checkpoint["hyper_parameters"]
        # the weights come from the checkpoint; those it once started from may be gone
        arguments["model"]["pretrained"] = False
        classifier = rebuild(cls, arguments, checkpoint_path)
        load_all(classifier, checkpoint["state_dict"], checkpoint_path)
        return classifier.eval()

    def configure_metrics(self) -> nn.ModuleDict:
        """Metrics of each phase; training keeps the few that are worth their time."""
        names = self.hparams.class_names
        # ModuleDict refuses the key "train", the name of its own method
        return nn.ModuleDict({f"{p}_metrics": PhaseMetrics(names, p != "train") for p in PHASES})

    @property
    def preprocessing(self) -> dict[str, Any]:
        """What the backbone expects of an image: size, mean, std, interpolation."""
        backbone = self.network.backbone
        return {
            "size": list(self.image_size),
            "mean": list(backbone.mean),
            "std": list(backbone.std),
            "interpolation": backbone.interpolation,
        }

    def forward(self, batch: Mapping[str, Any]) -> NetworkOutput:
        """Return logits, mask and origin of a batch; without ``roi`` none is known of any image.

        ``image`` is float (B, 3, H, W), normalised as ``preprocessing`` says.
        """
        image = batch["image"]
        if "roi" not in batch:
            nothing = image.new_zeros(
                len(image), len(self.hparams.region_names), *image.shape[2:], dtype=torch.bool
            )
            batch = {**batch, "roi": nothing, "has_roi": nothing[:, :, 0, 0]}
        return run_network(self.network, batch)

    def _evaluate(self, batch: Mapping[str, Any], phase: str) -> NetworkOutput:
        output = self(batch)
        loss = classification_loss(output, batch, self.loss)
        self._log_step(phase, loss, output, batch)
        return output

    def _log_step(
        self, phase: str, loss: Tensor, output: NetworkOutput, batch: Mapping[str, Any]
    ) -> None:
        """Log what a batch came to; an image without an answer counts in no score."""
        size = len(batch["label"])
        answered = output.origin[:size] != MaskOrigin.ABSTAIN
        probs = output.logits[:size].detach().float().softmax(dim=1)
        num_answered = int(answered.sum())
        if num_answered:
            self.metrics[f"{phase}_metrics"].update(probs[answered], batch["label"][answered])
            name = f"{phase}_loss"
            self.log(name, loss.detach(), on_step=False, on_epoch=True, batch_size=num_answered)
        values = {}
        if self.network.gate.hides:
            empty = ~output.mask[:size].flatten(1).any(dim=1)
            values["empty_mask_share"] = (empty & answered).float().mean()
        if self.network.gate.roi_missing == "abstain":
            values["answered_share"] = answered.float().mean()
        for name, value in values.items():
            self.log(f"{phase}_{name}", value, on_step=False, on_epoch=True, batch_size=size)

    def _log_metrics(self, phase: str) -> None:
        metrics = self.metrics[f"{phase}_metrics"]
        self.log_dict({f"{phase}_{name}": value for name, value in metrics.compute().items()})
        metrics.reset()

    def on_train_batch_start(self, batch: Mapping[str, Any], batch_idx: int) -> None:
        """Make what is random in a step (dropout) a function of (seed, epoch, batch)."""
        mixed = hash((self.hparams.seed, self.current_epoch, batch_idx))
        torch.manual_seed(mixed % 2**63)

    def training_step(self, batch: dict[str, Any], batch_idx: int) -> Tensor:  # noqa: D102
        loss, output = training_loss(self.network, batch, self.loss, self.extras)
        # mixtures are scored by the label of their larger part
        scored = batch | {"label": dominant_label(output, batch["label"])}
        self._log_step("train", loss, output, scored)
        self.log("loss", loss.detach(), prog_bar=True, logger=False, batch_size=len(batch["label"]))
        return loss

    def validation_step(self, batch: Mapping[str, Any], batch_idx: int) -> None:  # noqa: D102
        self._evaluate(batch, "val")

    def test_step(self, batch: Mapping[str, Any], batch_idx: int) -> NetworkOutput:  # noqa: D102
        return self._evaluate(batch, "test")

    def on_train_epoch_end(self) -> None:  # noqa: D102
        self._log_metrics("train")

    def on_validation_epoch_end(self) -> None:  # noqa: D102
        self._log_metrics("val")

    def on_test_epoch_end(self) -> None:  # noqa: D102
        self._log_metrics("test")

    def configure_optimizers(self) -> dict[str, Any]:
        """Build optimizer and scheduler as configured."""
        optimizer = build(self.hparams.optimizer, self.network)
        num_steps = self.trainer.estimated_stepping_batches
        if num_steps == float("inf"):
            raise ValueError("trainer.max_epochs is unlimited; the schedule needs its end.")
        steps_per_epoch = max(1, int(num_steps) // max(self.trainer.max_epochs or 1, 1))
        schedule = build(self.hparams.scheduler, optimizer, int(num_steps), steps_per_epoch)
        self._stretch_resumed(schedule["scheduler"])
        return {"optimizer": optimizer, "lr_scheduler": schedule}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the checkpoint until the scheduler is built; Lightning restores its state later."""
        self._resumed = checkpoint

    def _stretch_resumed(self, scheduler: LRScheduler) -> None:
        """Fit the saved progress of the schedule to the length of this run."""
        if self._resumed is None or not self._resumed.get("lr_schedulers"):
            return
        saved = self._resumed["lr_schedulers"]
        saved[0] = stretch_state(saved[0], scheduler.state_dict())
        self._resumed = None

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add what a reader of the file needs to know."""
        checkpoint["roi_classifier"] = {
            "preprocessing": self.preprocessing,
            **describe_versions(),
        }
