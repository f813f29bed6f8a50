"""What is seen through the windows, the same places by day and by night."""

from random import Random

import numpy as np
from PIL import Image

from datamodules.drivers.colours import INK, mix
from datamodules.drivers.pen import SIZE, ZOOM, Pen


def draw_landscape(background: str, rng: Random) -> Image.Image:
    """Draw sky, two rows of hills, and trees or houses in front of them."""
    day = background == "day"
    skies = [((104, 176, 232), (222, 240, 248)), ((138, 190, 226), (252, 228, 200))]
    skies += [((150, 178, 200), (232, 236, 236)), ((84, 150, 216), (190, 226, 240))]
    dark = [((11, 16, 46), (50, 58, 108)), ((18, 14, 48), (86, 60, 106))]
    choice = rng.randrange(4)
    top, low = skies[choice] if day else dark[choice % 2]
    ramp = np.linspace(top, low, SIZE * ZOOM).astype(np.uint8)[:, None]
    image = Image.fromarray(ramp).resize((SIZE * ZOOM, SIZE * ZOOM), Image.Resampling.NEAREST)
    pen = Pen(image)
    draw_sky(pen, day, rng)
    greens = [(134, 178, 128), (150, 170, 108), (112, 160, 140), (196, 176, 124)]
    far, x = rng.choice(greens), np.linspace(0, SIZE, 33)
    for depth in range(2):
        level, wave = rng.uniform(42, 48) + 7 * depth, rng.uniform(14, 24)
        colour = mix(far, (66, 110, 84), 0.5 * depth)
        colour = colour if day else mix(colour, (22, 26, 62), 0.86 - 0.06 * depth)
        pen.band(x, level + 4 * np.sin(x / wave + rng.uniform(0, 6)), SIZE, colour)
    row = draw_trees if rng.random() < 0.5 else draw_houses
    row(pen, day, rng)
    if not day:
        draw_lamps(pen, rng)
    return image


def draw_sky(pen: Pen, day: bool, rng: Random) -> None:
    """Draw sun and clouds, or moon and stars."""
    x, y = rng.choice([rng.uniform(4, 20), rng.uniform(76, 92)]), rng.uniform(12, 26)
    if day:
        pen.oval(x, y, 5, 5, (255, 240, 186))
        for _ in range(4):
            x, y, size = rng.uniform(0, SIZE), rng.uniform(10, 36), rng.uniform(3, 5)
            for shift, grow in ((-1, 0.7), (0, 1.0), (1.1, 0.75)):
                pen.oval(x + shift * size * 1.2, y, size * 1.4 * grow, size * grow, (250, 252, 253))
        return
    for _ in range(26):
        star_x, star_y, size = rng.uniform(0, SIZE), rng.uniform(8, 44), rng.uniform(0.4, 0.9)
        pen.box(star_x, star_y, star_x + size, star_y + size, (226, 228, 250))
    pen.oval(x, y, 4.5, 4.5, (244, 238, 212))
    pen.oval(x + 2, y - 1.2, 3.8, 3.8, (22, 22, 54))


def draw_trees(pen: Pen, day: bool, rng: Random) -> None:
    """Draw a row of broad trees and firs."""
    for x in range(0, SIZE + 1, 12):
        size, where = rng.uniform(4, 7.5), x + rng.uniform(-4, 4)
        green = mix((72, 128, 84), (126, 158, 72), rng.random())
        green = green if day else mix(green, (16, 22, 50), 0.82)
        pen.box(where - 0.8, 52, where + 0.8, 66, mix(green, INK, 0.6))
        if rng.random() < 0.4:
            pen.fill([[where - size * 0.7, 60], [where + size * 0.7, 60], [where, 36]], green)
        else:
            pen.oval(where, 50, size, size * 1.3, green)


def draw_houses(pen: Pen, day: bool, rng: Random) -> None:
    """Draw a row of houses; at night half of the windows are lit."""
    for x in range(-4, SIZE, 11):
        top, width = rng.uniform(24, 48), rng.uniform(9, 13)
        wall = rng.choice([(206, 188, 172), (178, 192, 206), (222, 200, 160), (196, 160, 148)])
        wall = wall if day else mix(wall, (28, 32, 72), 0.84)
        pen.box(x, top, x + width, 70, wall)
        for row in range(int(top) + 3, 64, 5):
            for column in (0.22, 0.6):
                lit = rng.random() < 0.5
                glass = (255, 214, 122) if lit else mix(wall, (8, 10, 24), 0.4)
                left = x + column * width
                pane = mix(wall, (84, 112, 142), 0.6) if day else glass
                pen.box(left, row, left + 2, row + 2.6, pane)


def draw_lamps(pen: Pen, rng: Random) -> None:
    """Draw street lamps and the lights of other cars, each with a glow."""
    for _ in range(5):
        x, y, size = rng.uniform(0, SIZE), rng.uniform(30, 58), rng.uniform(0.8, 1.5)
        light = rng.choice([(255, 214, 140), (255, 240, 214), (255, 132, 104)])
        for grow, share in ((2.6, 0.7), (1.8, 0.4), (1.0, 0.0)):
            pen.oval(x, y, size * grow, size * grow, mix(light, (44, 46, 88), share))
