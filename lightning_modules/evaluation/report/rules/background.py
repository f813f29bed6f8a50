"""Do the answers depend on the background, and do we know?"""

import re

from lightning_modules.evaluation.report.blocks import Level
from lightning_modules.evaluation.report.record import Record
from lightning_modules.evaluation.report.rules.check import Check, at_least, is_guessing
from lightning_modules.evaluation.report.rules.flips import (
    FEWEST,
    STILL,
    UNSTEADY,
    Flips,
    find_flips,
)
from lightning_modules.evaluation.report.wording import count

BACKGROUND = "Does it look at the right thing?"
WRITTEN = 0.01  # of accuracy: less is not worth a word
RULE = (
    f"good if another background changes at most {100 * STILL:.0f} of 100 answers, costs at most "
    f"{100 * STILL:.0f} points, and the interval leaves room for less than {100 * UNSTEADY:.0f}; a "
    f"problem from {100 * UNSTEADY:.0f} on if the interval begins above {100 * STILL:.0f}; not "
    f"known where it leaves both open, or of fewer than {FEWEST} images; good however few they are "
    "where no answer changed and an exact gate hides the background of every image"
)


def ask_background(record: Record) -> Check:
    """What another background does to the answers."""
    metrics = record.metrics
    found = list(find_flips(record))
    if not found:
        said = "No test image has a region of interest to exchange the background of."
        if metrics.get("gate_promise", "none") != "none":
            said = "Its gate hides the background, but none could be exchanged to test that."
        if _unasked(record):
            said = "Nobody asked: no background was exchanged (interventions=none)."
        if "gate_promise" not in metrics:
            said = "The answers were pooled from several tests, whose own reports tell."
        if record.given:
            said = "Only its answers were given, so it was not asked."
        return Check(BACKGROUND, "careful", said, RULE, _advise(record, unknown=True), "Not known")
    first, gap = found[0], metrics.get("test_background_gap") or 0.0
    said = (
        f"Exchanging only the background changes {100 * first.share:.0f} of 100 answers "
        f"({first.certainty})"
    )
    if gap >= WRITTEN:
        said += f" and costs {100 * gap:.1f} points of accuracy"
    for pairs in found[1:]:
        if pairs.share > max(first.share, gap):
            said += (
                f", and {100 * pairs.share:.0f} of 100 real pairs of images that differ in the "
                f"background only get two different answers ({pairs.certainty})"
            )
    level, unknown = _judge(found, gap)
    if unknown and _is_hidden(record):
        level, unknown = "good", False
        said = (
            f"Exchanging only the background changes 0 of 100 answers "
            f"({count(first.number, first.what)}), and can change none: the gate lets nothing of "
            "the background of any image through, to the last bit"
        )
    if level == "good" and is_guessing(record):
        said += ". That says little of a model that does no better than guessing."
        return Check(BACKGROUND, "note", said, RULE)
    if unknown:
        said += ". These are too few to tell whether others would change."
        return Check(BACKGROUND, level, said, RULE, _advise_more(first.what), "Not known")
    said += f". {_say_damage(level)}"
    if metrics.get("mask_only_warning"):
        level = at_least(level, "careful")
        said += " But the outline of the region alone gives the class away, which no gate hides."
    return Check(BACKGROUND, level, said, RULE, _advise(record))


def _judge(found: list[Flips], gap: float) -> tuple[Level, bool]:
    """The level of all together, and whether there is too little to tell."""
    levels = [one.level for one in found]
    of_gap: Level = "good" if gap <= STILL else "careful" if gap < UNSTEADY else "bad"
    level: Level = of_gap
    for one in levels:
        level = at_least(level, "careful" if one is None else one)
    return level, None in levels and level != "bad"


def _is_hidden(record: Record) -> bool:
    """Whether no answer can change, as the gate hides all of the background of all images."""
    metrics = record.metrics
    return (
        metrics.get("gate_promise") == "exact"
        and metrics.get("gate_dilate") == 0
        and metrics.get("test_promise_held_images") == metrics.get("test_images")
        and not metrics.get("test_flip_rate")
        and not metrics.get("test_pair_flip_rate")
    )


def _advise_more(what: str) -> str:
    if what == "pair":
        return "Test more pairs of images that differ in the background only (data.pair_by)."
    return (
        "Test more images with a region of interest: with 22 of 22 answers unchanged it is known "
        "that fewer than 15 of 100 change."
    )


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
    outline = not unknown and record.metrics.get("mask_only_warning")
    if "gate_promise" not in record.metrics and not record.given and not outline:
        return "Read the reports of the single tests."
    if unknown and _unasked(record):
        return "Exchange backgrounds: evaluate it without interventions=none."
    if unknown:
        return (
            "Give images a region of interest, the part that should decide (columns mask or box of "
            "the table, data.masks, or scripts/find_roi.py): it can be measured then, and a gate "
            "can hide the rest."
        )
    if outline:
        return (
            "Where size and shape of the region should not count, draw boxes of one size in place "
            "of outlines, or train with extras.mask_jitter."
        )
    if gated:
        return "Train on exchanged backgrounds too (extras.swap=0.5), or use gate=pixel."
    command = re.sub(r"\s(gate|name|out)=\S+", "", record.command) if record.trained else ""
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
