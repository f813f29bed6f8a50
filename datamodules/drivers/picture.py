"""One picture: a driver in a car, as a small flat illustration."""

from collections.abc import Sequence
from functools import reduce

from PIL import Image, ImageChops

from datamodules.drivers.cabin import draw_cabin
from datamodules.drivers.expressions import Expression
from datamodules.drivers.face import draw_eye, draw_head, draw_mouth
from datamodules.drivers.outfit import draw_body, draw_glasses, draw_hair
from datamodules.drivers.pen import ZOOM, Pen
from datamodules.drivers.poses import Pose
from datamodules.drivers.subjects import Subject


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
    draw_hair(pen, subject)
    draw_glasses(pen, subject, pose)
    return image.reduce(ZOOM)
