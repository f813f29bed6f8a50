"""LightningModule: a gated network, its loss, metrics and optimizer."""

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler

from lightning_modules.averaging import pick_weights
from lightning_modules.build import build
from lightning_modules.callbacks.epoch_callback import has_validated
from lightning_modules.checkpoint import describe_versions, load_all, open_checkpoint, rebuild
from lightning_modules.extras import Extras
from lightning_modules.metrics import PhaseMetrics, Step
from lightning_modules.networks import ROINetwork
from lightning_modules.networks.across import (
    average_statistics,
    count_processes,
    gather_in_order,
    joint_step,
)
from lightning_modules.networks.backbone import native_size
from lightning_modules.networks.gates.base import NetworkOutput
from lightning_modules.networks.mask_source import MaskOrigin
from lightning_modules.objective import (
    classification_loss,
    count_once,
    dominant_label,
    run_network,
    training_loss,
    window_scale,
)
from lightning_modules.schedulers import stretch_state
from lightning_modules.strategies import Sharded

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
        average: Of the weights, as in conf/average; None: none.
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
        average: dict[str, Any] | None = None,
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
        self.average = None if average is None else build(average, self.network)
        self.loss = build(loss, class_weights, class_counts)
        self.metrics = self.configure_metrics()
        self._resumed: dict[str, Any] | None = None
        self._tested: list[Step] = []
        self._validated: dict[str, Tensor] = {}  # of a resumed run, before it was stopped

    @classmethod
    def load_from_checkpoint(
        cls,
        checkpoint_path: str | Path,
        map_location: str | torch.device = "cpu",
        averaged: bool = True,
    ) -> "ROIClassifier":
        """Rebuild a classifier from the path of its checkpoint alone, without running its content.

        Args:
            checkpoint_path: Of the checkpoint.
            map_location: Where its tensors go.
            averaged: Take the average of the weights where the run kept one, as its validation did;
                False takes the weights that were trained on.

        Raises:
            ValueError: The file is none of this project's, carries code, or was cut or damaged.
        """
        checkpoint = open_checkpoint(checkpoint_path, map_location)
        arguments = checkpoint["hyper_parameters"]
        # the weights come from the checkpoint; those it once started from may be gone
        arguments["model"] |= {"pretrained": False, "compile": False}
        arguments["average"] = None
        classifier = rebuild(cls, arguments, checkpoint_path)
        weights = pick_weights(checkpoint["state_dict"], averaged)
        load_all(classifier, weights, checkpoint_path)
        return classifier.eval()

    def configure_metrics(self) -> nn.ModuleDict:
        """Metrics of each phase; training keeps the few that are worth their time."""
        names, gate = self.hparams.class_names, self.network.gate
        means = ["loss"]
        means += ["empty_mask_share"] if gate.hides else []
        means += ["answered_share"] if gate.roi_missing == "abstain" else []
        # ModuleDict refuses the key "train", the name of its own method
        return nn.ModuleDict(
            {
                f"{p}_metrics": PhaseMetrics(names, p != "train", means, joins=p != "test")
                for p in PHASES
            }
        )

    @property
    def answering(self) -> ROINetwork:
        """The network that answers outside of training: the average of its weights, once begun."""
        averaged = self.average is not None and self.average.began
        return self.average.module if averaged else self.network

    def configure_model(self) -> None:
        """Part the network over the devices where the strategy is to."""
        if isinstance(self.trainer.strategy, Sharded):
            self.trainer.strategy.shard(self.network)
            if self.average is not None:
                self.trainer.strategy.shard(self.average.module)

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
        if not batch.keys() & {"roi", "features"}:
            image = batch["image"]
            nothing = image.new_zeros(
                len(image), len(self.hparams.region_names), *image.shape[2:], dtype=torch.bool
            )
            batch = {**batch, "roi": nothing, "has_roi": nothing[:, :, 0, 0]}
        return run_network(self.answering, batch)

    def _summarise(self, loss: Tensor, output: NetworkOutput, batch: Mapping[str, Any]) -> Step:
        """What a batch came to; an image without an answer, or that is borrowed, does not count."""
        size = len(batch["label"])
        answered = output.origin[:size] != MaskOrigin.ABSTAIN
        if batch.get("borrowed"):  # they count in another process
            size, answered = 0, torch.zeros_like(answered)
        probs = output.logits[: len(answered)].detach().float().softmax(dim=1)
        empty = ~output.mask[: len(answered)].flatten(1).any(dim=1)
        return Step(loss.detach(), probs, batch["label"], answered, empty, size)

    def _log_metrics(self, phase: str) -> None:
        metrics = self.metrics[f"{phase}_metrics"]
        self.log_dict({f"{phase}_{name}": value for name, value in metrics.compute().items()})
        metrics.reset()

    def on_train_start(self) -> None:
        """Let the end of a resumed epoch know of the validation before it was stopped."""
        known = {name: value.to(self.device) for name, value in self._validated.items()}
        self.trainer.callback_metrics.update(known)
        self._validated = {}

    def on_train_batch_start(self, batch: Mapping[str, Any], batch_idx: int) -> None:
        """Make what trains, and what is random in a step, a function of (seed, epoch, batch)."""
        self.network.backbone.start_epoch(self.current_epoch)
        place = (self.global_rank,) if count_processes() > 1 else ()
        mixed = hash((self.hparams.seed, self.current_epoch, batch_idx, *place))
        torch.manual_seed(mixed % 2**63)
        np.random.seed(mixed % 2**32)
        random.seed(mixed)

    def training_step(self, batch: dict[str, Any], batch_idx: int) -> Tensor:  # noqa: D102
        counts = not batch.get("borrowed", False)
        with joint_step(counts):
            loss, output = training_loss(self.network, batch, self.loss, self.extras)
            loss = loss if counts else loss * 0.0
            # mixtures are scored by the label of their larger part
            scored = batch | {"label": dominant_label(output, batch["label"])}
            self.metrics["train_metrics"].take(self._summarise(loss, output, scored))
        self.log("loss", loss.detach(), prog_bar=True, logger=False, batch_size=len(batch["label"]))
        num_batches = self.trainer.num_training_batches
        return loss * window_scale(batch_idx, num_batches, self.trainer.accumulate_grad_batches)

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        """Step, and let the average follow; between the steps of an accumulation nothing does."""
        super().optimizer_step(*args, **kwargs)
        if self.average is not None:
            num_steps = int(self.trainer.estimated_stepping_batches)
            self.average.follow(self.network, self.trainer.global_step + 1, num_steps)

    def on_validation_start(self) -> None:
        """Give every process the same model; BatchNorm has seen other images in each."""
        if count_processes() > 1:
            average_statistics(self)  # of the network and of the average of its weights

    def validation_step(self, batch: Mapping[str, Any], batch_idx: int) -> None:  # noqa: D102
        output = self(batch)
        loss = classification_loss(output, batch, self.loss)
        self.metrics["val_metrics"].take(self._summarise(loss, output, batch))

    def on_test_start(self) -> None:  # noqa: D102
        self._tested = []

    def test_step(self, batch: Mapping[str, Any], batch_idx: int) -> NetworkOutput:
        """Answer a batch; what repeats an image, to fill the batch, is taken away again."""
        output, batch = count_once(self(batch), batch)
        if len(batch["label"]):
            loss = classification_loss(output, batch, self.loss)
            self._tested.append(self._summarise(loss, output, batch).to("cpu"))
        return output

    def on_train_epoch_end(self) -> None:  # noqa: D102
        self._log_metrics("train")
        self._step_plateau()
        self.on_validation_start()  # an epoch may end without validation, and is saved

    def on_validation_epoch_end(self) -> None:  # noqa: D102
        self._log_metrics("val")

    def on_test_epoch_end(self) -> None:
        """Take in all batches of all processes in their order: sums are those of one process."""
        for step in gather_in_order(self._tested):
            self.metrics["test_metrics"].take(step.to(self.device))
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

    def _step_plateau(self) -> None:
        """Let a schedule see the score of the validation before the epoch's checkpoint."""
        for config in self.trainer.lr_scheduler_configs:
            score = self.trainer.callback_metrics.get(config.monitor)
            if config.reduce_on_plateau and has_validated(self.trainer) and score is not None:
                config.scheduler.step(score)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the checkpoint until the scheduler is built; Lightning restores its state later."""
        self._resumed = checkpoint
        # of all processes together: one of them has it, the others begin with nothing
        state = checkpoint.get("train_metrics", {}) if self.global_rank == 0 else {}
        self.metrics["train_metrics"].restore(state)
        self._validated = checkpoint.get("val_metrics", {})

    def _stretch_resumed(self, scheduler: LRScheduler) -> None:
        """Fit the saved progress of the schedule to the length of this run."""
        if self._resumed is None or not self._resumed.get("lr_schedulers"):
            return
        saved = self._resumed["lr_schedulers"]
        saved[0] = stretch_state(saved[0], scheduler.state_dict())
        self._resumed = None

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
