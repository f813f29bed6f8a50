"""What lies around and over the face: hair, clothes, seat belt and glasses.

Hair and glasses may lie over the regions; they are drawn last, the same for every label.
"""

import math

import numpy as np
from PIL import Image

from datamodules.drivers.colours import INK, WHITE, by_light, mix
from datamodules.drivers.pen import SIZE, Pen, oval_points
from datamodules.drivers.poses import Pose
from datamodules.drivers.subjects import Subject


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


def draw_glasses(pen: Pen, subject: Subject, pose: Pose) -> None:
    """Draw glasses, if the subject wears any."""
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
