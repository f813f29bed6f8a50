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
from lightning_modules.evaluation.report.wording import count

FEWEST_OF_A_CLASS = 10  # images, below which a class of the test or of training is called tiny


def write_warnings(record: Record) -> Section:
    """What warned, tiny classes, images left out, looks at the test, what nobody checked."""
    found = [record.names.scrub(text) for text in record.facts.get("warnings", [])]
    found += _tiny_classes(record)
    found += _left_out(record)
    blocks = [note("careful", text, "Warning") for text in found]
    if not blocks:
        blocks = [note("good", "Nothing in data, training or test.", "No warning")]
    blocks += _looks(record)
    blocks += [bullets(_checked(record))]
    if "data" in record.facts:
        blocks.append(code(_check_command(record)))
    lead = "What may make the numbers above better than they will be on new images."
    return Section("warnings", "Warnings", blocks, lead)


def _tiny_classes(record: Record) -> list[str]:
    data = record.facts.get("data", {})
    words = {"train": "training", "test": "test"}
    found = []
    for split, word in words.items():
        images = data.get("splits", {}).get(split, {}).get("images", [])
        pairs = zip(data.get("class_names", []), images, strict=False)
        tiny = [f"{name} ({n})" for name, n in pairs if n < FEWEST_OF_A_CLASS and sum(images)]
        if tiny:
            some = ", ".join(tiny[:10]) + (" and more" if len(tiny) > 10 else "")
            found.append(
                f"Fewer than {FEWEST_OF_A_CLASS} {word} images of {some}: what is said of such a "
                "class is close to chance."
            )
    return found


def _left_out(record: Record) -> list[str]:
    found = []
    bad = record.metrics.get("num_bad_images")
    if bad:
        found.append(f"{count(bad, 'bad image')} (broken or missing files) left out.")
    if record.num_unanswered:
        found.append(
            f"{count(record.num_unanswered, 'test image')} without a mask got no answer and are in "
            "no score: the scores are of the others."
        )
    trained = record.metrics.get("num_trained_images")
    if trained:
        found.append(f"{count(trained, 'tested image')} had been trained on.")
    return found


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
