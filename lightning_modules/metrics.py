"""Metrics of a phase, by torchmetrics, named <phase>_<name>."""

from collections.abc import Sequence

from torch import Tensor, nn
from torchmetrics import Metric, MetricCollection
from torchmetrics.classification import (
    MulticlassAccuracy,
    MulticlassAUROC,
    MulticlassF1Score,
    MulticlassPrecision,
    MulticlassRecall,
)

PER_CLASS = {"precision": MulticlassPrecision, "recall": MulticlassRecall, "f1": MulticlassF1Score}


class PhaseMetrics(nn.Module):
    """The metrics of training, validation or test over an epoch.

    Accuracy is the share of right answers, balanced accuracy the mean recall of the classes, macro
    F1 the mean F1 of the classes, AUROC the mean area under one class's curve against the others.

    Args:
        class_names: In the order of the logits.
        full: False keeps accuracy and macro F1 only (training, where the rest is not looked at).
    """

    def __init__(self, class_names: Sequence[str], full: bool) -> None:
        super().__init__()
        classes = len(class_names)
        self.class_names = class_names
        metrics: dict[str, Metric] = {
            "accuracy": MulticlassAccuracy(classes, average="micro"),
            "macro_f1": MulticlassF1Score(classes, average="macro"),
        }
        per_class: dict[str, Metric] = {}
        if full:
            metrics["balanced_accuracy"] = MulticlassAccuracy(classes, average="macro")
            metrics["auroc"] = MulticlassAUROC(classes)
            per_class = {name: kind(classes, average=None) for name, kind in PER_CLASS.items()}
        self.overall = MetricCollection(metrics)
        self.per_class = MetricCollection(per_class)

    def update(self, probs: Tensor, label: Tensor) -> None:
        """Take in a batch: probs (B, C), label (B,)."""
        self.overall.update(probs, label)
        self.per_class.update(probs, label)

    def compute(self) -> dict[str, Tensor]:
        """Return name to scalar; per-class names end in the class."""
        values = dict(self.overall.compute())
        for name, per_class in self.per_class.compute().items():
            values |= {f"{name}_{c}": v for c, v in zip(self.class_names, per_class, strict=True)}
        return values

    def reset(self) -> None:
        """Start over."""
        self.overall.reset()
        self.per_class.reset()
