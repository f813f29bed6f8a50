"""How much of the answers is background: what was changed, and what that did to them."""

from typing import Any

from markupsafe import Markup

from lightning_modules.evaluation.report.blocks import (
    bullets,
    heading,
    note,
    paragraph,
    sentence,
    table,
    term,
)
from lightning_modules.evaluation.report.page import Section
from lightning_modules.evaluation.report.record import Record
from lightning_modules.evaluation.report.sections.dependence import (
    say_flips,
    say_outline,
    say_pairs,
)
from lightning_modules.evaluation.report.sections.images import show_examples
from lightning_modules.evaluation.report.sections.masks import (
    compare,
    show_masks,
    show_regions,
)
from lightning_modules.evaluation.report.wording import percent, percent_range

FULL = "full_mask_"
LABELS = {
    "as_they_are": "as they are",
    "same_background": "on a background of the same class",
    "next_background": "on a background of the next class",
    "far_background": "on a background of a further class",
    "random_background": "on a background of a random class",
    "no_roi": "ROI painted over, only the background left",
    "mask_only": "everything painted over but the shape of the ROI",
    "distractor_border_erased": "outer border of the image painted over",
    "distractor_border_transplanted": "outer border taken from another class's image",
    "full_mask_as_they_are": "without the gate's mask, as they are",
    "full_mask_next_background": "without the gate's mask, background of the next class",
    "constant": "for comparison: always the same answer",
}


def write_background(record: Record) -> Section:
    """Interventions, promise, regions, masks, margin."""
    metrics = record.metrics
    blocks = [*_given(record), *_promise(record)]
    if "test_interventions" in metrics:
        blocks += [heading("What happens when the image is changed"), *_interventions(record)]
    blocks += show_examples(record, "backgrounds")
    if "test_pair_flip_rate" in metrics:
        blocks.append(paragraph(say_pairs(metrics)))
    blocks += show_regions(record) + show_masks(record) + compare(record)
    lead = sentence(
        "Does the model look at the {roi} or at what surrounds it? Exchanging the {b} tells: a "
        "model that reads only the region gives the same answers.",
        roi=term("region of interest"),
        b=term("background"),
    )
    return Section("background", "How much of it is background", blocks, lead)


def _given(record: Record) -> list[Markup]:
    """What is not known where nothing was asked of the model."""
    if not record.given:
        return []
    text = sentence(
        "Only the answers of the model were given, so nothing was asked of it: what it makes of "
        "another {b}, and whether a {gate} hides it, {told}.",
        told="stands in the report of its run" if record.has_run else "is not known here",
        b=term("background"),
        gate=term("gate"),
    )
    return [note("note", text, "Not asked")]


def _promise(record: Record) -> list[Markup]:
    promise = record.metrics.get("gate_promise")
    if promise is None:
        return []
    held = record.metrics["test_promise_held_images"]
    total = record.metrics["test_images"]
    if promise == "none":
        text = sentence(
            "This model has no {gate} that hides the {b}: nothing keeps it from reading it.",
            gate=term("gate"),
            b=term("background"),
        )
        return [note("note", text, "No promise")]
    given = " given" if promise == "exact" else " predicted"
    text = sentence(
        "The {gate} shows the network the{given} {mask} and nothing else. That held for {held} of "
        "{total} test images{rest}",
        gate=term("gate"),
        given=given if promise == "exact_given_mask" else "",
        mask=term("mask"),
        held=f"{held:,}",
        total=f"{total:,}",
        rest="." if held == total else "; the others had no mask and were shown whole.",
    )
    level = "good" if held == total else "careful"
    return [note(level, text, "The promise held" if held == total else "Not for all")]


def _interventions(record: Record) -> list[Markup]:
    rows, shown = [], _shown(record.metrics["test_interventions"])
    for one in shown:
        ends = (one["accuracy_low"], one["accuracy_high"])
        changed = one["name"] != "constant" and one["flip_rate"] is not None
        rows.append(
            [
                LABELS.get(one["name"], one["name"].replace("_", " ")),
                percent(one["flip_rate"]) if changed else None,
                percent(one["accuracy_before"]) if changed else None,
                percent(one["accuracy"]),
                percent_range(None if None in ends else ends),
                f"{one['images']:,}",
                percent(one["bit_exact_share"]) if changed else None,
            ]
        )
    header = ["image shown", "answers changed", "right before", "right then"]
    header += [term("95 % interval"), "images", "same to the last bit"]
    if record.metrics.get("gate_promise", "none") == "none":
        header, rows = header[:-1], [row[:-1] for row in rows]  # nobody promised so much
    caption = (
        "Each change is made to images that allow it: compare \u201cright then\u201d with "
        "\u201cright before\u201d, of the same images unchanged, and not with another row."
    )
    if any(one["name"].startswith(FULL) for one in shown):
        caption += (
            " \u201cWithout the gate's mask\u201d is what the network would do if nothing were "
            "hidden: no answer of this model, whose gate always hides."
        )
    said = [table(header, rows, caption)]
    items = [*say_flips(record.metrics), *say_outline(record.metrics)]
    return [*said, bullets(items)] if items else said


def _shown(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All rows but those without a mask that are as with it: there is no mask to leave out."""
    rows = {one["name"]: one for one in found}
    return [
        one
        for one in found
        if rows.get(one["name"].removeprefix(FULL), {}) | {"name": ""} != one | {"name": ""}
        or not one["name"].startswith(FULL)
    ]
