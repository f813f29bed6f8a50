"""Is it right, and do we know?"""

from collections.abc import Iterator

import numpy as np

from lightning_modules.evaluation.report.blocks import Level
from lightning_modules.evaluation.report.record import Record
from lightning_modules.evaluation.report.rules.check import (
    Check,
    at_least,
    chance_of,
    is_guessing,
    score_of,
)
from lightning_modules.evaluation.report.rules.mistakes import say_mistake, say_promised, say_units
from lightning_modules.evaluation.report.wording import count, percent
from lightning_modules.evaluation.sentences import FEW_GROUPS, WIDE

# width of the interval of the score, a share, up to which the test tells enough
NARROW = 0.10
FOLDS = "--multirun data.num_folds=5 data.fold=0,1,2,3,4"


def ask_broken(record: Record) -> Iterator[Check]:
    """Answers that are not numbers."""
    broken = int((~np.isfinite(record.predictions.logits)).any(axis=1).sum())
    if broken:
        yield Check(
            "Did it work at all?",
            "bad",
            f"{count(broken, 'answer')} of {len(record.predictions):,} are not numbers: no score "
            "below means anything.",
            "every answer must be a number",
            "Train again, with a lower learning rate (optimizer.lr).",
        )


def ask_right(record: Record) -> Check:
    """The score beside guessing."""
    name, value, (low, _) = score_of(record)
    chance = chance_of(record)
    halfway = (1 + chance) / 2
    level: Level = "bad" if is_guessing(record) else "good" if low >= halfway else "careful"
    said = {
        "bad": "That is not shown to be better than guessing.",
        "careful": "That is better than guessing, but far from reliable.",
        "good": "That is far better than guessing.",
    }[level]
    right = percent(float(record.predictions.correct.mean()))
    reason = f"It is right in {right} of the test images. "
    if name != "accuracy":
        reason += f"If every class counts alike, that is {percent(value)} ({name}); guessing"
    else:
        reason += "Always naming the commonest class"
    return Check(
        "Is it right?",
        level,
        f"{reason} would reach {percent(chance, 0)}. {said}"
        f"{say_units(record)}{say_promised(record)}{say_mistake(record)}",
        f"good if even the low end of the interval is above {percent(halfway, 0)} (half-way from "
        "guessing to perfect), a problem if it is not above guessing",
        _advise_training(record),
    )


def _advise_training(record: Record) -> str:
    if record.given and not record.has_run:
        return (
            "In the program that trained it, look at the scores of each epoch: where they still "
            "rise, train longer; where validation stays below training, more images or pretrained "
            "weights help."
        )
    where = "" if record.trained else " in the report of its run"
    return (
        f"Look at the learning curves{where}: where the scores still rise, train longer "
        "(trainer.max_epochs); where validation stays below training, more images or pretrained "
        "weights help (model.pretrained=true)."
    )


def ask_size(record: Record) -> Check:
    """The width of the interval, and how many groups there are."""
    name, _, (low, high) = score_of(record)
    width, groups = high - low, record.num_groups
    level_of_range: Level = "good" if width <= NARROW else "careful" if width <= WIDE else "bad"
    level = level_of_range
    said = (
        f"{count(len(record.predictions), 'test image')}: the true {name} lies between "
        f"{percent(low)} and {percent(high)} with 95 % certainty."
    )
    answer = ""
    if (low, high) == (0, 1):
        said = f"{count(len(record.predictions), 'test image')}: no range can be computed."
        if groups is not None and groups > 1:
            level = level_of_range = "careful"
            answer, said = "Not known", f"{said[:-1]}, as every group is right equally often."
    if groups is None:
        level = at_least(level, "careful")
        said += (
            " Nobody said which images belong to one person or object, so they were counted as "
            "independent, and the true range may be wider."
        )
    else:
        said += f" They are of {count(groups, 'group')} (persons, objects)."
        if groups < FEW_GROUPS:
            level = at_least(level, "careful")
            said += " So few may all be easy, or all be hard."
    return Check(
        "Was the test large enough?",
        level,
        said,
        f"good if this range is at most {100 * NARROW:.0f} points wide, a problem if more than "
        f"{100 * WIDE:.0f}; at least {FEW_GROUPS} groups, and known ones",
        "" if answer else _advise_size(record, level_of_range),
        answer,
    )


def _advise_size(record: Record, level: Level) -> str:
    groups, advice = record.num_groups, []
    if groups is None:
        advice.append(
            "Say which images belong together (column group of the table, or data.group_from)."
        )
    if level != "good" or (groups is not None and groups < FEW_GROUPS):
        more = "images" if groups is None else "groups"
        how = "" if record.given and not record.has_run else f" ({FOLDS})"
        once = f", or on every image once by cross-validation{how}"
        if "num_pooled_folds" in record.metrics:  # every image has been tested
            once = ""
        advice.append(f"Test on more {more}{once}.")
    return " ".join(advice)
