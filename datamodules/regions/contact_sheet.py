"""A contact sheet: small pictures with their regions outlined, classes in turn, misses marked."""

from collections.abc import Mapping

import numpy as np
from PIL import Image, ImageDraw

from datamodules.captions import caption_font
from datamodules.files.images import read_image
from datamodules.tables.table import ImageTable

CELL = 160  # pixels, a square
CAPTION = 26  # pixels below each picture: class, and why it was missed
COLUMNS = 8
MISS = (220, 30, 30)
# told apart by those who do not see red and green (Okabe and Ito 2008)
COLOURS = ((0, 158, 115), (230, 159, 0), (86, 180, 233), (204, 121, 167), (240, 228, 66))


def draw_contact_sheet(
    table: ImageTable,
    rows: np.ndarray,
    boxes: Mapping[str, np.ndarray],
    reasons: np.ndarray,
    num_images: int,
    seed: int,
) -> Image.Image:
    """Draw a seeded choice of images; where there are misses, a third of the places is theirs.

    Args:
        table: The images.
        rows: Those that were looked at.
        boxes: Region name to (rows, 4) x0 y0 x1 y1 in pixels, NaN: none.
        reasons: (rows,) text, why an image was missed, "": it was not.
        num_images: At most so many.
        seed: Of the choice.
    """
    missed = np.flatnonzero(reasons != "")
    found = np.flatnonzero(reasons == "")
    num_missed = min(len(missed), max(num_images // 3, num_images - len(found)))
    chosen = _take_turns(table.labels[rows], found, num_images - num_missed, seed)
    chosen += _take_turns(table.labels[rows], missed, num_missed, seed)
    columns = min(COLUMNS, max(len(chosen), 1))
    lines = -(-len(chosen) // columns)
    sheet = Image.new("RGB", (columns * CELL, max(lines, 1) * (CELL + CAPTION)), "white")
    for number, place in enumerate(chosen):
        own = [box[place] for box in boxes.values()]
        cell = _draw_cell(table, int(rows[place]), own, str(reasons[place]))
        sheet.paste(cell, (number % columns * CELL, number // columns * (CELL + CAPTION)))
    return sheet


def _take_turns(labels: np.ndarray, places: np.ndarray, number: int, seed: int) -> list[int]:
    """A seeded choice in which classes take turns."""
    shuffled = np.random.default_rng(seed).permutation(places)
    by_class = [shuffled[labels[shuffled] == label].tolist() for label in np.unique(labels)]
    most = max(map(len, by_class), default=0)
    turns = [own[turn] for turn in range(most) for own in by_class if turn < len(own)]
    return turns[:number]


def _draw_cell(table: ImageTable, row: int, boxes: list[np.ndarray], reason: str) -> Image.Image:
    cell = Image.new("RGB", (CELL, CELL + CAPTION), "white")
    draw = ImageDraw.Draw(cell)
    try:
        picture = Image.fromarray(read_image(table.image_path(row), table.window))
    except Exception:  # Pillow raises anything; the caption has the reason
        picture = Image.new("RGB", (CELL, CELL), (200, 200, 200))
    scale = (CELL - 4) / max(picture.size)
    shown = picture.resize([max(1, round(side * scale)) for side in picture.size])
    cell.paste(shown, (2, 2))
    for colour, box in zip(_colours(len(boxes)), boxes, strict=True):
        if np.isfinite(box).all():
            draw.rectangle([2 + float(side) * scale for side in box], outline=colour, width=2)
    draw.text((3, CELL), table.class_names[table.labels[row]][:26], "black", caption_font())
    if reason:
        draw.rectangle((0, 0, CELL - 1, CELL - 1), outline=MISS, width=3)
        draw.text((3, CELL + 12), reason[:26], MISS, caption_font())
    return cell


def _colours(number: int) -> list[tuple[int, int, int]]:
    return [COLOURS[index % len(COLOURS)] for index in range(number)]
