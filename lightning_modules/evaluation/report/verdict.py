"""Can this model be trusted? Rules over the numbers of a test, each of which can be read.

No rule needs statistics to be understood, each says by which bounds it judges, and the whole is as
good as its worst part: a model that is right but looks at the background is not to be trusted.
"""

from lightning_modules.evaluation.report.blocks import Level
from lightning_modules.evaluation.report.record import Record
from lightning_modules.evaluation.report.rules.background import BACKGROUND, ask_background
from lightning_modules.evaluation.report.rules.certainty import ask_probabilities
from lightning_modules.evaluation.report.rules.check import ORDER, Check
from lightning_modules.evaluation.report.rules.circumstances import ask_freshness, ask_warnings
from lightning_modules.evaluation.report.rules.fairness import ask_worst_part
from lightning_modules.evaluation.report.rules.quality import (
    ask_broken,
    ask_right,
    ask_size,
)

TITLES: dict[Level, str] = {
    "good": "Nothing speaks against it.",
    "careful": "Usable with care.",
    "bad": "Do not rely on it yet.",
    "note": "It was not tested.",
}
GOOD_NEXT = (
    "Test it where it will be used: python scripts/evaluate.py ckpt=<folder of the run> "
    "data=manifest data.manifest=<table of new images>. These answers hold for images like the "
    "tested ones; other cameras, places and people are another test."
)


def judge(record: Record) -> list[Check]:
    """All that can be asked of this record; nothing where it was not tested."""
    if record.predictions is None:
        return []
    return [
        *ask_broken(record),
        ask_right(record),
        ask_size(record),
        ask_background(record),
        *ask_worst_part(record),
        *ask_probabilities(record),
        *ask_warnings(record),
        *ask_freshness(record),
    ]


def worst(checks: list[Check]) -> Level:
    """The level of the whole."""
    return max((check.level for check in checks), key=ORDER.index, default="note")


def say_worst(checks: list[Check]) -> list[str]:
    """The questions that decide the verdict, each with its answer."""
    level = worst(checks)
    return [f"{check.question} {check.said}." for check in checks if check.level == level]


def advise(checks: list[Check]) -> list[str]:
    """What to do, the most pressing first: whoever reads the background is wrong for that."""
    pressing = sorted(
        checks, key=lambda check: (-ORDER.index(check.level), check.question != BACKGROUND)
    )
    found = [check.advice for check in pressing if check.level != "good" and check.advice]
    return found or [GOOD_NEXT]


def say_verdict(record: Record) -> str:
    """The verdict in one line, for a screen."""
    checks = judge(record)
    level = worst(checks)
    reasons = [] if level in ("good", "note") else say_worst(checks)
    return " ".join(["Can I trust this model?", TITLES[level], *reasons])
