"""Masks and regions, and the model beside one that differs in them alone."""

from markupsafe import Markup

from lightning_modules.evaluation.report.blocks import (
    heading,
    paragraph,
    picture,
    sentence,
    table,
    term,
)
from lightning_modules.evaluation.report.record import Record
from lightning_modules.evaluation.report.sections.images import show_examples
from lightning_modules.evaluation.report.wording import decimal, percent

BESIDE = {
    "accuracy": ("accuracy", True),
    "macro_f1": ("macro F1", False),
    "worst_group_accuracy": ("worst group", True),
    "pair_flip_rate": ("answers changed between real pairs", True),
    "next_background_accuracy": ("accuracy on backgrounds of the next class", True),
    "flip_rate": ("flip rate", True),
    "mask_roi_area_ratio": ("area of the mask over that of the ROI", False),
}
TERMS = ("accuracy", "macro F1", "worst group", "flip rate")


def show_regions(record: Record) -> list[Markup]:
    """Share of each region in the answers, where the gate weighs them."""
    prefix = "test_region_weight_"
    found = {n.removeprefix(prefix): v for n, v in record.metrics.items() if n.startswith(prefix)}
    if not found:
        return []
    rows = [[name, percent(value)] for name, value in sorted(found.items(), key=lambda i: -i[1])]
    return [heading("Which region decides"), table(["region", "mean share in the answer"], rows)]


def show_masks(record: Record) -> list[Markup]:
    """How good predicted masks are, and some of them."""
    blocks = []
    quality = {n: record.metrics.get(f"test_mask_{n}") for n in ("dice", "iou", "recall")}
    if any(value is not None for value in quality.values()):
        words = {"dice": "Dice", "iou": "IoU", "recall": "recall"}
        said = ", ".join(f"{words[n]} {decimal(v, 2)}" for n, v in quality.items() if v is not None)
        blocks.append(paragraph(f"Predicted masks against the drawn regions: {said} (1 is alike)."))
    shown = show_examples(record, "masks", headed=False)
    sheet = record.picture("masks.png")
    if not shown and sheet is not None:
        alt = "Test images, their region outlined; below each what the predicted mask shows."
        shown = [picture(sheet, "png", alt, alt, wide=True)]
    blocks += shown
    return [heading("Predicted masks"), *blocks] if blocks else []


def compare(record: Record) -> list[Markup]:
    """The same model without its margin, and the plain model by the same settings."""
    blocks = []
    margin = record.metrics.get("gate_dilate")
    rows = _beside(record, "test_without_margin_")
    if rows:
        header = ["", f"with the margin of {margin} px", "masks as they are"]
        said = sentence("The same weights with and without the {m}.", m=term("margin"))
        blocks += [heading("What the margin does"), paragraph(said), table(header, rows)]
    rows = _beside(record, "control_test_")
    if rows:
        said = "Beside it the plain model, trained by the same settings (control=true)."
        header = ["", "this model", "without a gate"]
        blocks += [heading("What the gate does"), paragraph(said), table(header, rows)]
    return blocks


def _beside(record: Record, prefix: str) -> list[list[object]]:
    """A row a metric that both tests have."""
    rows = []
    for name, (words, is_share) in BESIDE.items():
        pair = [record.metrics.get(key) for key in (f"test_{name}", f"{prefix}{name}")]
        if None not in pair:
            shown = percent if is_share else decimal
            rows.append([term(words) if words in TERMS else words, *map(shown, pair)])
    return rows
