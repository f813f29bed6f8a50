"""Who pays for the average?"""

from collections.abc import Iterator

from lightning_modules.evaluation.report.blocks import Level
from lightning_modules.evaluation.report.record import Record
from lightning_modules.evaluation.report.rules.check import Check
from lightning_modules.evaluation.report.wording import count, percent, slice_interval

WORST_BELOW = 0.15  # of accuracy, by which the worst part may be below the average
FEWEST_OF_PART = 10  # images, below which a part of the test is not judged


def ask_worst_part(record: Record) -> Iterator[Check]:
    """The worst slice beside the average."""
    parts = {
        name: one
        for name, one in record.metrics.get("test_groups", {}).items()
        if one["images"] >= FEWEST_OF_PART
    }
    if not parts:
        return
    name = min(parts, key=lambda part: parts[part]["accuracy"])
    one, mean = parts[name], float(record.predictions.correct.mean())
    called = record.names.part(name, one)
    _, high = slice_interval(one) or (0.0, 1.0)
    below = mean - one["accuracy"]
    level: Level = "good" if below <= WORST_BELOW else "careful"
    if high < mean - WORST_BELOW:
        level = "bad"
    yield Check(
        "Is it fair to every part of the data?",
        level,
        f"At its worst ({called}, {count(one['images'], 'image')}) it is right "
        f"in {percent(one['accuracy'])}; on average in {percent(mean)}.",
        f"good if no part of at least {FEWEST_OF_PART} images is more than "
        f"{100 * WORST_BELOW:.0f} points below the average, a problem if that is no accident",
        f"Look at the wrong answers of {called}; train on more such images.",
    )
