"""Draws the pictures of the drivers data set: one driver in a car, as a small flat illustration.

Lengths are native pixels, x to the right and y down; those of the head count from the point between
the eyes. Everything is drawn ZOOM times larger and averaged down in disjoint ZOOM x ZOOM blocks, so
that a native pixel depends on its own block and on nothing beside it. So two promises are exact:
what an expression changes stays inside the regions, and what the background changes stays outside.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from random import Random

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageChops, ImageDraw

SIZE = 96
ZOOM = 4
BACKGROUNDS = ("day", "night")
# Centre and half axes: room for the widest eye and yawn, but nothing from behind the head.
REGIONS = {
    "left_eye": (-11.0, 0.0, 9.2, 8.2),
    "right_eye": (11.0, 0.0, 9.2, 8.2),
    "mouth": (0.0, 19.5, 12.0, 9.8),
}

Colour = tuple[int, int, int]
INK: Colour = (52, 36, 40)
WHITE: Colour = (250, 248, 244)


@dataclass(frozen=True)
class Subject:
    """What stays the same in all pictures of one person.

    Args:
        skin: colour of face and neck.
        hair: colour of hair, brows and beard.
        iris: colour of the eyes.
        shirt: colour of shirt, cap and scarf.
        style: of the hair, or what covers it; see ``draw_hair``.
        glasses: ``none``, ``round`` or ``square``.
        beard: ``none``, ``full``, ``stubble`` or ``moustache``.
        width: half width of the face in pixels.
        chin: from the eyes to the chin in pixels.
        jaw: 0.5 for a square jaw, 1 for a round one.
        eye: size of the open eye, 1 is usual.
        brow: thickness of the brows in pixels.
        nose: half width of the nose in pixels.
    """

    skin: Colour
    hair: Colour
    iris: Colour
    shirt: Colour
    style: str
    glasses: str
    beard: str
    width: float
    chin: float
    jaw: float
    eye: float
    brow: float
    nose: float


@dataclass(frozen=True)
class Pose:
    """Where the head is.

    Args:
        x: column of the point between the eyes.
        y: row of the point between the eyes.
        scale: size, 1 is usual.
        roll: in radians, clockwise.
        yaw: shift of eyes and mouth to the right, in pixels.
        pitch: shift of eyes and mouth downwards, in pixels.
    """

    x: float
    y: float
    scale: float
    roll: float
    yaw: float
    pitch: float


@dataclass(frozen=True)
class Expression:
    """All that may depend on the label.

    Args:
        lids: opening of the left and right eye, 0 closed to 1 wide open.
        gaze: direction of both eyes, -1 to 1 each, (0, 0) into the camera.
        happy: eyes narrowed by a laugh, curved upwards.
        width: half width of the mouth in pixels.
        gap: half height of the open mouth in pixels, 0 closed.
        smile: height of the corners over the middle in pixels, negative when they hang.
        teeth: share of the open mouth that shows the upper teeth.
    """

    lids: tuple[float, float]
    gaze: tuple[float, float]
    happy: bool
    width: float
    gap: float
    smile: float
    teeth: float


class Pen:
    """Fills shapes given in head coordinates on a picture that is ZOOM times larger."""

    def __init__(
        self, image: Image.Image, x: float = 0, y: float = 0, scale: float = 1, roll: float = 0
    ) -> None:
        """Put the origin at native pixel (x, y); ``roll`` in radians, clockwise."""
        self.draw = ImageDraw.Draw(image)
        turn = [[math.cos(roll), math.sin(roll)], [-math.sin(roll), math.cos(roll)]]
        self.matrix = ZOOM * scale * np.array(turn)
        self.origin = ZOOM * np.array([x, y])
        self.scale = ZOOM * scale

    def fill(self, points: ArrayLike, colour: Colour | int) -> None:
        """Fill a polygon, points (N, 2)."""
        self.draw.polygon((points @ self.matrix + self.origin).ravel().tolist(), fill=colour)

    def oval(
        self, x: float, y: float, rx: float, ry: float, colour: Colour | int, power: float = 2.0
    ) -> None:
        """Fill a superellipse: power 2 is an ellipse, 4 a box with round corners."""
        self.fill(oval_points(x, y, rx, ry, power), colour)

    def box(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        """Fill a rectangle."""
        self.fill([[left, top], [right, top], [right, bottom], [left, bottom]], colour)

    def band(self, x: ArrayLike, top: ArrayLike, bottom: ArrayLike, colour: Colour) -> None:
        """Fill between two curves over x, only where ``top`` is above ``bottom``."""
        x, top, bottom = np.broadcast_arrays(x, top, bottom)
        keep = bottom > top
        if keep.sum() > 1:
            upper, lower = np.stack([x, top], 1)[keep], np.stack([x, bottom], 1)[keep]
            self.fill(np.concatenate([upper, lower[::-1]]), colour)

    def line(self, points: ArrayLike, colour: Colour, width: float) -> None:
        """Draw a line with round ends."""
        placed = (points @ self.matrix + self.origin).tolist()
        thick = max(1, round(width * self.scale))
        self.draw.line([tuple(p) for p in placed], fill=colour, width=thick, joint="curve")
        for x, y in (placed[0], placed[-1]):
            r = thick / 2 - 0.5
            self.draw.ellipse((x - r, y - r, x + r, y + r), fill=colour)


def oval_points(
    x: float, y: float, rx: float, ry: float, power: float = 2.0, num: int = 48
) -> NDArray[np.float64]:
    """Return the outline of a superellipse, (num, 2)."""
    angle = np.linspace(0, 2 * math.pi, num, endpoint=False)
    cos, sin = np.cos(angle), np.sin(angle)
    round_x = np.sign(cos) * np.abs(cos) ** (2 / power)
    round_y = np.sign(sin) * np.abs(sin) ** (2 / power)
    return np.stack([x + rx * round_x, y + ry * round_y], 1)


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """Blend two colours; share 0 is the first, 1 the second."""
    r, g, b = (round(a + (c - a) * share) for a, c in zip(first, second, strict=True))
    return r, g, b


def region_masks(pose: Pose) -> dict[str, Image.Image]:
    """Return one native mask a region, mode L, 0 or 255. Only the pose decides.

    A pixel is inside when its whole block is.
    """
    masks = {}
    for name, (x, y, rx, ry) in REGIONS.items():
        large = Image.new("L", (SIZE * ZOOM, SIZE * ZOOM))
        pen = Pen(large, pose.x, pose.y, pose.scale, pose.roll)
        pen.oval(x + pose.yaw, y + pose.pitch, rx, ry, 255, power=2.5)
        masks[name] = large.reduce(ZOOM).point(lambda level: 255 * (level == 255))
    return masks


def draw_driver(
    subject: Subject,
    pose: Pose,
    expression: Expression,
    background: str,
    scenery: str,
    masks: Sequence[Image.Image],
) -> Image.Image:
    """Draw one picture of SIZE x SIZE pixels.

    Args:
        subject: who is drawn.
        pose: where the head is.
        expression: eyes and mouth.
        background: ``day`` or ``night``.
        scenery: seed of landscape and cabin, the same places by day and by night.
        masks: native masks of the regions; the expression shows inside these and nowhere else.
    """
    image = draw_cabin(background, scenery)
    draw_body(image, subject, pose, background)
    pen = Pen(image, pose.x, pose.y, pose.scale, pose.roll)
    draw_head(pen, subject, pose)
    alive = image.copy()
    inner = Pen(alive, pose.x, pose.y, pose.scale, pose.roll)
    for side, opening in zip((-1, 1), expression.lids, strict=True):
        draw_eye(inner, subject, pose, expression, side, opening)
    draw_mouth(inner, subject, pose, expression)
    window = reduce(ImageChops.lighter, masks).resize(image.size, Image.Resampling.NEAREST)
    image.paste(alive, mask=window)
    draw_front(pen, subject, pose)
    return image.reduce(ZOOM)


def by_light(colour: Colour, background: str) -> Colour:
    """Dim a colour of the cabin at night."""
    return (
        colour if background == "day" else mix(mix(colour, (8, 10, 28), 0.55), (30, 36, 78), 0.45)
    )


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


def draw_body(image: Image.Image, subject: Subject, pose: Pose, background: str) -> None:
    """Draw long hair, shoulders, seat belt and neck. The neck keeps its colour, like the face."""
    pen = Pen(image, pose.x, pose.y, pose.scale, pose.roll)
    width, hair = subject.width, mix(subject.hair, INK, 0.2)
    if subject.style == "long":
        pen.oval(0, 14, width + 7, 40, hair, power=2.8)
    if subject.style == "bob":
        pen.oval(0, 6, width + 6.5, 31, hair, power=2.8)
    if subject.style == "scarf":
        pen.oval(0, 12, width + 7, 42, mix(subject.shirt, WHITE, 0.25), power=2.4)
    shirt = by_light(subject.shirt, background)
    body = Pen(image, 48 + (pose.x - 48) * 0.5, SIZE)
    body.oval(0, 10, 38, 28, mix(shirt, INK, 0.18), power=2.8)
    body.oval(-1.5, 11, 36.5, 28, shirt, power=2.8)
    neck = mix(subject.skin, INK, 0.18)
    body.oval(0, -15.5, 13, 5, mix(shirt, INK, 0.18))
    body.oval(0, -16.5, 11, 4.5, neck)
    pen.oval(0, 26, 9.5, 14, neck, power=3)
    belt = by_light((84, 84, 92), background)
    body.fill([[22, -18], [27, -16.5], [6, 4], [-2, 4]], belt)
    if subject.style == "scarf":
        body.oval(0, -8, 17, 9, mix(subject.shirt, WHITE, 0.18))


def face_points(subject: Subject, grow: float = 0.0) -> NDArray[np.float64]:
    """Return the outline of the face: half an ellipse over a jaw, (72, 2)."""
    angle = np.linspace(0, 2 * math.pi, 72, endpoint=False)
    cos, sin = np.cos(angle), np.sin(angle)
    x = np.sign(cos) * np.abs(cos) ** np.where(sin > 0, subject.jaw, 0.9) * (subject.width + grow)
    return np.stack([x, sin * np.where(sin > 0, subject.chin + grow, 27.0 + grow)], 1)


def draw_head(pen: Pen, subject: Subject, pose: Pose) -> None:
    """Draw ears, face, beard, brows and nose: all of the face that no label moves."""
    skin, yaw, pitch = subject.skin, pose.yaw, pose.pitch
    shade, blush = mix(skin, (120, 52, 48), 0.22), mix(skin, (226, 84, 84), 0.2)
    for side in (-1, 1):
        pen.oval(side * subject.width - yaw * 0.4, 3, 4.2, 6.2, skin)
        pen.oval(side * (subject.width + 0.6) - yaw * 0.4, 3.4, 2.2, 3.8, shade)
    pen.fill(face_points(subject), shade)
    pen.fill(face_points(subject, -0.9) - [0.9, 0.9], skin)
    for side in (-1, 1):
        pen.oval(side * 15 + yaw, 12 + pitch, 4.6, 3.4, blush)
    draw_beard(pen, subject, pose)
    for side in (-1, 1):
        x = np.linspace(-6.5, 6.5, 9)
        y = -11.6 + 2.2 * (x / 6.5) ** 2 - side * x * 0.06
        brow = np.stack([x + side * 11.3 + yaw, y + pitch], 1)
        pen.line(brow, mix(subject.hair, INK, 0.35), subject.brow)
    nose = subject.nose
    x, y = yaw * 1.3, pitch
    bridge = mix(shade, skin, 0.45)
    pen.band(np.array([-nose, 0, nose]) + x, [7.6 + y, 2 + y, 7.6 + y], 8.4 + y, bridge)
    pen.oval(x, 7.8 + y, nose, 1.5, mix(shade, skin, 0.2))


def draw_beard(pen: Pen, subject: Subject, pose: Pose) -> None:
    """Draw a beard along the jaw, or a moustache, or nothing."""
    colour = mix(subject.hair, subject.skin, 0.72 if subject.beard == "stubble" else 0.12)
    x = np.linspace(-subject.width, subject.width, 41)
    share = np.clip(1 - (np.abs(x) / subject.width) ** (2 / subject.jaw), 0, 1)
    edge = subject.chin * np.sqrt(share)
    inner = 25.5 - 23 * (np.abs(x) / subject.width) ** 5 + pose.pitch
    if subject.beard in ("full", "stubble"):
        pen.band(x, np.where(np.abs(x) < 10, 11.5 + pose.pitch, inner - 11), edge, colour)
    if subject.beard == "moustache":
        pen.oval(pose.yaw, 12.4 + pose.pitch, 7.5, 1.9, colour)


def draw_eye(
    pen: Pen, subject: Subject, pose: Pose, expression: Expression, side: int, opening: float
) -> None:
    """Draw one eye; ``side`` is -1 for the one on the left of the picture."""
    middle_x, middle_y = side * 11 + pose.yaw, pose.pitch
    x = np.linspace(-1, 1, 41) * 6.9
    arch = np.clip(1 - (x / 6.9) ** 2, 0, 1)
    widest, low = -5.0 * subject.eye * arch**0.7 + 0.6, 3.4 * subject.eye * arch**0.8 + 0.6
    top = low + (widest - low) * opening
    if expression.happy:
        top = low = 1.6 - 3.6 * arch
    place = x + middle_x
    lid = mix(subject.skin, (120, 52, 48), 0.2)
    pen.band(place, widest - 0.5 + middle_y, low + middle_y, lid)
    pen.band(place, top + middle_y, low + middle_y, WHITE)
    gaze_x, gaze_y = expression.gaze
    for radius, colour in ((4.1, subject.iris), (2.1, INK)):
        centre_x, centre_y = gaze_x * 2.4, -0.5 + gaze_y * 2.4
        half = np.sqrt(np.clip(radius**2 - (x - centre_x) ** 2, 0, None))
        iris_top, iris_low = np.maximum(top, centre_y - half), np.minimum(low, centre_y + half)
        pen.band(place, iris_top + middle_y, iris_low + middle_y, colour)
    if opening > 0.45 and not expression.happy:
        pen.oval(gaze_x * 2.4 + middle_x - 1.3, gaze_y * 2.4 + middle_y - 1.6, 0.9, 0.9, WHITE)
    pen.line(np.stack([place, top + middle_y], 1), INK, 1.1)
    pen.line(np.stack([place, low + middle_y], 1)[4:-4], mix(lid, INK, 0.35), 0.5)


def draw_mouth(pen: Pen, subject: Subject, pose: Pose, expression: Expression) -> None:
    """Draw lips and, where they part, teeth and tongue."""
    u = np.linspace(-1, 1, 41)
    x, arch = u * expression.width + pose.yaw, np.clip(1 - u**2, 0, 1)
    rest = 19.5 + pose.pitch + expression.smile * (0.35 - u**2)
    gap = expression.gap * np.sqrt(arch)
    top, low = rest - 0.9 * gap, rest + gap
    lips = mix(subject.skin, (176, 44, 62), 0.5)
    pen.band(x, top - 1.5 * arch**0.6, low + 1.9 * arch**0.6, lips)
    if expression.gap < 0.3:
        pen.line(np.stack([x, rest], 1), mix(lips, INK, 0.7), 0.8)
        return
    pen.band(x, top, low, (92, 26, 38))
    tongue = 0.55 * expression.width
    bulge = np.sqrt(np.clip(1 - ((x - pose.yaw) / tongue) ** 2, 0, 1))
    dome = low.max() + 1 - 0.6 * expression.gap * bulge
    pen.band(x, np.maximum(top, dome), low, (214, 98, 104))
    pen.band(x, top, np.minimum(low, top + 2 * expression.gap * expression.teeth), WHITE)


def draw_front(pen: Pen, subject: Subject, pose: Pose) -> None:
    """Draw hair and glasses, which lie over the face and may lie over the regions."""
    draw_hair(pen, subject)
    if subject.glasses == "none":
        return
    frame = (40, 40, 48) if subject.glasses == "square" else (150, 112, 62)
    power = 4.0 if subject.glasses == "square" else 2.0
    y = 0.6 + pose.pitch
    for side in (-1, 1):
        x = side * 11 + pose.yaw
        rim = oval_points(x, y, 9.2, 8.4 if power == 2 else 7.2, power)
        pen.line(np.concatenate([rim, rim[:2]]), frame, 1.0)
        pen.line([[x + side * 9, y - 1], [side * subject.width, y - 1.5]], frame, 1.0)
    pen.line([[pose.yaw - 2.2, y - 1], [pose.yaw, y - 1.8], [pose.yaw + 2.2, y - 1]], frame, 1.0)


def draw_hair(pen: Pen, subject: Subject) -> None:
    """Draw what lies on top of the head, from the crown down to a line over the forehead."""
    width, style, hair = subject.width, subject.style, subject.hair
    x = np.linspace(-1, 1, 61)
    outer = np.sqrt(np.clip(1 - x**2, 0, 1))
    place = x * (width + 2.5)
    crown = {"buzz": 28.5, "cap": 31, "scarf": 32}.get(style, 31.5)
    line = {
        "buzz": -19 + 14 * x**4,
        "side": np.where(x < -0.35, -17 + 16 * x**4, -21 + 6 * (x + 0.35) + 15 * x**6),
        "bob": -15.5 + 15 * x**6 - 1.5 * np.cos(x * 9),
        "long": -14.5 - 7 * np.exp(-(((x - 0.15) / 0.3) ** 2)) + 16 * x**6,
        "bun": -20 + 17 * x**4,
        "curly": -17 + 16 * x**6,
        "cap": -15 + 4 * x**4,
        "scarf": -17 + 24 * x**6,
    }
    if style == "bald":
        return
    if style == "bun":
        pen.oval(0, -32, 8, 7, hair)
    colour = {"cap": subject.shirt, "scarf": mix(subject.shirt, WHITE, 0.25)}.get(style, hair)
    if style == "curly":
        for angle in np.linspace(-0.05, math.pi + 0.05, 13):
            curl = (math.cos(angle) * (width + 1), -6 - math.sin(angle) * 22)
            pen.oval(*curl, 6.2, 6.2, colour)
    pen.band(place, -crown * outer, np.minimum(line[style], 2), colour)
    if style == "cap":
        pen.oval(0, -15, width + 1, 3.2, mix(colour, INK, 0.3))
    elif style not in ("buzz", "scarf"):
        shine = np.stack([x * width * 0.5 - 3, -crown * 0.82 + 5 * x**2], 1)[12:44]
        pen.line(shine, mix(hair, WHITE, 0.16), 1.3)
