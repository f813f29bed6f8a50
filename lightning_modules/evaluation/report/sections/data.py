"""The data sheet: what there is of each class, what of it has a ROI, and what it looks like."""

from markupsafe import Markup

from lightning_modules.evaluation.report.page import (
    Section,
    heading,
    paragraph,
    picture,
    sentence,
    table,
    term,
)
from lightning_modules.evaluation.report.record import Record
from lightning_modules.evaluation.report.sections.images import show_examples
from lightning_modules.evaluation.report.wording import count, percent

SPLITS = {"train": "training", "val": "validation", "test": "test"}
MOST_CLASSES = 60


def write_data_sheet(record: Record) -> Section:
    """Counts by class and split, the fingerprint, examples."""
    data = record.facts.get("data", {})
    blocks = []
    if data:
        blocks += _counts(data)
        blocks.append(paragraph(_say_split(record)))
    blocks += _examples(record)
    lead = sentence(
        "Images by {class_} and {split}: what the model learned from, what was used to choose, and "
        "what it was judged by.",
        class_=term("class"),
        split=term("split"),
    )
    if record.given:
        lead = sentence("Images whose answers were given, by {class_}.", class_=term("class"))
    return Section("data", "Data sheet", blocks, lead)


def _counts(data: dict) -> list[Markup]:
    splits = {name: one for name, one in data["splits"].items() if sum(one["images"])}
    header: list[str | Markup] = ["Class"]
    header += [SPLITS[name] for name in splits]
    with_groups = all("groups" in one for one in splits.values())
    if with_groups:
        header += [sentence("{g}: {s}", g=term("group", "groups"), s=SPLITS[s]) for s in splits]
    rows = []
    for index, name in enumerate(data["class_names"][:MOST_CLASSES]):
        positive = name == data.get("positive_class")
        shown = sentence("{n} ({p})", n=name, p=term("positive class")) if positive else name
        row = [shown, *(f"{one['images'][index]:,}" for one in splits.values())]
        if with_groups:
            row += [f"{one['groups'][index]:,}" for one in splits.values()]
        rows.append(row)
    total = ["all", *(f"{sum(one['images']):,}" for one in splits.values())]
    if with_groups:
        total += [f"{one['num_groups']:,}" for one in splits.values()]
    rows.append(total)
    if all("with_roi" in one for one in splits.values()):
        share = ["with a ROI", *(percent(one["with_roi"]) for one in splits.values())]
        rows.append(share + [None] * (len(header) - len(share)))
    blocks = [table(header, rows)]
    left = len(data["class_names"]) - MOST_CLASSES
    if left > 0:
        blocks.append(paragraph(f"And {count(left, 'more class', 'more classes')}."))
    return blocks


def _say_split(record: Record) -> Markup:
    data = record.facts["data"]
    if record.has_run:
        return sentence("What the model was trained on stands in the report of its run.")
    if record.given:
        return sentence(
            "What the model was trained on is not known here. The scores are of new images only if "
            "none of these, and none of their {groups}, were among that.",
            groups=term("group", "groups"),
        )
    grouped = "num_groups" in next(iter(data["splits"].values()))
    said = (
        sentence(
            "No {group} is in two parts at once, so the test is one of new ones. ",
            group=term("group"),
        )
        if grouped
        else sentence(
            "No {group} is known: images of one person or object may be on both sides, and the "
            "scores may be better than they will be on new ones (a column group tells). ",
            group=term("group"),
        )
    )
    return said + sentence(
        "Fingerprint of the split: {mark}. Another run with the same fingerprint was trained and "
        "judged on the same images.",
        mark=data["split_fingerprint"],
    )


def _examples(record: Record) -> list[Markup]:
    """Images of the test; where there are none, the sheet that was drawn before training."""
    shown, sheet = show_examples(record, "data"), record.picture("preview.png")
    if shown or sheet is None:
        return shown
    alt = (
        "Training images of each class; their region of interest is outlined in red, and below "
        "each is what the network sees of it."
    )
    caption = sentence(
        "Training images as they are loaded, the {roi} outlined in red; below each what the {gate} "
        "lets through.",
        roi=term("region of interest"),
        gate=term("gate"),
    )
    return [heading("What it looks like"), picture(sheet, "png", alt, caption, wide=True)]
