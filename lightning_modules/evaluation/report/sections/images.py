"""Images of the test with what the model made of them, as ``examples/`` of the folder has them."""

from collections.abc import Iterator
from typing import Any

from markupsafe import Markup

from lightning_modules.evaluation.report.page import (
    Section,
    grid,
    heading,
    paragraph,
    picture,
    sentence,
    term,
)
from lightning_modules.evaluation.report.record import Record
from lightning_modules.evaluation.report.wording import percent

MOST_BYTES = 3_000_000  # of pictures of a page, which is to stay below 5 MB as a file
KINDS = {"png": "png", "jpg": "jpeg", "jpeg": "jpeg"}
LEADS = {
    "mistake": "Wrong answers that the model was surest of. Look for what they share.",
    "uncertain": "Answers that were the closest call.",
}


def write_images(record: Record) -> Section:
    """Most confident mistakes and most uncertain images."""
    blocks = []
    for kind, lead in LEADS.items():
        shown = show_examples(record, kind)
        if shown:
            blocks += [*shown[:1], paragraph(lead), *shown[1:]]
    lead = sentence(
        "The {roi} is outlined. The {heat} shows what raised the score of the answer: a hint, no "
        "proof; the exchanged backgrounds above are one.",
        roi=term("region of interest"),
        heat=term("heat map"),
    )
    return Section("images", "Mistakes and doubtful images", blocks, lead)


def show_examples(record: Record, kind: str, headed: bool = True) -> list[Markup]:
    """All sections of a kind: a heading, then an image and its pictures beside each other."""
    if not record.options.images:
        return []
    blocks = []
    for section in record.examples:
        if section.get("kind") == kind:
            pictures = list(_pictures(record, section, _share(record, kind)))
            if pictures:
                blocks += [heading(section["title"])] if headed else []
                blocks.append(grid(pictures, "sample"))
    return blocks


def _share(record: Record, kind: str) -> int:
    """Bytes that the pictures of a kind may take: all kinds alike."""
    kinds = {section.get("kind") for section in record.examples}
    return MOST_BYTES // max(1, len(kinds))


def _pictures(record: Record, section: dict[str, Any], most: int) -> Iterator[Markup]:
    taken = 0
    for example in section["examples"]:
        for index, one in enumerate(example["pictures"]):
            file = f"examples/{one['file']}"
            content = record.picture(file)
            kind = KINDS.get(file.rpartition(".")[2].lower())
            if content is None or kind is None or taken + len(content) > most:
                continue
            taken += len(content)
            what = _describe(record, example) if index == 0 else ""
            caption = " · ".join(filter(None, [what, record.names.scrub(one.get("caption") or "")]))
            alt = f"{_describe(record, example)}: {one.get('caption') or 'image'}"
            yield picture(content, kind, record.names.scrub(alt), caption)


def _describe(record: Record, example: dict[str, Any]) -> str:
    parts = [record.names.image(str(example.get("id", "")))]
    label, predicted = example.get("label"), example.get("predicted")
    if label is not None:
        parts.append(f"is {label}")
    if predicted is not None:
        prob = percent(example.get("prob"), 0)
        parts.append(f"answered {predicted}" + (f" ({prob})" if prob is not None else ""))
    return ", ".join(filter(None, parts))
