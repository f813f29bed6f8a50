"""The inside of the car."""

from random import Random

import numpy as np
from PIL import Image

from datamodules.drivers.colours import INK, WHITE, by_light, mix
from datamodules.drivers.landscape import draw_landscape
from datamodules.drivers.pen import SIZE, Pen


def draw_cabin(background: str, scenery: str) -> Image.Image:
    """Draw what is seen behind the driver: landscape, windows, pillars, roof and seat."""
    image = draw_landscape(background, Random(f"{scenery} landscape"))
    pen, rng = Pen(image), Random(f"{scenery} cabin")
    trim = rng.choice([(214, 205, 192), (188, 192, 198), (150, 146, 146), (176, 156, 136)])
    seat = rng.choice([(96, 92, 98), (122, 88, 68), (68, 76, 92), (158, 148, 136), (112, 62, 60)])
    lean, sill, roof = rng.uniform(-3, 3), rng.uniform(60, 66), rng.uniform(6, 10)
    trim, seat = by_light(trim, background), by_light(seat, background)
    shade = mix(trim, INK, 0.25)
    for side in (-1, 1):
        foot, head = 48 + side * 44 + lean, 48 + side * 29 + lean
        pillar = [[head - 4, 0], [head + 4, 0], [foot + 4, 70], [foot - 4, 70]]
        pen.fill(pillar, trim)
        pen.fill([[head + 2, 0], [head + 4, 0], [foot + 4, 70], [foot + 2, 70]], shade)
    x = np.linspace(0, SIZE, 24)
    pen.band(x, -1, roof - ((x - 48) / 48) ** 2 * 5 + 1.2, shade)
    pen.band(x, -1, roof - ((x - 48) / 48) ** 2 * 5, trim)
    pen.band(x, sill, SIZE, shade)
    pen.band(x, sill + 2, SIZE, trim)
    centre = 48 + lean / 2
    pen.oval(centre, 94, 39, 30, mix(seat, INK, 0.25), power=4)
    pen.oval(centre, 95, 36.5, 29, seat, power=4)
    pen.oval(centre, 42, 22.5, 26, mix(seat, INK, 0.3), power=4)
    pen.oval(centre, 42, 20.5, 24, mix(seat, WHITE, 0.06), power=4)
    return image
