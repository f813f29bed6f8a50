"""What do the answers depend on, and who pays for the average?"""

import re
from collections.abc import Iterator

from lightning_modules.evaluation.report.blocks import Level
from lightning_modules.evaluation.report.record import Record
from lightning_modules.evaluation.report.rules.check import Check, at_least, is_guessing
from lightning_modules.evaluation.report.wording import count, percent, slice_interval

BACKGROUND = "Does it look at the right thing?"
# share of answers that another background changes, and the same of accuracy lost
STILL, UNSTEADY = 0.05, 0.15
WRITTEN = 0.01  # of accuracy: less is not worth a word
WORST_BELOW = 0.15  # of accuracy, by which the worst part may be below the average
FEWEST_OF_PART = 10  # images, below which a part of the test is not judged


def ask_background(record: Record) -> Check:
    """What another background does to the answers."""
    metrics = record.metrics
    rule = (
        f"good if another background changes at most {100 * STILL:.0f} of 100 answers and costs at "
        f"most {100 * STILL:.0f} points, a problem from {100 * UNSTEADY:.0f} on"
    )
    flips = metrics.get("test_flip_rate")
    if flips is None:
        flips = metrics.get("test_pair_flip_rate")
    if flips is None:
        said = "No test image has a region of interest to exchange the background of."
        if metrics.get("gate_promise", "none") != "none":
            said = "Its gate hides the background, but none could be exchanged to test that."
        if _unasked(record):
            said = "Nobody asked: no background was exchanged (interventions=none)."
        if "gate_promise" not in metrics:
            said = "The answers were pooled from several tests, whose own reports tell."
        if record.given:
            said = "Only its answers were given, so it was not asked."
        return Check(BACKGROUND, "careful", said, rule, _advise(record, unknown=True), "Not known")
    gap = metrics.get("test_background_gap") or 0.0
    pairs = metrics.get("test_pair_flip_rate") or 0.0
    damage = max(flips, gap, pairs)
    level: Level = "good" if damage <= STILL else "careful" if damage < UNSTEADY else "bad"
    said = f"Exchanging only the background changes {100 * flips:.0f} of 100 answers"
    if gap >= WRITTEN:
        said += f" and costs {100 * gap:.1f} points of accuracy"
    if pairs > max(flips, gap):
        said += (
            f", and {100 * pairs:.0f} of 100 real pairs of images that differ in the background "
            "only get two different answers"
        )
    if level == "good" and is_guessing(record):
        said += ". That says little of a model that does no better than guessing."
        return Check(BACKGROUND, "note", said, rule)
    said += f". {_say_damage(level)}"
    if metrics.get("mask_only_warning"):
        level = at_least(level, "careful")
        said += " But the outline of the region alone gives the class away, which no gate hides."
    return Check(BACKGROUND, level, said, rule, _advise(record))


def _advise(record: Record, unknown: bool = False) -> str:
    """How the background is kept out, or found out about."""
    gated = record.metrics.get("gate_promise", "none") != "none"
    if record.has_run:
        return "Read the report of its run."
    if record.given and unknown:
        return (
            "Evaluate the model itself, which shows it other backgrounds (evaluate.py ckpt=...; "
            "weights of timm with backbone=), or name a column of pairs of images that differ in "
            "the background only (data.pair_by)."
        )
    if "gate_promise" not in record.metrics and not record.given:
        return "Read the reports of the single tests."
    if unknown and _unasked(record):
        return "Exchange backgrounds: evaluate it without interventions=none."
    if unknown:
        return (
            "Give images a region of interest, the part that should decide (columns mask or box of "
            "the table, data.masks, or scripts/find_roi.py): it can be measured then, and a gate "
            "can hide the rest."
        )
    if record.metrics.get("mask_only_warning"):
        return (
            "Where size and shape of the region should not count, draw boxes of one size in place "
            "of outlines, or train with extras.mask_jitter."
        )
    if gated:
        return "Train on exchanged backgrounds too (extras.swap=0.5), or use gate=pixel."
    command = re.sub(r"\s(gate|out)=\S+", "", record.command) if record.trained else ""
    command = record.names.scrub(command) or "python scripts/train.py ..."
    return f"Hide the background by a gate: {command} gate=auto"


def _unasked(record: Record) -> bool:
    """Whether the interventions were left out on purpose."""
    return (record.config.get("interventions") or {}).get("num_images") == 0


def _say_damage(level: Level) -> str:
    return {
        "good": "Its answers do not hang on the background.",
        "careful": "Some of its answers depend on the background.",
        "bad": "It reads the background, and will fail where that is another one.",
    }[level]


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
