"""Where the head is, and with it the regions of interest. Nothing here knows a label."""

from dataclasses import dataclass
from random import Random

from PIL import Image

from datamodules.drivers.pen import SIZE, ZOOM, Pen

# Centre and half axes: room for the widest eye and yawn, but nothing from behind the head.
REGIONS = {
    "left_eye": (-11.0, 0.0, 9.2, 8.2),
    "right_eye": (11.0, 0.0, 9.2, 8.2),
    "mouth": (0.0, 19.5, 12.0, 9.8),
}


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


def sample_pose(rng: Random) -> Pose:
    """Place a head so that all regions stay inside the picture. Knows no label."""
    return Pose(
        x=rng.uniform(44, 52),
        y=rng.uniform(42, 47),
        scale=rng.uniform(0.88, 1.0),
        roll=rng.uniform(-0.12, 0.12),
        yaw=rng.uniform(-1.8, 1.8),
        pitch=rng.uniform(-1.0, 1.0),
    )


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
