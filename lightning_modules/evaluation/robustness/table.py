"""The robustness slices as metrics, as a table for people, and in a sentence."""

from dataclasses import asdict
from typing import Any

import numpy as np
from sklearn.metrics import f1_score

from lightning_modules.evaluation.interventions.answers import Answers
from lightning_modules.evaluation.interventions.measures import AS_THEY_ARE, Row, measure_rows

CLEAN = "clean"


def measure_slices(answers: Answers, num_classes: int) -> tuple[dict[str, Row], dict[str, float]]:
    """One row a slice and strength, in the order they were asked, and the macro F1 of each.

    The first is ``clean``, the same images as they are. No answer is a wrong answer.
    """
    measured = measure_rows(answers, num_classes)
    if not measured:
        return {}, {}
    rows = {CLEAN: measured[AS_THEY_ARE]} | {name: measured[name] for name in answers.changed}
    labels, logits, _ = answers.as_they_are.columns()
    scores = {CLEAN: _macro_f1(labels, logits.argmax(axis=1))}
    for name, record in answers.changed.items():
        _, labels, _, after, was_answered, *_ = record.columns()
        scores[name] = _macro_f1(labels, np.where(was_answered > 0, after.argmax(axis=1), -1))
    return rows, scores


def _macro_f1(labels: np.ndarray, predicted: np.ndarray) -> float:
    labels = labels.astype(int)
    classes = np.union1d(labels, predicted[predicted >= 0])
    return float(f1_score(labels, predicted, labels=classes, average="macro", zero_division=0))


def name_metrics(rows: dict[str, Row], scores: dict[str, float]) -> dict[str, Any]:
    """Metrics by name.

    Returns:
        ``test_<slice>_<strength>_accuracy`` with ``_low`` and ``_high`` (see ``Row``),
        ``_macro_f1`` and ``_flip_rate``; ``test_clean_...`` of the same images as they are; and
        ``test_slices``, all rows.
    """
    metrics: dict[str, Any] = {}
    for name, row in rows.items():
        metrics[f"test_{name}_accuracy"] = row.accuracy
        if row.accuracy_low is not None:
            metrics[f"test_{name}_accuracy_low"] = row.accuracy_low
            metrics[f"test_{name}_accuracy_high"] = row.accuracy_high
        metrics[f"test_{name}_macro_f1"] = scores[name]
        if name != CLEAN:
            metrics[f"test_{name}_flip_rate"] = row.flip_rate
    listed = [asdict(row) | {"name": n, "macro_f1": scores[n]} for n, row in rows.items()]
    return metrics | {"test_slices": listed}


def tabulate(rows: dict[str, Row], scores: dict[str, float]) -> list[str]:
    """Lines of the table."""
    lines = [
        f"{'':16}{'images':>7}{'accuracy':>10}{'95 % interval':>17}{'macro F1':>10}{'changed':>9}"
    ]
    for name, row in rows.items():
        interval = ""
        if row.accuracy_low is not None:
            interval = f"{100 * row.accuracy_low:.1f} to {100 * row.accuracy_high:.1f}"
        changed = "" if name == CLEAN else f"{100 * row.flip_rate:.1f} %"
        lines.append(
            f"{name:16}{row.images:7d}{100 * row.accuracy:8.1f} %{interval:>17}"
            f"{scores[name]:10.3f}{changed:>9}"
        )
    return lines


def describe(rows: dict[str, Row]) -> str:
    """Say where the model is weakest."""
    others = {name: row for name, row in rows.items() if name != CLEAN}
    worst = min(others, key=lambda name: (others[name].accuracy, -others[name].flip_rate))
    name, _, strength = worst.rpartition("_")
    row = others[worst]
    if not any(one.flip_rate or one.unanswered for one in others.values()):
        return "No answer changes under any of them."
    sentence = (
        f"It is weakest under {name} of strength {strength}: {100 * row.accuracy:.1f} % are right "
        f"({100 * rows[CLEAN].accuracy:.1f} % as they are), {100 * row.flip_rate:.0f} of 100 "
        "answers change"
    )
    if row.unanswered:
        sentence += f", {100 * row.unanswered:.0f} of 100 get none"
    return f"{sentence}."
