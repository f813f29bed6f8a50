"""Can this model be trusted? Rules over the numbers of a test, each of which can be read.

No rule needs statistics to be understood, each says by which bounds it judges, and the whole is as
good as its worst part: a model that is right but looks at the background is not to be trusted.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lightning_modules.evaluation.report import curves
from lightning_modules.evaluation.report.page import Level
from lightning_modules.evaluation.report.record import Record
from lightning_modules.evaluation.report.wording import count, interval, percent
from lightning_modules.evaluation.slices import wilson_interval

# widths of the interval of the score, in shares: up to which the test tells enough, or something
NARROW, WIDE = 0.10, 0.20
FEWEST_GROUPS = 5  # of a test, below which it tells of these few alone
# share of answers that another background changes, and the same of accuracy lost
STILL, UNSTEADY = 0.05, 0.15
WORST_BELOW = 0.15  # of accuracy, by which the worst part may be below the average
FEWEST_OF_PART = 10  # images, below which a part of the test is not judged
TRUE = 0.05  # expected calibration error up to which probabilities are taken at their word
MOST_LOOKS = 5  # at the test split, beyond which its score is no longer of unseen images
ORDER: tuple[Level, ...] = ("note", "good", "careful", "bad")


@dataclass(frozen=True)
class Check:
    """A question, what its answer is worth, the answer, and the rule that it follows."""

    question: str
    level: Level
    answer: str
    rule: str


def judge(record: Record) -> list[Check]:
    """All that can be asked of this record; nothing where it was not tested."""
    if record.predictions is None:
        return []
    found = [
        _is_right(record),
        _is_large_enough(record),
        _background(record),
        *_worst_part(record),
        _probabilities(record),
        _warnings(record),
        *_looks(record),
    ]
    return [*_broken(record), *found]


def worst(checks: list[Check]) -> Level:
    """The level of the whole."""
    return max((check.level for check in checks), key=ORDER.index, default="note")


def score_of(record: Record) -> tuple[str, float, tuple[float, float]]:
    """Name, value and interval of the score that is judged; without an interval that of accuracy.

    Images are taken for independent then, and the interval for Wilson's (1927).
    """
    for name in ("balanced_accuracy", "accuracy"):
        ends = interval(record.metrics, f"test_{name}")
        if ends is not None:
            return name.replace("_", " "), record.metrics[f"test_{name}"], ends
    right = int(record.predictions.correct.sum())
    total = len(record.predictions)
    return "accuracy", right / total, wilson_interval(right, total)


def _broken(record: Record) -> Iterator[Check]:
    broken = int((~np.isfinite(record.predictions.logits)).any(axis=1).sum())
    if broken:
        yield Check(
            "Did it work at all?",
            "bad",
            f"{count(broken, 'answer')} of {len(record.predictions):,} are not numbers: no score "
            "below means anything.",
            "every answer must be a number",
        )


def _is_right(record: Record) -> Check:
    name, value, (low, _) = score_of(record)
    labels = np.bincount(record.predictions.labels, minlength=len(record.class_names))
    chance = 1 / len(record.class_names) if name != "accuracy" else labels.max() / labels.sum()
    halfway = (1 + chance) / 2
    level: Level = "bad" if low <= chance else "good" if low >= halfway else "careful"
    said = {
        "bad": "That is not shown to be better than guessing.",
        "careful": "That is better than guessing, but far from reliable.",
        "good": "That is far better than guessing.",
    }[level]
    guessing = "Guessing" if name != "accuracy" else "Always naming the commonest class"
    return Check(
        "Is it right?",
        level,
        f"It is right in {percent(value)} of the test images ({name}). {guessing} would reach "
        f"{percent(chance, 0)}. {said}",
        f"good if even the low end of the interval is above {percent(halfway, 0)} (half-way from "
        "guessing to perfect), a problem if it is not above guessing",
    )


def _is_large_enough(record: Record) -> Check:
    name, _, (low, high) = score_of(record)
    width, groups = high - low, record.num_groups
    level: Level = "good" if width <= NARROW else "careful" if width <= WIDE else "bad"
    said = (
        f"{count(len(record.predictions), 'test image')}: the true {name} lies between "
        f"{percent(low)} and {percent(high)} with 95 % certainty."
    )
    if groups is None:
        level = max(level, "careful", key=ORDER.index)
        said += (
            " Nobody said which images belong to one person or object, so they were counted as "
            "independent, and the true range may be wider."
        )
    else:
        said += f" They are of {count(groups, 'group')} (persons, objects)."
        if groups < FEWEST_GROUPS:
            level = max(level, "careful", key=ORDER.index)
            said += " So few may all be easy, or all be hard."
    return Check(
        "Was the test large enough?",
        level,
        said,
        f"good if this range is at most {100 * NARROW:.0f} points wide, a problem if more than "
        f"{100 * WIDE:.0f}; at least {FEWEST_GROUPS} groups, and known ones",
    )


def _background(record: Record) -> Check:
    metrics = record.metrics
    question = "Does it look at the right thing?"
    rule = (
        f"good if another background changes at most {100 * STILL:.0f} of 100 answers and costs at "
        f"most {100 * STILL:.0f} points, a problem from {100 * UNSTEADY:.0f} on"
    )
    flips = metrics.get("test_flip_rate", metrics.get("test_pair_flip_rate"))
    if flips is None:
        said = "Not known: no test image has a region of interest to exchange the background of."
        if metrics.get("gate_promise", "none") != "none":
            said = "Its gate hides the background, but no background could be exchanged to see."
        return Check(question, "careful", said, rule)
    gap = metrics.get("test_background_gap") or 0.0
    pairs = metrics.get("test_pair_flip_rate", 0.0)
    damage = max(flips, gap, pairs)
    level: Level = "good" if damage <= STILL else "careful" if damage < UNSTEADY else "bad"
    said = f"Exchanging only the background changes {100 * flips:.0f} of 100 answers"
    if "test_random_background_accuracy" in metrics:
        said += f", and {percent(metrics['test_random_background_accuracy'])} are right then"
    said += f". {_say_damage(level)}"
    if metrics.get("mask_only_warning"):
        level = max(level, "careful", key=ORDER.index)
        said += " But the outline of the region alone gives the class away, which no gate hides."
    return Check(question, level, said, rule)


def _say_damage(level: Level) -> str:
    return {
        "good": "It decides by the region of interest.",
        "careful": "Some of its answers depend on the background.",
        "bad": "It reads the background, and will fail where that is another one.",
    }[level]


def _worst_part(record: Record) -> Iterator[Check]:
    parts = {
        name: one
        for name, one in record.metrics.get("test_groups", {}).items()
        if one["images"] >= FEWEST_OF_PART
    }
    if not parts:
        return
    name = min(parts, key=lambda part: parts[part]["accuracy"])
    one, mean = parts[name], float(record.predictions.correct.mean())
    right = round(one["accuracy"] * one["images"])
    _, high = wilson_interval(right, one["images"])
    below = mean - one["accuracy"]
    level: Level = "good" if below <= WORST_BELOW else "careful"
    if high < mean - WORST_BELOW:
        level = "bad"
    yield Check(
        "Is it fair to every part of the data?",
        level,
        f"At its worst ({record.names.scrub(name)}, {count(one['images'], 'image')}) it is right "
        f"in {percent(one['accuracy'])}; on average in {percent(mean)}.",
        f"good if no part of at least {FEWEST_OF_PART} images is more than "
        f"{100 * WORST_BELOW:.0f} points below the average, a problem if that is no accident",
    )


def _probabilities(record: Record) -> Check:
    error = record.metrics.get("test_ece")
    if error is None:
        error = curves.calibration_error(curves.reliability(record.predictions))
    level: Level = "good" if error <= TRUE else "careful"
    said = "can be taken at their word" if level == "good" else "cannot be taken at their word"
    return Check(
        "Does it know how sure it is?",
        level,
        f"Its probabilities are off by {100 * error:.1f} points on average, so they {said}.",
        f"good if at most {100 * TRUE:.0f} points; never a problem, as the answers stay the same",
    )


def _warnings(record: Record) -> Check:
    num = len(record.facts.get("warnings", []))
    level: Level = "careful" if num else "good"
    said = "Nothing was found in data or training that warns of these numbers."
    if num:
        said = f"{count(num, 'warning')} came up; they stand below, in Warnings."
    return Check("Did anything warn?", level, said, "good if there is no warning")


def _looks(record: Record) -> Iterator[Check]:
    looks = record.facts.get("test", {}).get("looks")
    if looks is None:
        return
    level: Level = "good" if looks <= MOST_LOOKS else "careful"
    said = f"These test images were looked at {count(looks, 'time')}, this one included."
    if level == "careful":
        said += " Whoever chooses among so many results finds a lucky one: test on new images."
    yield Check(
        "Is the test still fresh?", level, said, f"good up to {MOST_LOOKS} looks at the same images"
    )
