"""The face. Lengths count from the point between the eyes."""

import math

import numpy as np
from numpy.typing import NDArray

from datamodules.drivers.colours import INK, WHITE, mix
from datamodules.drivers.expressions import Expression
from datamodules.drivers.pen import Pen
from datamodules.drivers.poses import Pose
from datamodules.drivers.subjects import Subject


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


def face_points(subject: Subject, grow: float = 0.0) -> NDArray[np.float64]:
    """Return the outline of the face: half an ellipse over a jaw, (72, 2)."""
    angle = np.linspace(0, 2 * math.pi, 72, endpoint=False)
    cos, sin = np.cos(angle), np.sin(angle)
    x = np.sign(cos) * np.abs(cos) ** np.where(sin > 0, subject.jaw, 0.9) * (subject.width + grow)
    return np.stack([x, sin * np.where(sin > 0, subject.chin + grow, 27.0 + grow)], 1)


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
