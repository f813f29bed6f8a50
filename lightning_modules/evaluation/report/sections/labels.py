"""Labels that look wrong: how many, the first ones, and how to put them right."""

from markupsafe import Markup

from lightning_modules.evaluation.label_errors import (
    LabelErrors,
    describe_label_errors,
    find_label_errors,
)
from lightning_modules.evaluation.report.blocks import (
    bullets,
    code,
    heading,
    note,
    paragraph,
    table,
)
from lightning_modules.evaluation.report.page import Section
from lightning_modules.evaluation.report.record import Record
from lightning_modules.evaluation.report.rules.background import ask_background
from lightning_modules.evaluation.report.sections.images import show_first_pictures
from lightning_modules.evaluation.report.wording import percent

SHOWN = 12  # rows of the table; the file has all
WARNING = "WARNING: "
STEPS = (
    "Copy label_errors.csv of this folder to corrections.csv, open it in a spreadsheet, and look "
    "at the images from the top.",
    "Fill in the column decision: the right class, or exclude to leave the image out. Blank keeps "
    "the label.",
    "Train with it; the table of the images itself stays as it is:",
)
SHORTCUT = (
    "This model reads the background (see In one look), so it also doubts right labels of images "
    "whose background speaks for another class. Change no label that you have not looked at."
)
ELSEWHERE = "Correct the labels where the model was trained, and train it again there."


def write_labels(record: Record) -> Section:
    """Nothing where nobody looked for wrong labels."""
    if record.predictions is None or "num_label_errors" not in record.metrics:
        return Section("labels", "Labels that look wrong", [])
    found = find_label_errors(record.predictions)
    learned = record.metrics.get("num_trained_images", 0)
    blocks = [_say(text) for text in describe_label_errors(record.predictions, found, learned)]
    if len(found) and ask_background(record).level == "bad":
        blocks.append(note("careful", SHORTCUT))
    if len(found):
        blocks += [heading("The most doubtful ones"), *_first(record, found)]
        blocks += [heading("How to put them right"), *_advise(record)]
    lead = (
        "Images whose label contradicts the model, the most doubtful first (confident learning, "
        "Northcutt et al. 2021). A person decides, not the model."
    )
    return Section("labels", "Labels that look wrong", blocks, lead)


def _say(text: str) -> Markup:
    """A sentence; one that warns stands in a box."""
    if not text.startswith(WARNING):
        return paragraph(text)
    told = text.removeprefix(WARNING)
    return note("careful", told[0].upper() + told[1:])


def _first(record: Record, found: LabelErrors) -> list[Markup]:
    """The first rows, and the pictures that there are of them."""
    predictions, names = record.predictions, record.class_names
    cells, captions = [], {}
    for rank, row in enumerate(found.rows.tolist()[:SHOWN], 1):
        looks = int(found.suggested[rank - 1])
        called = f"{rank}. {record.names.image(predictions.ids[row])}"
        label, other = names[predictions.labels[row]], names[looks]
        sure = percent(float(predictions.probs[row, looks]), 0)
        cells.append([called, label, other, sure])
        captions[predictions.ids[row]] = f"{called}: labelled {label}, looks like {other}"
    shown = [table(["image", "label", "looks like", "how sure"], cells)]
    left = len(found) - len(cells)
    if left:
        shown.append(paragraph(f"And {left:,} more in label_errors.csv."))
    return shown + show_first_pictures(record, captions)


def _advise(record: Record) -> list[Markup]:
    if record.given and not record.has_run:
        return [bullets([*STEPS[:-1], ELSEWHERE])]
    return [bullets(STEPS), code(_command(record))]


def _command(record: Record) -> str:
    """The run's own, where it is known, else what has to be filled in."""
    words = "python scripts/train.py <options of the run>"
    if record.trained and record.command:
        words = record.command
    return record.names.scrub(f"{words} data.corrections=corrections.csv")
