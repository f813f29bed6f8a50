"""robustness.png: one image under every slice and strength, with what the model says of it."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw
from torch import Tensor

from lightning_modules.captions import caption_font
from lightning_modules.evaluation.robustness.names import STRENGTHS

CAPTION = 14  # pixels below each picture
LEAST_SIDE = 112


def draw_slices(
    pixels: dict[str, Tensor], captions: dict[str, str], slices: Sequence[str]
) -> Image.Image:
    """A row a slice: the image as it is, then its three strengths.

    Args:
        pixels: (3, H, W) uint8 by ``clean`` and ``<slice>_<strength>``.
        captions: By the same names.
        slices: The rows.
    """
    height, width = pixels["clean"].shape[1:]
    zoom = max(1, -(-LEAST_SIDE // width))
    cell = (width * zoom, height * zoom + CAPTION)
    sheet = Image.new("RGB", ((1 + len(STRENGTHS)) * cell[0], len(slices) * cell[1]), "white")
    draw = ImageDraw.Draw(sheet)
    for line, name in enumerate(slices):
        for column, key in enumerate(["clean", *(f"{name}_{one}" for one in STRENGTHS)]):
            place = (column * cell[0], line * cell[1])
            picture = np.ascontiguousarray(pixels[key].permute(1, 2, 0).numpy())
            shown = Image.fromarray(picture).resize(
                (cell[0], cell[1] - CAPTION), Image.Resampling.NEAREST
            )
            sheet.paste(shown, place)
            below = (place[0] + 3, place[1] + cell[1] - CAPTION + 1)
            draw.text(below, captions[key], "black", caption_font())
    return sheet
