"""Metrics of a phase, by torchmetrics, named <phase>_<name>."""

from collections.abc import Sequence

import torch
from torch import Tensor, distributed, nn
from torchmetrics import Metric, MetricCollection
from torchmetrics.classification import (
    MulticlassAccuracy,
    MulticlassAUROC,
    MulticlassF1Score,
    MulticlassPrecision,
    MulticlassRecall,
    MulticlassStatScores,
)

from lightning_modules.networks.across import count_processes

PER_CLASS = {"precision": MulticlassPrecision, "recall": MulticlassRecall, "f1": MulticlassF1Score}


class PhaseMetrics(nn.Module):
    """The metrics of training, validation or test over an epoch.

    Accuracy is the share of right answers, balanced accuracy the mean recall of the classes, macro
    F1 the mean F1 of the classes, AUROC the mean area under one class's curve against the others.
    Balanced accuracy and AUROC leave out classes that have no image.

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
            per_class = {name: kind(classes, average=None) for name, kind in PER_CLASS.items()}
            per_class |= {"auroc": MulticlassAUROC(classes, average=None)}
            per_class |= {"counts": MulticlassStatScores(classes, average=None)}
        self.full = full
        self.seen = 0  # images since the last reset
        # named, not found at the first update: a process without images would find others
        self.overall = MetricCollection(metrics, compute_groups=[[name] for name in metrics])
        groups = [[name for name in per_class if name != "auroc"], ["auroc"]] if full else False
        self.per_class = MetricCollection(per_class, compute_groups=groups)

    def update(self, probs: Tensor, label: Tensor) -> None:
        """Take in a batch: probs (B, C), label (B,)."""
        self.seen += len(label)
        self.overall.update(probs, label)
        self.per_class.update(probs, label)

    def compute(self) -> dict[str, Tensor]:
        """Return name to scalar; per-class names end in the class. Without images all are 0."""
        if not self._count_seen():
            return dict.fromkeys(self._names(), torch.tensor(0.0))
        values = dict(self.overall.compute())
        if not self.full:
            return values
        per_class = self.per_class.compute()
        present = per_class["counts"][:, -1] > 0
        values["balanced_accuracy"] = per_class["recall"][present].mean()
        values["auroc"] = per_class["auroc"][present].mean()
        for name in PER_CLASS:
            scores = zip(self.class_names, per_class[name], strict=True)
            values |= {f"{name}_{class_name}": score for class_name, score in scores}
        return values

    def _count_seen(self) -> int:
        """Images in all processes."""
        if count_processes() == 1:
            return self.seen
        if self.full and not self.seen:
            # torchmetrics cannot join what is empty to what has two dimensions
            auroc = self.per_class["auroc"]
            auroc.preds.append(torch.zeros(0, len(self.class_names), device=auroc.device))
            auroc.target.append(torch.zeros(0, dtype=torch.long, device=auroc.device))
        seen = torch.tensor(self.seen, device=self.overall["accuracy"].device)
        distributed.all_reduce(seen)
        return int(seen)

    def _names(self) -> list[str]:
        names = list(self.overall)
        if self.full:
            names += ["balanced_accuracy", "auroc"]
            names += [f"{name}_{one}" for name in PER_CLASS for one in self.class_names]
        return names

    def reset(self) -> None:
        """Start over."""
        self.seen = 0
        self.overall.reset()
        self.per_class.reset()
