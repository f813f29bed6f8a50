"""What alert and drowsy look like: eyes and mouth, and nothing else, depend on the label."""

from dataclasses import dataclass
from random import Random

# Opening of the lids from, to; height of the gaze.
EYES = {
    "open": (0.78, 1.0, 0.0),
    "glance": (0.44, 0.64, 0.8),
    "laughing": (0.0, 0.0, 0.0),
    "half": (0.28, 0.5, 0.3),
    "closed": (0.0, 0.12, 0.5),
}
# Ranges of half width, gap, smile and teeth.
MOUTHS = {
    "calm": ((5.5, 7.5), (0, 0), (0.8, 2.4), (0, 0)),
    "neutral": ((5.0, 7.0), (0, 0), (-0.3, 0.3), (0, 0)),
    "talking": ((5.5, 7.5), (1.4, 3.4), (0.2, 2.0), (0.25, 0.45)),
    "grin": ((7.5, 9.2), (2.4, 4.2), (2.0, 3.4), (0.4, 0.6)),
    "wide": ((4.6, 6.2), (4.6, 6.6), (-0.6, 0.6), (0.0, 0.16)),
    "slack": ((4.4, 6.2), (0.5, 1.4), (-2.4, -1.2), (0, 0)),
}
# Eyes and mouth that go together, and how often.
MOODS = {
    "alert": [
        (("open", "neutral"), 0.20),
        (("open", "calm"), 0.14),
        (("open", "talking"), 0.14),
        (("open", "wide"), 0.14),
        (("glance", "calm"), 0.14),
        (("glance", "talking"), 0.12),
        (("laughing", "grin"), 0.12),
    ],
    "drowsy": [
        (("closed", "neutral"), 0.20),
        (("closed", "slack"), 0.14),
        (("closed", "wide"), 0.18),
        (("half", "slack"), 0.26),
        (("half", "wide"), 0.22),
    ],
}


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


def sample_expression(label: str, rng: Random) -> Expression:
    """Draw eyes and mouth for a label.

    Lowered lids, neutral mouths and wide open mouths occur with both labels, so that neither eyes
    nor mouth are enough: with lowered lids the mouth decides (composed or talking against slack or
    yawning), with the others the eyes do.
    """
    eyes, mouth = rng.choices(*zip(*MOODS[label], strict=True))[0]
    low, high, gaze_y = EYES[eyes]
    opening, tilt = rng.uniform(low, high), rng.uniform(-0.05, 0.05)
    lids = tuple(min(max(opening + side * tilt, 0.0), 1.0) for side in (-1, 1))
    gaze_x = rng.choice([0.0, 0.0, rng.uniform(-1, 1)])
    width, gap, smile, teeth = (rng.uniform(*span) for span in MOUTHS[mouth])
    gaze = (gaze_x, gaze_y + rng.uniform(-0.15, 0.15))
    return Expression(lids, gaze, eyes == "laughing", width, gap, smile, teeth)
