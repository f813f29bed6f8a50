"""What warned: of the data, of training, of the test."""

import shlex
from typing import Any

from markupsafe import Markup

from lightning_modules.evaluation.report.blocks import (
    bullets,
    code,
    heading,
    note,
    paragraph,
    sentence,
    table,
    term,
)
from lightning_modules.evaluation.report.page import Section
from lightning_modules.evaluation.report.record import Record
from lightning_modules.evaluation.report.rules.found import find_warnings
from lightning_modules.evaluation.report.wording import count, percent, percent_range

HINTS = {
    "border": "the border",
    "corners": "the corners",
    "file": "the file (size, format, colours)",
}
FAR_POINTS = 15  # above guessing: FAR_ABOVE_CHANCE of datamodules/checks, that judged it


def write_warnings(record: Record) -> Section:
    """What warned, tiny classes, images left out, looks at the test, what nobody checked."""
    blocks = [note("careful", text, "Warning") for text in find_warnings(record)]
    if not blocks:
        said = "Nothing in the table." if record.given else "Nothing in data, training or test."
        blocks = [note("good", said, "No warning")]
    blocks += _looks(record)
    blocks += [heading("What was looked for"), bullets(_checked(record))]
    command = _check_command(record)
    blocks += [code(command)] if command else []
    blocks += _show_hints(record)
    lead = "What may make the numbers above better than they will be on new images."
    return Section("warnings", "Warnings", blocks, lead)


def _looks(record: Record) -> list[Markup]:
    looks = record.facts.get("test", {}).get("looks")
    if looks is None:
        return []
    return [
        paragraph(
            sentence(
                "The same test images were used by {times} in this folder of outputs, this one "
                "included. Each look with a choice after it makes the next score too good.",
                times=count(looks, "run or evaluation", "runs and evaluations"),
            )
        )
    ]


def _checked(record: Record) -> list[str]:
    """What was looked for, so that silence can be told from blindness."""
    data = record.facts.get("data")
    if record.given:
        return [
            "Looked for: ids that stand twice, labels of no class, answers that are no numbers.",
            "Not looked for, as no image was read: broken files, the same picture twice, pictures "
            "or persons that the model was trained on. Any of these makes the scores too good.",
        ]
    if data is None:  # pooled from several tests, each with a report of its own
        return ["What was looked for in the images stands in the report of each test."]
    grouped = "num_groups" in next(iter(data.get("splits", {}).values()), {})
    items = [
        "Looked for: broken files, the same picture twice, pictures of training among the tested.",
        "Groups: none is in training and test at once."
        if grouped
        else "Groups: not known, so nobody could check that no person or object is on both sides.",
    ]
    if record.trained:
        items += [_say_mask_only(record), _say_hints(record)]
    else:
        items.append(
            "Whether the region, burnt-in text or the files give the class away: the report of the "
            "run tells, as that is a question to the images for training."
        )
    command = "This command" if _check_command(record) else "scripts/check_data.py"
    return [
        *items,
        f"Not looked for: images that are nearly the same. {command} looks for them, and for all "
        "of this in more images.",
    ]


def _say_mask_only(record: Record) -> str:
    if "mask_only_balanced_accuracy" in record.metrics:
        return "Whether the region gives the class away: measured above."
    return "Whether the region gives the class away: not measured (too few regions, or no test)."


def _say_hints(record: Record) -> str:
    hints = record.facts.get("hints", [])
    if not hints:
        return (
            "Burnt-in text, class told by the files: not looked for (too few training images of a "
            "class or too few groups, or images so large that it would take long)."
        )
    found = [HINTS[one["part"]] for one in hints if one["telling"]]
    said = f"it is, by {' and by '.join(found)}" if found else "it is not"
    return (
        "Whether the class is told by burnt-in text or whatever else stands in the corners, by the "
        f"border, or by size, format and colours of the files: {said} (the table below)."
    )


def _show_hints(record: Record) -> list[Markup]:
    """What tells the class and is no part of it, beside guessing."""
    hints = record.facts.get("hints", [])
    if not hints:
        return []
    rows = [
        [
            HINTS[one["part"]],
            _judge(one),
            percent(one["accuracy"], 0),
            percent_range((one["low"], one["high"])),
            percent(one["chance"], 0),
        ]
        for one in hints
    ]
    header = ["guessed from", "tells the class", "right", term("95 % interval"), "guessing blindly"]
    caption = sentence(
        "Of {images} for training, each class counting alike; border and corners without what is "
        "inside of regions. What tells the class and is no part of it can be learned in its place. "
        "It tells the class where even the low end of the interval is more than "
        "{far} points above guessing; a little above it does no harm.",
        far=FAR_POINTS,
        images=count(hints[0]["num_images"], "image"),
    )
    return [table(header, rows, caption)]


def _judge(one: dict[str, Any]) -> str:
    if not one["telling"]:
        return "no"
    return "yes, but the gate hides it" if one["hidden"] else "YES"


def _check_command(record: Record) -> str:
    """check_data.py on the same data; "": the command does not say which these were."""
    data = [word for word in shlex.split(record.command) if word.startswith(("data=", "data."))]
    if record.given or "data" not in record.facts or not (data or record.trained):
        return ""
    return record.names.scrub(
        " ".join(["python", "scripts/check_data.py", *map(shlex.quote, data)])
    )
