"""How well scores part the classes, whether probabilities mean what they say, what it is worth."""

from collections.abc import Callable

from markupsafe import Markup

from lightning_modules.evaluation.report import curves
from lightning_modules.evaluation.report.figures import GREY, chart, new_axes, style_of
from lightning_modules.evaluation.report.page import Section, grid, heading, sentence, term
from lightning_modules.evaluation.report.record import Record
from lightning_modules.evaluation.report.sections.probabilities import (
    draw_decision,
    draw_risk,
    show_calibration,
)
from lightning_modules.evaluation.report.wording import decimal

MOST_CURVES = 6
LONGEST_NAME = 24


def write_curves(record: Record) -> Section:
    """ROC, precision-recall, reliability, risk-coverage, decision curve."""
    if record.predictions is None:
        return Section("curves", "Curves", [])
    parting = [_draw_roc(record), _draw_precision_recall(record)]
    blocks = []
    if any(parting):
        blocks += [heading("Does it part the classes?"), grid([c for c in parting if c])]
    blocks += [heading("Are its probabilities true?"), *show_calibration(record)]
    use = [draw_risk(record), draw_decision(record)]
    blocks += [heading("What can it be used for?"), grid([c for c in use if c])]
    return Section("curves", "Curves and probabilities", blocks)


def _chosen(record: Record, measure: Callable) -> list[tuple[str, curves.Curve]]:
    """The positive class; else each class, of many the ones that are parted worst."""
    names = record.class_names
    labels = range(len(names)) if record.positive is None else [record.positive]
    found = [(names[label], measure(record.predictions, label)) for label in labels]
    found = [(name, curve) for name, curve in found if curve is not None]
    return sorted(found, key=lambda one: one[1].score)[:MOST_CURVES]


def _caption(record: Record, shown: int) -> str:
    if shown < len(record.class_names) and record.positive is None:
        return f" The {shown} classes that are parted worst, of {len(record.class_names)}."
    return ""


def _draw_roc(record: Record) -> Markup | None:
    found = _chosen(record, curves.roc)
    if not found:
        return None
    axes = new_axes("false positive rate (others taken for it)", "true positive rate (found of it)")
    axes.plot([0, 1], [0, 1], color=GREY, linestyle=":", linewidth=1, label="guessing")
    for index, (name, curve) in enumerate(found):
        axes.plot(curve.x, curve.y, label=f"{_short(name)} {curve.score:.3f}", **style_of(index))
    axes.legend(loc="lower right", title="AUROC")
    said = ", ".join(f"{name} {decimal(curve.score)}" for name, curve in found)
    text = sentence(
        "{roc}: the further it bends to the upper left, the better.{more}",
        roc=term("ROC curve"),
        more=_caption(record, len(found)),
    )
    return chart(axes, f"ROC curves with the area below each: {said}.", text)


def _draw_precision_recall(record: Record) -> Markup | None:
    found = _chosen(record, curves.precision_recall)
    if not found:
        return None
    axes = new_axes("recall (found of the class)", "precision (right among those named)")
    for index, (name, curve) in enumerate(found):
        axes.plot(curve.x, curve.y, label=f"{_short(name)} {curve.score:.3f}", **style_of(index))
    axes.set_ylim(-0.02, 1.03)
    axes.legend(loc="lower left", title="average precision")
    said = ", ".join(f"{name} {decimal(curve.score)}" for name, curve in found)
    text = sentence(
        "{p} against {r}: the further to the upper right, the better.{more}",
        p=term("precision", "Precision"),
        r=term("recall"),
        more=_caption(record, len(found)),
    )
    return chart(axes, f"Precision-recall curves, average precision: {said}.", text)


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"
