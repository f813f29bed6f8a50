"""Patients and clips in the place of images."""

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
from lightning_modules.evaluation.report.sections.confusion import show_confusion
from lightning_modules.evaluation.report.sections.quality import METRICS
from lightning_modules.evaluation.report.wording import (
    count,
    decimal,
    decimal_range,
    interval,
    percent,
    percent_range,
)
from lightning_modules.evaluation.sentences import FEW_GROUPS
from lightning_modules.evaluation.units import GROUP, SIZE

WAYS = {
    "mean": "the mean of the probabilities of its images",
    "max": "that of its most suspicious image, the one that is most surely of the positive class",
}
SHOWN, MOST = 12, 100  # wrong units that are seen at once, and at all


def write_units(record: Record) -> Section:
    """Scores of units beside those of their images, and the wrong ones; nothing without units."""
    if record.units is None or not len(record.units) or "unit" not in record.metrics:
        return Section("units", "Scores by unit", [])
    blocks = [_say_units(record), _scores(record)]
    blocks += [heading("Who is taken for whom"), *show_confusion(record.units, "unit")]
    blocks += _wrong(record)
    unit = _call(record)
    lead = f"The scores that count where somebody acts on all images of one {unit} together."
    return Section("units", f"Scores by {unit}", blocks, lead)


def _call(record: Record) -> str:
    """What a unit is called: group, or the column's name."""
    unit = record.metrics["unit"]
    return "group" if unit == GROUP else unit


def _say_units(record: Record) -> Markup:
    units, metrics = record.units, record.metrics
    right = int(units.correct.sum())
    sizes = units.columns[SIZE].astype(int)
    span = f"{sizes.min():,} to {sizes.max():,}" if np.ptp(sizes) else f"{sizes.max():,}"
    said = sentence(
        "The images of one {unit} make one answer: {way}. {num} with {span} each were tested so, "
        "and {right} of them got the right answer, {share}",
        unit=_call(record),
        way=WAYS[metrics["aggregate"]],
        num=count(len(units), "unit"),
        span=f"{span} images" if sizes.max() > 1 else "1 image",
        right=f"{right:,}",
        share=percent(right / len(units)),
    )
    ends = interval(metrics, "unit_accuracy")
    if ends is not None:
        said += sentence(" ({i} {ends})", i=term("95 % interval"), ends=percent_range(ends))
    said += "."
    if len(units) < FEW_GROUPS:
        said += " So few may all be easy, or all be hard."
    return paragraph(said)


def _scores(record: Record) -> Markup:
    """By image and by unit, side by side."""
    rows, metrics = [], record.metrics
    for name, entry, is_share in METRICS:
        value = metrics.get(f"unit_{name}")
        if decimal(value) is None:
            continue
        shown, spread = (percent, percent_range) if is_share else (decimal, decimal_range)
        ends = interval(metrics, f"unit_{name}")
        rows.append([term(entry), shown(metrics.get(f"test_{name}")), shown(value), spread(ends)])
    header = ["", "by image", f"by {_call(record)}", term("95 % interval")]
    return table(header, rows, f"The interval is that of the scores by {_call(record)}.")


def _wrong(record: Record) -> list[Markup]:
    """Units whose answer is wrong, the surest first."""
    units, names = record.units, record.class_names
    probs = units.probs.max(axis=1)
    wrong = np.flatnonzero(~units.correct)
    wrong = wrong[np.argsort(-probs[wrong], kind="stable")][:MOST].tolist()
    if not wrong:
        return []
    rows = [
        [
            record.names.group(units.ids[row]),
            units.columns[SIZE][row],
            names[units.labels[row]],
            names[units.predicted[row]],
            percent(float(probs[row]), 0),
        ]
        for row in wrong
    ]
    header = [_call(record), "images", "true class", "answered", "how sure"]
    shown = [heading("Wrong ones, the surest first"), table(header, rows[:SHOWN])]
    more = rows[SHOWN:]
    return shown + ([fold(f"{len(more)} more", [table(header, more)])] if more else [])
