"""How well scores part the classes, whether probabilities mean what they say, what it is worth."""

from collections.abc import Callable

from markupsafe import Markup

from lightning_modules.evaluation.report import curves
from lightning_modules.evaluation.report.figures import COLOURS, GREY, chart, new_axes, style_of
from lightning_modules.evaluation.report.page import (
    Section,
    grid,
    heading,
    paragraph,
    sentence,
    term,
)
from lightning_modules.evaluation.report.record import Record
from lightning_modules.evaluation.report.wording import decimal, percent

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
    blocks += [heading("Are its probabilities true?"), *_calibration(record)]
    blocks += [heading("What if it may pass?"), *_risk(record)]
    if record.positive is not None:
        blocks += [heading("Is acting on it worth it?"), *_decision(record)]
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
    axes = new_axes("others taken for the class", "found of the class")
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


def _calibration(record: Record) -> list[Markup]:
    bins = curves.reliability(record.predictions)
    error = curves.calibration_error(bins)
    axes = new_axes("how sure it said it was", "how often it was right")
    axes.plot([0, 1], [0, 1], color=GREY, linestyle=":", linewidth=1, label="as sure as right")
    sure, right = [one.confidence for one in bins], [one.accuracy for one in bins]
    spread = [[one.accuracy - one.low for one in bins], [one.high - one.accuracy for one in bins]]
    axes.errorbar(sure, right, yerr=spread, fmt="o", color=COLOURS[0], capsize=2, label="answers")
    axes.set_xlim(min(0.98 * min(sure), 1 / len(record.class_names)), 1.02)
    axes.set_ylim(-0.02, 1.03)
    axes.legend(loc="lower right")
    alt = f"Reliability diagram of {len(bins)} bins; the expected calibration error is {error:.3f}."
    text = sentence(
        "{r}: a dot below the line is a number of answers that were less often right than the "
        "model said. Bars are {i}s.",
        r=term("reliability diagram", "Reliability diagram"),
        i=term("95 % interval"),
    )
    counted = new_axes("how sure it said it was", "images")
    width = 0.8 / curves.NUM_BINS
    counted.bar(sure, [one.num for one in bins], width, color=COLOURS[5], edgecolor=COLOURS[0])
    counted.set_xlim(axes.get_xlim())
    surest = sum(one.num for one in bins if one.confidence > 0.9) / len(record.predictions)
    how_many = f"How many images got answers of each confidence: {percent(surest, 0)} above 90 %."
    means = sum(one.num * (one.confidence - one.accuracy) for one in bins) / len(record.predictions)
    judged = "surer than it is right" if means > 0 else "less sure than it is right"
    said = sentence(
        "On average it is {judged} by {points} points; its {ece} is {error}.",
        judged=judged,
        points=f"{100 * abs(means):.1f}",
        ece=term("ECE"),
        error=decimal(error),
    )
    return [paragraph(said), grid([chart(axes, alt, text), chart(counted, how_many, how_many)])]


def _risk(record: Record) -> list[Markup]:
    coverage, risk = curves.risk_coverage(record.predictions)
    axes = new_axes("share of images that it answers", "wrong answers among them")
    axes.plot(coverage, risk, **style_of(0))
    axes.set_ylim(bottom=0)
    whole = float(risk[-1])
    best = [(c, r) for c, r in zip(coverage, risk, strict=True) if r <= whole / 2]
    told = ""
    if best and whole > 0:
        told = (
            f" Leaving the most unsure {percent(1 - float(best[-1][0]), 0)} to a person halves it."
        )
    text = sentence(
        "{r}: answering all images, {whole} are wrong.{told}",
        r=term("risk-coverage curve", "Risk-coverage curve"),
        whole=percent(whole),
        told=told,
    )
    return [grid([chart(axes, f"Risk-coverage curve; {percent(whole)} wrong at the end.", text)])]


def _decision(record: Record) -> list[Markup]:
    found = curves.decision(record.predictions, record.positive)
    name = record.class_names[record.positive]
    axes = new_axes("probability from which one acts", "net benefit an image")
    axes.plot(found["threshold"], found["model"], label="the model", **style_of(0))
    axes.plot(found["threshold"], found["all"], label="act on every image", **style_of(1))
    axes.axhline(0, color=GREY, linestyle=":", label="act on none")
    top = max(float(found["model"].max()), 0.01)
    axes.set_ylim(-0.15 * top, 1.15 * top)
    axes.legend(loc="best")
    better = found["threshold"][found["model"] > [max(0.0, one) for one in found["all"]]]
    told = "the model is nowhere better than one of the two simple rules"
    if len(better):
        told = f"the model is the best choice from {better[0]:.2f} to {better[-1]:.2f}"
    text = sentence(
        "{d} for {name}: where its line is the highest, acting on it does most good; {told}.",
        d=term("decision curve", "Decision curve"),
        name=name,
        told=told,
    )
    return [grid([chart(axes, f"Decision curve for {name}: {told}.", text)])]


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"
