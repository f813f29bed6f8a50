"""The main scores of a table of predictions, by scikit-learn, named as those of a run's test."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.metrics import f1_score, precision_recall_fscore_support, roc_auc_score

from lightning_modules.evaluation.predictions import PredictionTable
from lightning_modules.evaluation.slices import measure_groups


def score_table(
    table: PredictionTable, slice_by: Sequence[str] = (), pair_by: str | None = None
) -> dict[str, Any]:
    """Metrics ``test_<name>`` over the rows that got an answer.

    Balanced accuracy and AUROC leave out classes that have no image, as in a run's own test.

    Args:
        table: At least one row.
        slice_by: See ``measure_groups``.
        pair_by: See ``measure_groups``.
    """
    answered = table.answered
    metrics: dict[str, Any] = {"test_images": len(table)}
    if len(answered) < len(table):
        metrics["test_answered_share"] = len(answered) / len(table)
    if not len(answered):
        return metrics
    labels, predicted = answered.labels, answered.predicted
    classes = np.arange(len(answered.class_names))
    precision, recall, f1, support = precision_recall_fscore_support(
        labels, predicted, labels=classes, zero_division=0
    )
    # of classes that are neither labelled nor predicted there is nothing to say
    seen = np.union1d(labels, predicted)
    macro = f1_score(labels, predicted, labels=seen, average="macro", zero_division=0)
    metrics |= {
        "test_accuracy": float(answered.correct.mean()),
        "test_macro_f1": float(macro),
        "test_balanced_accuracy": float(recall[support > 0].mean()),
    }
    known = [code for code in classes.tolist() if 0 < support[code] < len(labels)]
    if known and np.isfinite(answered.logits).all():
        areas = [roc_auc_score(labels == code, answered.probs[:, code]) for code in known]
        metrics["test_auroc"] = float(np.mean(areas))
    for code, name in enumerate(answered.class_names):
        metrics[f"test_precision_{name}"] = float(precision[code])
        metrics[f"test_recall_{name}"] = float(recall[code])
        metrics[f"test_f1_{name}"] = float(f1[code])
    metrics["test_confusion_matrix"] = answered.confusion()
    return metrics | measure_groups(answered, slice_by, pair_by)
