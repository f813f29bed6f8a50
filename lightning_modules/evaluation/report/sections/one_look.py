"""The first thing to read: can this model be trusted, by which rules."""

from markupsafe import Markup

from lightning_modules.evaluation.report.blocks import (
    Level,
    bullets,
    heading,
    note,
    sentence,
)
from lightning_modules.evaluation.report.page import Section
from lightning_modules.evaluation.report.record import Record
from lightning_modules.evaluation.report.rules.check import Check, score_of
from lightning_modules.evaluation.report.verdict import TITLES, advise, judge, say_worst, worst
from lightning_modules.evaluation.report.wording import count, percent


def write_one_look(record: Record) -> Section:
    """The verdict, then each question with its answer and rule."""
    checks = judge(record)
    if not checks:
        text, title = "Nothing can be said of a model that was not tested (test=false).", "note"
        if record.num_unanswered:
            images = count(record.num_unanswered, "test image")
            text, title = f"None of {images} had a mask, so none got an answer.", "bad"
        return Section("one-look", "In one look", [note(title, text, TITLES[title])])
    level = worst(checks)
    blocks = [note(level, _say(record, checks, level), TITLES[level])]
    for check in checks:
        reason = sentence(
            "<br>{reason} <small>(Rule: {rule}.)</small>", reason=check.reason, rule=check.rule
        )
        blocks.append(note(check.level, reason, f"{check.question} {check.said}."))
    blocks += [heading("What to do next"), bullets(advise(checks))]
    lead = "Can I trust this model? Each answer follows a rule that stands beside it."
    return Section("one-look", "In one look", blocks, lead)


def _say(record: Record, checks: list[Check], level: Level) -> Markup:
    name, value, (low, high) = score_of(record)
    groups = "" if record.num_groups is None else f" of {count(record.num_groups, 'group')}"
    ends = "no interval can be computed"
    if (low, high) != (0, 1):
        ends = f"95 % interval {percent(low)} to {percent(high)}"
    said = sentence(
        "{name} {value} ({ends}) on {images}{groups}. ",
        name=name.capitalize(),
        value=percent(value),
        ends=ends,
        images=count(len(record.predictions), "test image"),
        groups=groups,
    )
    if level == "good":
        return said + "Every question below is answered by yes, for images like these."
    return said + sentence("{reasons}", reasons=" ".join(say_worst(checks)))
