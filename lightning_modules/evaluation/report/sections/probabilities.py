"""Whether probabilities mean what they say, and what the answers can be used for."""

from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup

from lightning_modules.evaluation.report.figures import (
    COLOURS,
    GREY,
    add_legend,
    chart,
    new_axes,
    style_of,
    thin,
)
from lightning_modules.evaluation.report.page import grid, paragraph, sentence, term
from lightning_modules.evaluation.report.record import Record
from lightning_modules.evaluation.report.wording import percent
from lightning_modules.evaluation.scores.calibration import (
    ReliabilityBins,
    expected_calibration_error,
    log_probs,
    reliability_bins,
)
from lightning_modules.evaluation.scores.decision import decision_curve
from lightning_modules.evaluation.scores.risk_coverage import risk_coverage
from lightning_modules.evaluation.sentences import say_calibration
from lightning_modules.evaluation.statistics.wilson import wilson_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NEAR = 0.05  # of 1, where a temperature changes nothing that can be seen
SURE = 0.9
MOST_LEFT = 0.5  # share of images, beyond which nobody would leave them to a person


def show_calibration(record: Record) -> list[Markup]:
    """Reliability diagram, and how many answers there are of each confidence."""
    table, metrics = record.predictions, record.metrics
    axes = new_axes("confidence (how sure it said it was)", "accuracy (how often right)")
    axes.plot([0, 1], [0, 1], color=GREY, linestyle=":", linewidth=1, label="as sure as right")
    bins = reliability_bins(table.labels, np.exp(log_probs(table.logits)))
    _draw_bins(axes, bins, "o", COLOURS[0], "as it is")
    temperature = None if record.calibration is None else record.calibration.temperature
    if temperature is not None and abs(temperature - 1) > NEAR:
        mended = reliability_bins(table.labels, np.exp(log_probs(table.logits, temperature)))
        _draw_bins(axes, mended, "s", COLOURS[1], f"temperature {temperature:.2f}")
    axes.set_xlim(min(0.98 * bins.confidence[0], 1 / len(record.class_names)), 1.02)
    axes.set_ylim(-0.02, 1.03)
    add_legend(axes)
    error = expected_calibration_error(bins)
    alt = f"Reliability diagram; the expected calibration error is {error:.3f}."
    text = sentence(
        "{r}: a dot below the line is a number of answers that were less often right than the "
        "model said. Bars are {i}s.",
        r=term("reliability diagram", "Reliability diagram"),
        i=term("95 % interval"),
    )
    surest = float((table.probs.max(axis=1) > SURE).mean())
    counts = f"Images by confidence: {percent(surest, 0)} got an answer of more than 90 %."
    shown = grid([chart(axes, alt, text), chart(_draw_counts(bins, axes), counts, counts)])
    said = say_calibration(metrics, record.calibration)
    return [paragraph(said), shown] if said is not None else [shown]


def _draw_bins(axes: "Axes", bins: ReliabilityBins, shape: str, colour: str, label: str) -> None:
    right = np.round(bins.accuracy * bins.num_images).astype(int)
    ends = np.array([wilson_interval(*one) for one in zip(right, bins.num_images, strict=True)])
    spread = np.abs(ends.T - bins.accuracy)
    style = {"fmt": shape, "color": colour, "capsize": 2, "markersize": 5, "elinewidth": 1}
    axes.errorbar(bins.confidence, bins.accuracy, yerr=spread, label=label, **style)


def _draw_counts(bins: ReliabilityBins, beside: "Axes") -> "Axes":
    axes = new_axes("confidence (how sure it said it was)", "images")
    edges = bins.edges
    widths = edges[:, 1] - edges[:, 0]
    style = {"align": "edge", "color": COLOURS[5], "edgecolor": COLOURS[0]}
    axes.bar(edges[:, 0], bins.num_images, widths, **style)
    axes.set_xlim(beside.get_xlim())
    return axes


def draw_risk(record: Record) -> Markup:
    """Wrong answers among those that are given, when the most unsure are left out."""
    table = record.predictions
    coverage, risk, _ = risk_coverage(table.correct, table.probs.max(axis=1))
    axes = new_axes("coverage (share that it answers)", "risk (wrong among these)")
    axes.plot(*thin(coverage, risk), **style_of(0))
    axes.set_ylim(bottom=0)
    whole = float(risk[-1])
    halved, told = np.flatnonzero(risk <= whole / 2), ""
    if len(halved) and whole > 0:
        left = 1 - float(coverage[halved[-1]])
        told = f" Leaving the most unsure {percent(left, 0)} to a person halves it."
        if left > MOST_LEFT:
            told = " Leaving the most unsure to a person helps little: it is not sure where right."
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
    table = record.predictions
    found = decision_curve(table.labels == record.positive, table.probs[:, record.positive])
    name = record.class_names[record.positive]
    axes = new_axes("threshold (probability from which to act)", "net benefit")
    axes.plot(found.thresholds, found.model, label="the model", **style_of(0))
    axes.plot(found.thresholds, found.everyone, label="act on every image", **style_of(1))
    axes.axhline(0, color=GREY, linestyle=":", label="act on none")
    top = max(float(found.model.max()), 0.01)
    axes.set_ylim(-0.15 * top, 1.15 * top)
    add_legend(axes)
    better = found.thresholds[found.model > np.maximum(found.everyone, 0)]
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
