"""Metrics of a phase, by torchmetrics, named <phase>_<name>."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torchmetrics import MeanMetric, Metric, MetricCollection, SumMetric
from torchmetrics.classification import (
    MulticlassAccuracy,
    MulticlassAUROC,
    MulticlassF1Score,
    MulticlassPrecision,
    MulticlassRecall,
    MulticlassStatScores,
)

from lightning_modules.metric_names import name_of_class
from lightning_modules.networks.across import across, count_processes

PER_CLASS = {"precision": MulticlassPrecision, "recall": MulticlassRecall, "f1": MulticlassF1Score}


class Step(NamedTuple):
    """What a batch came to.

    loss (), the mean of the images that got an answer; probs (B, C); label (B,); answered (B,) bool
    whether an image got an answer and counts; empty (B,) bool whether its mask covers nothing.
    num_images that count: B, or 0 where they count in another process.
    """

    loss: Tensor
    probs: Tensor
    label: Tensor
    answered: Tensor
    empty: Tensor
    num_images: int

    def to(self, device: torch.device | str) -> "Step":
        """The same on another device."""
        return Step(*(one.to(device) for one in self[:-1]), self.num_images)


class PhaseMetrics(nn.Module):
    """The metrics of training, validation or test over an epoch.

    Accuracy is the share of right answers, balanced accuracy the mean recall of the classes, macro
    F1 the mean F1 of the classes, AUROC the mean area under one class's curve against the others.
    Balanced accuracy and AUROC leave out classes that have no image. Beside them stand means over
    the images, such as that of the loss.

    Args:
        class_names: In the order of the logits.
        full: False keeps accuracy and macro F1 only (training, where the rest is not looked at).
        means: Names of what is averaged.
        joins: Whether several processes join what each took in; False where each takes in all.
    """

    def __init__(
        self,
        class_names: Sequence[str],
        full: bool,
        means: Sequence[str] = (),
        joins: bool = True,
    ) -> None:
        super().__init__()
        classes, shared = len(class_names), {"sync_on_compute": joins}
        self.class_names = class_names
        metrics: dict[str, Metric] = {
            "accuracy": MulticlassAccuracy(classes, average="micro", **shared),
            "macro_f1": MulticlassF1Score(classes, average="macro", **shared),
        }
        per_class: dict[str, Metric] = {}
        if full:
            kinds = PER_CLASS | {"auroc": MulticlassAUROC, "counts": MulticlassStatScores}
            per_class = {n: kind(classes, average=None, **shared) for n, kind in kinds.items()}
        self.full = full
        self.seen = SumMetric(**shared)  # images since the last reset
        # named, not found at the first update: a process without images would find others
        self.overall = MetricCollection(metrics, compute_groups=[[name] for name in metrics])
        groups = [[name for name in per_class if name != "auroc"], ["auroc"]] if full else False
        self.per_class = MetricCollection(per_class, compute_groups=groups)
        # NaN stays NaN: by default it is left out in silence, and "disable" of torchmetrics 1.9
        # leaves the weights out as well
        self.means = nn.ModuleDict(
            {name: MeanMetric(nan_strategy=math.nan, **shared) for name in means}
        )

    def update(self, probs: Tensor, label: Tensor) -> None:
        """Take in a batch: probs (B, C), label (B,)."""
        self.seen.update(len(label))
        self.overall.update(probs, label)
        self.per_class.update(probs, label)

    def take(self, step: Step) -> None:
        """Take in what a batch came to; an image without an answer counts in no score."""
        answered = step.answered
        if answered.any():
            self.update(step.probs[answered], step.label[answered])
        # of a step that several processes take together each has its part of the loss
        num_answered = float(across(answered.sum()))
        if num_answered:
            self.average("loss", step.loss, num_answered)
        if "empty_mask_share" in self.means:
            share = (step.empty & answered).float().mean()
            self.average("empty_mask_share", share, step.num_images)
        if "answered_share" in self.means:
            self.average("answered_share", answered.float().mean(), step.num_images)

    def average(self, name: str, value: Tensor, num_images: float) -> None:
        """Take in the mean of ``name`` over ``num_images`` images."""
        self.means[name].update(value, num_images)

    def compute(self) -> dict[str, Tensor]:
        """Return name to scalar; per-class names end in the class. Without images all are 0.

        A mean over no image is not there.
        """
        means = {name: mean.compute() for name, mean in self.means.items()}
        self._prepare_joining()
        if not self.seen.compute():
            means = {name: value for name, value in means.items() if not value.isnan()}
            return means | dict.fromkeys(self._names(), torch.tensor(0.0))
        return means | self._scores()

    def _scores(self) -> dict[str, Tensor]:
        values = dict(self.overall.compute())
        if not self.full:
            return values
        per_class = self.per_class.compute()
        present = per_class["counts"][:, -1] > 0
        values["balanced_accuracy"] = per_class["recall"][present].mean()
        values["auroc"] = per_class["auroc"][present].mean()
        for name in PER_CLASS:
            scores = zip(self.class_names, per_class[name], strict=True)
            values |= {name_of_class(name, one): score for one, score in scores}
        return values

    def _prepare_joining(self) -> None:
        """Give a process without images what torchmetrics can join to that of the others."""
        if self.full and count_processes() > 1 and not self.seen.sum_value:
            auroc = self.per_class["auroc"]
            auroc.preds.append(torch.zeros(0, len(self.class_names), device=auroc.device))
            auroc.target.append(torch.zeros(0, dtype=torch.long, device=auroc.device))

    def _names(self) -> list[str]:
        names = list(self.overall)
        if self.full:
            names += ["balanced_accuracy", "auroc"]
            names += [name_of_class(name, one) for name in PER_CLASS for one in self.class_names]
        return names

    def reset(self) -> None:
        """Start over."""
        for metric in self._all().values():
            metric.reset()

    def state(self, joined: bool = False) -> dict[str, dict[str, Any]]:
        """What was taken in since the last reset, as copies of plain tensors.

        Args:
            joined: By all processes together; all of them must ask.
        """
        states = {}
        for name, metric in self._all().items():
            joins = joined and count_processes() > 1
            if joins:
                metric.sync()
            states[name] = {key: _copy(value) for key, value in metric.metric_state.items()}
            if joins:
                metric.unsync()
        return states

    def restore(self, state: Mapping[str, Mapping[str, Any]]) -> None:
        """Go on from a ``state``; metrics that it does not know start over."""
        self.reset()
        for name, metric in self._all().items():
            for key, value in state.get(name, {}).items():
                setattr(metric, key, _copy(value))

    def _all(self) -> dict[str, Metric]:
        metrics: dict[str, Metric] = {"seen": self.seen}
        for kind in ("overall", "per_class"):
            members = getattr(self, kind).items(keep_base=True)
            metrics |= {f"{kind}.{name}": metric for name, metric in members}
        return metrics | {f"means.{name}": metric for name, metric in self.means.items()}


def _copy(value: Tensor | list[Tensor]) -> Tensor | list[Tensor]:
    return [one.clone() for one in value] if isinstance(value, list) else value.clone()
