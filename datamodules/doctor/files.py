"""Files: unreadable, blank, turned, of a kind that loses something."""

from collections.abc import Iterator

import numpy as np

from datamodules.checks.bad_images import BadImage
from datamodules.checks.examination import Examination, Files
from datamodules.checks.near_duplicates import SMALLEST_CONTRAST
from datamodules.doctor.findings import MOST_EXAMPLES, MOST_PICTURES, Finding, Level, of_rows
from datamodules.tables.table import ImageTable

SMALLEST_SIDE = 32  # pixels; the smallest networks take no less
NAMES = {1: "upright", 2: "mirrored", 3: "turned by 180", 6: "turned by 90", 8: "turned by 270"}


def find_in_files(
    table: ImageTable, found: Examination, bad: list[BadImage], misplaced: list[tuple[int, str]]
) -> Iterator[Finding]:
    """Findings about each file by itself, and about boxes outside of their image."""
    broken = [one for one in bad if not one.part]
    masks = [one for one in bad if one.part]
    if broken:
        yield Finding(
            Level.ERROR,
            "unreadable images",
            "Images are missing, cut or no images. Repair or remove them; data.on_bad_image=skip "
            "leaves them out of a run and counts them.",
            len(broken),
            [one.say(table) for one in broken[:MOST_EXAMPLES]],
        )
    if masks:
        yield Finding(
            Level.ERROR,
            "bad masks",
            "Masks are missing, cut, or of another size than their image. Repair them, or leave "
            "the mask blank where it is unknown.",
            len(masks),
            [one.say(table) for one in masks[:MOST_EXAMPLES]],
            [(one.row,) for one in masks[:MOST_PICTURES] if not found.images.broken[one.row]],
        )
    if misplaced:
        yield Finding(
            Level.ERROR,
            "boxes outside",
            "Boxes do not lie inside their image, or are empty. Correct them, or say what their "
            "numbers mean (data.box_format).",
            len(misplaced),
            [text for _, text in misplaced[:MOST_EXAMPLES]],
            [(row,) for row, _ in misplaced[:MOST_PICTURES]],
        )
    yield from _find_odd(table, found.images)


def _find_odd(table: ImageTable, images: Files) -> Iterator[Finding]:
    whole = ~images.broken
    blank = np.flatnonzero(whole & (images["contrast"] < SMALLEST_CONTRAST))
    if len(blank):
        sentence = (
            "Images are nearly of one brightness all over (less than "
            f"{SMALLEST_CONTRAST} of 255): blank, covered, or dark after 16 bits became 8."
        )
        yield of_rows(table, Level.WARNING, "blank images", sentence, blank)
    small = np.flatnonzero(whole & (np.minimum(images["height"], images["width"]) < SMALLEST_SIDE))
    if len(small):
        sentence = f"Images are smaller than {SMALLEST_SIDE} pixels: thumbnails, or broken exports."
        yield of_rows(table, Level.WARNING, "tiny images", sentence, small)
    modes, words = images.words("mode")
    for code, mode in enumerate(words):
        rows = np.flatnonzero(whole & (modes == code))
        # deeper ones are refused without a window, and with one nothing is lost unasked
        if mode.startswith("I;16") and table.window is None and len(rows):
            sentence = (
                "Images have 16 bits a pixel, of which the upper 8 are read: 12 bits in 16 come "
                "out nearly black. data.window=[low,high] names what is black and what is white."
            )
            yield of_rows(table, Level.NOTE, "images of 16 bits", sentence, rows)
    turned = np.flatnonzero(whole & (images["orientation"] > 1))
    if len(turned):
        sentence = (
            "Photographs are stored lying and turned upright by their EXIF orientation. They are "
            "read upright here; masks and boxes must have been drawn on the upright image."
        )
        yield of_rows(table, Level.NOTE, "turned by EXIF", sentence, turned)


def describe_files(images: Files) -> dict[str, list[list[str]]]:
    """Sections: sizes, and how files are stored."""
    whole = ~images.broken
    sizes = [["", "least", "median", "most"]]
    for side in ("width", "height"):
        values = images[side][whole]
        if len(values):
            row = [f"{v:.0f}" for v in (values.min(), np.median(values), values.max())]
            sizes.append([f"{side}, pixels", *row])
    kinds = [["", "images"]]
    for fact in ("format", "mode"):
        codes, words = images.words(fact)
        counts = np.bincount(codes[whole], minlength=len(words)).tolist()
        kinds += [[f"{fact} {w}", str(n)] for w, n in zip(words, counts, strict=True) if n]
    for number, count in enumerate(np.bincount(images["orientation"][whole], minlength=2)):
        if number and count:
            kinds.append([f"EXIF {NAMES.get(number, f'orientation {number}')}", str(count)])
    return {"Sizes": sizes, "How the files are stored": kinds}
