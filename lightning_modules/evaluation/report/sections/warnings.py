"""What warned: of the data, of training, of the test."""

import shlex

from markupsafe import Markup

from lightning_modules.evaluation.report.page import (
    Section,
    bullets,
    code,
    note,
    paragraph,
    sentence,
)
from lightning_modules.evaluation.report.record import Record
from lightning_modules.evaluation.report.rules.found import find_warnings
from lightning_modules.evaluation.report.wording import count


def write_warnings(record: Record) -> Section:
    """What warned, tiny classes, images left out, looks at the test, what nobody checked."""
    blocks = [note("careful", text, "Warning") for text in find_warnings(record)]
    if not blocks:
        blocks = [note("good", "Nothing in data, training or test.", "No warning")]
    blocks += _looks(record)
    blocks += [bullets(_checked(record))]
    if "data" in record.facts and not record.given:
        blocks.append(code(_check_command(record)))
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
        "Whether the region gives the class away: measured above."
        if "mask_only_balanced_accuracy" in record.metrics
        else "Whether the region gives the class away: not measured (too few regions).",
        "Not looked for in a run: burnt-in text, near-duplicates, class told by size or colour of "
        "the files. This command looks for them:",
    ]
    return items


def _check_command(record: Record) -> str:
    """check_data.py on the same data."""
    data = [word for word in shlex.split(record.command) if word.startswith(("data=", "data."))]
    return record.names.scrub(
        " ".join(["python", "scripts/check_data.py", *map(shlex.quote, data)])
    )
