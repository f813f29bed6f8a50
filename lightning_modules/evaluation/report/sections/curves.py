"""How well scores part the classes, whether probabilities mean what they say, what it is worth."""

from collections.abc import Mapping

import numpy as np
from markupsafe import Markup

from lightning_modules.evaluation.report.blocks import (
    grid,
    heading,
    sentence,
    term,
)
from lightning_modules.evaluation.report.figures import GREY, add_legend, chart, new_axes, style_of
from lightning_modules.evaluation.report.page import Section
from lightning_modules.evaluation.report.record import Record
from lightning_modules.evaluation.report.sections.operating import show_operating
from lightning_modules.evaluation.report.sections.probabilities import (
    draw_decision,
    draw_risk,
    show_calibration,
)
from lightning_modules.evaluation.report.wording import decimal
from lightning_modules.evaluation.scores import precision_recall_curves, roc_curves
from lightning_modules.metric_names import name_of_class

Curve = tuple[np.ndarray, np.ndarray]
Drawn = tuple[str, float | None, Curve]

MOST_CURVES = 6
LONGEST_NAME = 24


def write_curves(record: Record) -> Section:
    """ROC, precision-recall, reliability, risk-coverage, decision curve."""
    if record.predictions is None or not np.isfinite(record.predictions.logits).all():
        return Section("curves", "Curves", [])
    parting = [_draw_roc(record), _draw_precision_recall(record)]
    blocks = []
    if any(parting):
        blocks += [heading("Can it tell the classes apart?"), grid([c for c in parting if c])]
    blocks += [heading("Are its probabilities true?"), *show_calibration(record)]
    use = [draw_risk(record), draw_decision(record)]
    blocks += [heading("What can it be used for?"), grid([c for c in use if c])]
    blocks += show_operating(record)
    return Section("curves", "Curves and probabilities", blocks)


def _chosen(record: Record, curves: Mapping[str, Curve], score: str) -> list[Drawn]:
    """The positive class; else each class, of many the ones that are parted worst."""
    names = record.class_names
    if record.positive is not None:
        names = [names[record.positive]]
    found = [
        (name, record.metrics.get(f"test_{name_of_class(score, name)}"), curves[name])
        for name in names
        if name in curves
    ]
    return sorted(found, key=lambda one: one[1] if one[1] is not None else 0.0)[:MOST_CURVES]


def _caption(record: Record, shown: int) -> str:
    if shown < len(record.class_names) and record.positive is None:
        return f" The {shown} classes that are parted worst, of {len(record.class_names)}."
    return ""


def _draw_roc(record: Record) -> Markup | None:
    table = record.predictions
    curves = roc_curves(table.labels, table.probs, table.class_names)
    found = _chosen(record, curves, "auroc")
    if not found:
        return None
    axes = new_axes("false positive rate (others taken for it)", "true positive rate (found of it)")
    axes.plot([0, 1], [0, 1], color=GREY, linestyle=":", linewidth=1, label="guessing")
    for index, (name, score, curve) in enumerate(found):
        axes.plot(*curve, label=f"{_short(name)} {decimal(score) or ''}", **style_of(index))
    add_legend(axes, "AUROC")
    said = ", ".join(f"{name} {decimal(score)}" for name, score, _ in found)
    text = sentence(
        "{roc}: the further it bends to the upper left, the better.{more}",
        roc=term("ROC curve"),
        more=_caption(record, len(found)),
    )
    return chart(axes, f"ROC curves with the area below each: {said}.", text)


def _draw_precision_recall(record: Record) -> Markup | None:
    table = record.predictions
    curves = precision_recall_curves(table.labels, table.probs, table.class_names)
    found = _chosen(record, curves, "average_precision")
    if not found:
        return None
    axes = new_axes("recall (found of the class)", "precision (right among those named)")
    for index, (name, score, curve) in enumerate(found):
        axes.plot(*curve, label=f"{_short(name)} {decimal(score) or ''}", **style_of(index))
    axes.set_ylim(-0.02, 1.03)
    add_legend(axes, "average precision")
    said = ", ".join(f"{name} {decimal(score)}" for name, score, _ in found)
    text = sentence(
        "{p} against {r}: the further to the upper right, the better.{more}",
        p=term("precision", "Precision"),
        r=term("recall"),
        more=_caption(record, len(found)),
    )
    return chart(axes, f"Precision-recall curves, average precision: {said}.", text)


def _short(name: str) -> str:
    """A long name by its two ends: names of classes often differ in the last."""
    half = LONGEST_NAME // 2
    return name if len(name) <= LONGEST_NAME else f"{name[: half - 1]}…{name[-half:]}"
