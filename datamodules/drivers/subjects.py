"""Who drives: what stays the same in all pictures of one person."""

import itertools
from dataclasses import dataclass
from random import Random

from datamodules.drivers.colours import Colour

NUM_SUBJECTS = {"train": 24, "val": 8, "test": 12}
SKINS = [
    (255, 224, 200),
    (246, 204, 172),
    (234, 184, 146),
    (210, 154, 114),
    (176, 120, 84),
    (132, 88, 64),
]
HAIRS = [
    (48, 38, 40),
    (86, 58, 44),
    (132, 88, 56),
    (206, 164, 100),
    (168, 84, 52),
    (160, 158, 160),
]
IRISES = [(92, 60, 40), (62, 44, 36), (70, 116, 150), (86, 124, 80)]
SHIRTS = [
    (196, 86, 76),
    (74, 122, 168),
    (92, 144, 112),
    (226, 176, 92),
    (130, 100, 158),
    (88, 100, 112),
]
STYLES = ["side", "bald", "bob", "curly", "long", "buzz", "bun", "cap", "scarf"]
HAIRLESS = {"bald", "buzz", "cap", "scarf"}


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


def plan_subjects(seed: int) -> dict[str, Subject]:
    """Return all subjects by name. No two share skin, hair and style, so none is another's double.

    The styles take turns, so that every split meets most of them. Where a style shows little
    hair, no two share even skin and style.
    """
    rng = Random(f"{seed} subjects")
    heads = {style: list(itertools.product(SKINS, HAIRS)) for style in STYLES}
    for style, choices in heads.items():
        rng.shuffle(choices)
        if style in HAIRLESS:
            heads[style] = list({skin: (skin, hair) for skin, hair in choices}.values())
    names = [f"{split}_{i:02d}" for split, num in NUM_SUBJECTS.items() for i in range(num)]
    return {
        name: sample_subject(skin, hair, style, rng)
        for i, name in enumerate(names)
        for style in [STYLES[i % len(STYLES)]]
        for skin, hair in [heads[style].pop()]
    }


def sample_subject(skin: Colour, hair: Colour, style: str, rng: Random) -> Subject:
    """Draw the rest of a person."""
    return Subject(
        skin=skin,
        hair=hair,
        iris=rng.choice(IRISES),
        shirt=rng.choice(SHIRTS),
        style=style,
        glasses=rng.choice(["none", "none", "none", "round", "square"]),
        beard=rng.choice(["none", "none", "none", "full", "stubble", "moustache"])
        if style in ("side", "buzz", "curly", "bald", "cap")
        else "none",
        width=rng.uniform(24.2, 27),
        chin=rng.uniform(31, 34),
        jaw=rng.uniform(0.6, 0.95),
        eye=rng.uniform(0.9, 1.1),
        brow=rng.uniform(1.2, 2.4),
        nose=rng.uniform(2.4, 3.6),
    )
