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
    found = record.metrics.get("test_groups", {})
    parts = {name: one for name, one in found.items() if one["images"] >= FEWEST_OF_PART}
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
        f"The worst of the parts with {FEWEST_OF_PART} images or more is {called}: it is right in "
        f"{percent(one['accuracy'])} of {count(one['images'], 'image')}; on average in "
        f"{percent(mean)}.{_say_small(len(found) - len(parts))}",
        f"good if no part of at least {FEWEST_OF_PART} images is more than "
        f"{100 * WORST_BELOW:.0f} points below the average, a problem if that is no accident",
        f"Look at the wrong answers of {called}; train on more such images.",
    )


def _say_small(num: int) -> str:
    """Parts that were not judged; "": all were."""
    if not num:
        return ""
    return f" {count(num, 'smaller part')} could not be judged: see Slices and groups."
