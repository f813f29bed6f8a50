"""Images of the test with what the model made of them, as ``examples/`` of the folder has them."""

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from lightning_modules.evaluation.examples.sections import HEAT
from lightning_modules.evaluation.report.blocks import (
    grid,
    heading,
    paragraph,
    picture,
    sentence,
    term,
)
from lightning_modules.evaluation.report.page import Section
from lightning_modules.evaluation.report.record import Record
from lightning_modules.evaluation.report.wording import percent

MOST_BYTES = 2_800_000  # of the pictures of a page, whose file is a third larger and below 5 MB
FORMATS = {"png": "png", "jpg": "jpeg", "jpeg": "jpeg"}
ANSWERS = ("mistake", "uncertain")
MAPPED = (
    " The {heat} shows what raised the score of a class: a hint, no proof; the exchanged "
    "backgrounds above are one."
)


def write_images(record: Record) -> Section:
    """Most confident mistakes and most uncertain images."""
    blocks = [block for kind in ANSWERS for block in show_examples(record, kind)]
    lead = sentence(
        "Look for what the images of a part share. The {roi} is outlined."
        + (MAPPED if _has_heat(record) else ""),
        roi=term("region of interest"),
        heat=term("heat map"),
    )
    return Section("images", "Mistakes and doubtful images", blocks, lead)


def _has_heat(record: Record) -> bool:
    shown = (one for section in record.examples for one in section["examples"])
    return any(one["caption"].startswith(HEAT) for example in shown for one in _of(example))


def show_examples(record: Record, kind: str, headed: bool = True) -> list[Markup]:
    """All sections of a kind: a heading, how they were chosen, then the images."""
    blocks: list[Markup] = []
    for section in record.examples:
        if section["kind"] != kind:
            continue
        shown = _show_section(record, section)
        if shown:
            blocks += [heading(section["title"])] if headed else []
            blocks += [paragraph(section["note"])] if section.get("note") else []
            blocks += shown
    return blocks


def show_first_pictures(record: Record, captions: Mapping[str, str]) -> list[Markup]:
    """The first picture of each of these images, by its id, as far as examples have one."""
    found: dict[str, Markup] = {}
    for section in record.examples:
        for example in section["examples"]:
            name, drawn = example["id"], _of(example)[:1]
            content = record.picture(f"examples/{drawn[0]['file']}") if drawn else None
            if name in captions and name not in found and content is not None:
                kind, caption = FORMATS[_format(drawn[0]["file"])], captions[name]
                found[name] = picture(content, kind, caption, caption)
    shown = [found[name] for name in captions if name in found]
    return [grid(shown, "sample")] if shown else []


def _show_section(record: Record, section: dict[str, Any]) -> list[Markup]:
    """An image with one picture has a place in a grid, one with several a grid of its own."""
    affordable = MOST_BYTES // max(1, len(record.examples))
    alone, blocks = [], []
    for example in section["examples"]:
        found = {one["file"]: record.picture(f"examples/{one['file']}") for one in _of(example)}
        affordable -= sum(len(content) for content in found.values() if content is not None)
        if affordable < 0:
            break
        shown = [
            _draw(record, example, one, found[one["file"]], whole=len(found) == 1)
            for one in _of(example)
            if found[one["file"]] is not None
        ]
        if len(found) == 1:
            alone += shown
        elif shown:
            blocks += [paragraph(_describe(record, example)), grid(shown, "sample")]
    return blocks + ([grid(alone, "sample")] if alone else [])


def _of(example: dict[str, Any]) -> list[dict[str, str]]:
    """Its pictures that a page can show."""
    return [one for one in example["pictures"] if _format(one["file"]) in FORMATS]


def _format(name: str) -> str:
    return name.rpartition(".")[2].lower()


def _draw(
    record: Record, example: dict[str, Any], one: dict[str, str], content: bytes, whole: bool
) -> Markup:
    """A picture; its caption names the image where nothing beside it does."""
    what, told = _describe(record, example), record.names.scrub(one["caption"])
    caption = f"{what}: {told}" if whole else told
    return picture(content, FORMATS[_format(one["file"])], f"{what}: {told}", caption)


def _describe(record: Record, example: dict[str, Any]) -> str:
    said = f"{record.names.image(example['id'])} is {example['label']}"
    if example["predicted"] is not None:
        said += f", the answer is {example['predicted']} ({percent(example['prob'], 0)})"
    return said
