"""The typeface of captions in pictures (the same is in lightning_modules, which stands alone)."""

from functools import cache
from pathlib import Path

from PIL import ImageFont

SIZE = 9  # pixels


@cache
def caption_font() -> ImageFont.FreeTypeFont:
    """DejaVu Sans, as matplotlib brings it: Pillow's own has no umlauts, Greek or Cyrillic."""
    import matplotlib  # takes a moment, and pictures are few

    return ImageFont.truetype(
        Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", SIZE
    )
