"""The scores with their intervals, each class, and who is taken for whom."""

import numpy as np
from markupsafe import Markup

from lightning_modules.evaluation.report.blocks import (
    fold,
    heading,
    paragraph,
    sentence,
    table,
    term,
)
from lightning_modules.evaluation.report.page import Section
from lightning_modules.evaluation.report.record import Record
from lightning_modules.evaluation.report.sections.confusion import MOST_CELLS, show_confusion
from lightning_modules.evaluation.report.wording import (
    count,
    decimal,
    decimal_range,
    interval,
    percent,
    percent_range,
)
from lightning_modules.metric_names import name_of_class

# name of the metric, of its entry in the glossary, and whether it is a share
METRICS = (
    ("accuracy", "accuracy", True),
    ("balanced_accuracy", "balanced accuracy", True),
    ("macro_f1", "macro F1", False),
    ("auroc", "AUROC", False),
    ("average_precision", "average precision", False),
    ("log_loss", "log loss", False),
    ("brier", "Brier score", False),
    ("ece", "ECE", False),
    ("calibration_slope", "calibration slope", False),
    ("calibration_intercept", "calibration intercept", False),
)
# name of the metric, of its entry in the glossary, and whether it is a share
CLASS_METRICS = (
    ("precision", "precision", True),
    ("recall", "recall", True),
    ("f1", "F1", False),
    ("auroc", "AUROC", False),
    ("average_precision", "average precision", False),
)


def write_quality(record: Record) -> Section:
    """Metrics, classes, confusion matrix."""
    table_of = record.predictions
    if table_of is None:
        return Section("quality", "Scores", [])
    blocks = [_metrics(record), *_say_intervals(record), *_classes(record)]
    blocks += [heading("Confusion matrix"), *show_confusion(table_of)]
    groups = "" if record.num_groups is None else f" of {count(record.num_groups, 'group')}"
    lead = sentence(
        "How good the answers to {images}{groups} of the test are. The {i} says how far a number "
        "can be trusted.",
        images=count(len(table_of), "image"),
        groups=groups,
        i=term("95 % interval"),
    )
    return Section("quality", "Scores", blocks, lead)


def _metrics(record: Record) -> Markup:
    rows = []
    for name, entry, is_share in METRICS:
        value = record.metrics.get(f"test_{name}")
        if decimal(value) is not None:
            shown, spread = (percent, percent_range) if is_share else (decimal, decimal_range)
            ends = interval(record.metrics, f"test_{name}")
            rows.append([term(entry), shown(value), spread(ends)])
    labels = np.bincount(record.predictions.labels, minlength=len(record.class_names))
    constant = labels.max() / labels.sum()
    rows.append(["always the commonest class (accuracy)", percent(constant), None])
    return table(["", "value", term("95 % interval")], rows)


def _say_intervals(record: Record) -> list[Markup]:
    """How the intervals were made, and of how many independent units."""
    found: dict[str, list[str]] = {}
    for name, one in record.metrics.get("test_intervals", {}).items():
        entry = next((entry for metric, entry, _ in METRICS if metric == name), None)
        if entry is not None:
            unit = "groups" if "groups" in one["method"] else "images"
            how = f"{one['method']}, {one['num_units']:,} {unit}"
            found.setdefault(how, []).append(entry)
    if not found:
        return []
    said = "; ".join(f"{', '.join(names)} ({how})" for how, names in found.items())
    return [paragraph(f"How the intervals were computed: {said}.")]


def _classes(record: Record) -> list[Markup]:
    metrics, rows = record.metrics, []
    labels = np.bincount(record.predictions.labels, minlength=len(record.class_names))
    many = len(record.class_names) > MOST_CELLS
    for index, name in enumerate(record.class_names):
        cells = [f"{index + 1}. {name}" if many else name, f"{labels[index]:,}"]
        for metric, _, is_share in CLASS_METRICS:
            key = name_of_class(f"test_{metric}", name)
            shown, spread = (percent, percent_range) if is_share else (decimal, decimal_range)
            ends = spread(interval(metrics, key))
            text = shown(metrics.get(key)) if labels[index] else None
            cells.append(text if ends is None or text is None else f"{text} ({ends})")
        rows.append(cells)
    header = ["class", "images", *(term(entry) for _, entry, _ in CLASS_METRICS)]
    shown = table(header, rows)
    if len(rows) > MOST_CELLS:
        return [fold(f"Each of the {len(rows)} classes", [shown])]
    return [heading("Each class"), shown]
