"""Whether probabilities mean what they say, and what the answers can be used for."""

from markupsafe import Markup

from lightning_modules.evaluation.report import curves
from lightning_modules.evaluation.report.figures import COLOURS, GREY, chart, new_axes, style_of
from lightning_modules.evaluation.report.page import grid, paragraph, sentence, term
from lightning_modules.evaluation.report.record import Record
from lightning_modules.evaluation.report.wording import decimal, percent


def show_calibration(record: Record) -> list[Markup]:
    """Reliability diagram, and how many answers there are of each confidence."""
    bins = curves.reliability(record.predictions)
    error = curves.calibration_error(bins)
    axes = new_axes("confidence (how sure it said it was)", "accuracy (how often right)")
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
    counted = new_axes("confidence (how sure it said it was)", "images")
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


def draw_risk(record: Record) -> Markup:
    """Wrong answers among those that are given, when the most unsure are left out."""
    coverage, risk = curves.risk_coverage(record.predictions)
    axes = new_axes("coverage (share that it answers)", "risk (wrong among these)")
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
    return chart(axes, f"Risk-coverage curve; {percent(whole)} wrong at the end.", text)


def draw_decision(record: Record) -> Markup | None:
    """Net benefit of acting on the positive class; None: no class is."""
    if record.positive is None:
        return None
    found = curves.decision(record.predictions, record.positive)
    name = record.class_names[record.positive]
    axes = new_axes("threshold (probability from which to act)", "net benefit")
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
    return chart(axes, f"Decision curve for {name}: {told}.", text)
