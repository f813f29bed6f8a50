"""The first thing to read: can this model be trusted, by which rules."""

from markupsafe import Markup

from lightning_modules.evaluation.report.page import Level, Section, note, sentence
from lightning_modules.evaluation.report.record import Record
from lightning_modules.evaluation.report.verdict import Check, judge, score_of, worst
from lightning_modules.evaluation.report.wording import count, percent

TITLES: dict[Level, str] = {
    "good": "Nothing speaks against it.",
    "careful": "Usable with care.",
    "bad": "Do not rely on it yet.",
    "note": "It was not tested.",
}


def write_one_look(record: Record) -> Section:
    """The verdict, then each question with its answer and rule."""
    checks = judge(record)
    if not checks:
        text = "Nothing can be said of a model that was not tested (test=false)."
        return Section("one-look", "In one look", [note("note", text, TITLES["note"])])
    level = worst(checks)
    blocks = [note(level, _say(record, checks, level), TITLES[level])]
    blocks += [
        note(
            check.level,
            sentence(
                "<br>{answer} <small>(Rule: {rule}.)</small>", answer=check.answer, rule=check.rule
            ),
            check.question,
        )
        for check in checks
    ]
    lead = "Can I trust this model? Each answer follows a rule that stands beside it."
    return Section("one-look", "In one look", blocks, lead)


def _say(record: Record, checks: list[Check], level: Level) -> Markup:
    name, value, (low, high) = score_of(record)
    groups = "" if record.num_groups is None else f" of {count(record.num_groups, 'group')}"
    said = sentence(
        "{name} {value} (95 % interval {low} to {high}) on {images}{groups}. ",
        name=name.capitalize(),
        value=percent(value),
        low=percent(low),
        high=percent(high),
        images=count(len(record.predictions), "test image"),
        groups=groups,
    )
    asked = [check.question for check in checks if check.level == level]
    if level == "good":
        return said + "All questions below are answered well. That holds for images like these."
    return said + sentence("Look at: {asked}", asked=" ".join(asked))
