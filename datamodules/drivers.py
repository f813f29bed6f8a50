"""The embedded data set: drawn drivers, alert or drowsy, in a car by day or by night.

Eyes and mouth tell the label. In training and validation the background nearly tells it too
(alert by day, drowsy by night); in the test split every scene exists once by day and once by night,
so that a classifier that reads the background fails there. The files are a manifest like any other:
nothing that reads them knows they were drawn.
"""

import csv
import itertools
import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from datamodules.driver_faces import (
    BACKGROUNDS,
    REGIONS,
    Expression,
    Pose,
    Subject,
    draw_driver,
    region_masks,
)

# Raise when the pixels or the columns change: a folder with another format is drawn again.
FORMAT = 2
LABELS = ("alert", "drowsy")
NUM_SUBJECTS = {"train": 24, "val": 8, "test": 12}
MASKS = [f"mask_{region}" for region in REGIONS]
COLUMNS = ["image", "label", "split", "group", "background", "pair", *MASKS]

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
class Scene:
    """One driver at one moment; drawn on one background or on both."""

    pair: str
    split: str
    group: str
    label: str
    backgrounds: tuple[str, ...]


def write_drivers(
    folder: Path,
    seed: int = 0,
    num_train: int = 1200,
    num_val: int = 304,
    num_test: int = 600,
    agreement: float = 0.95,
) -> Path:
    """Return the manifest of the data set, and draw it first unless it is there already.

    All of it is written beside ``folder`` and moved into place at the end: a run that is killed
    leaves no half-made data set, and two runs may draw the same one at once.

    Args:
        folder: where the data set belongs; replaced when it holds drivers with other settings.
        seed: same seed, same manifest and same pixels.
        num_train: images in the training split, even.
        num_val: images in the validation split, even.
        num_test: images in the test split, a multiple of 4: each scene is drawn by day and night.
        agreement: share of the training and validation images whose background agrees with the
            label, 0 to 1; 0.5 makes the background say nothing.

    Raises:
        ValueError: for impossible settings, or a folder that holds something else.
    """
    settings = {
        "data_set": "drivers",
        "format": FORMAT,
        "seed": seed,
        "num_train": num_train,
        "num_val": num_val,
        "num_test": num_test,
        "agreement": float(agreement),
    }
    check_settings(settings)
    folder = Path(folder)
    if not holds(folder, settings):
        draw_beside(folder, settings)
    return folder / "manifest.csv"


def draw_beside(folder: Path, settings: dict[str, Any]) -> None:
    """Draw everything in a temporary folder next to ``folder``, then move it there."""
    check_replaceable(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    workplace = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        made = workplace / "new"
        draw_all(made, settings)
        move_into_place(made, folder, settings)
    finally:
        shutil.rmtree(workplace, ignore_errors=True)


def check_settings(settings: dict[str, Any]) -> None:
    """Raise one ValueError that lists every impossible setting."""
    problems = []
    for split in NUM_SUBJECTS:
        name, step = f"num_{split}", 4 if split == "test" else 2
        if settings[name] < step or settings[name] % step:
            problems.append(f"{name} is {settings[name]}, expected a positive multiple of {step}")
    if not 0 <= settings["agreement"] <= 1:
        problems.append(f"agreement is {settings['agreement']}, expected a share between 0 and 1")
    if problems:
        raise ValueError("The drivers data set cannot be drawn: " + "; ".join(problems) + ".")


def read_settings(folder: Path) -> dict[str, Any]:
    """Return the settings a folder of drivers was drawn with, empty for anything else."""
    try:
        found = json.loads((folder / "settings.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and found.get("data_set") == "drivers" else {}


def holds(folder: Path, settings: dict[str, Any]) -> bool:
    """Tell whether a folder has the data set with exactly these settings."""
    return (folder / "manifest.csv").is_file() and read_settings(folder) == settings


def check_replaceable(folder: Path) -> None:
    """Raise rather than delete somebody's files."""
    taken = folder.exists() and not folder.is_dir()
    if taken or (folder.is_dir() and any(folder.iterdir()) and not read_settings(folder)):
        raise ValueError(
            f"{folder} holds something else: it has no settings.json of the drivers data set. "
            "Expected a new folder: choose another one, or delete this one."
        )


def move_into_place(made: Path, folder: Path, settings: dict[str, Any]) -> None:
    """Rename ``made`` to ``folder``; who comes second finds the same data there and is content."""
    for attempt in range(20):
        if holds(folder, settings):
            return
        try:
            if folder.exists():
                check_replaceable(folder)
                folder.rename(made.parent / f"old_{attempt}")
            made.rename(folder)
            return
        except OSError:  # another process was faster, or Windows still has a file open
            time.sleep(0.1)
    raise OSError(f"{folder} could not be replaced. Close what reads it and try again.")


def draw_all(folder: Path, settings: dict[str, Any]) -> None:
    """Write images, masks, settings and, last, the manifest."""
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    seed = settings["seed"]
    subjects = plan_subjects(seed)
    scenes = plan_scenes(settings)
    rows = [row for scene in scenes for row in draw_scene(folder, scene, subjects, seed)]
    text = json.dumps(settings, indent=2) + "\n"
    (folder / "settings.json").write_text(text, encoding="utf-8", newline="\n")
    with (folder / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


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
        name: Subject(
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
        for i, name in enumerate(names)
        for style in [STYLES[i % len(STYLES)]]
        for skin, hair in [heads[style].pop()]
    }


def plan_scenes(settings: dict[str, Any]) -> Iterator[Scene]:
    """Yield every scene: labels alternate, subjects take turns, backgrounds agree as asked."""
    for split, num_subjects in NUM_SUBJECTS.items():
        num = settings[f"num_{split}"] // (2 if split == "test" else 1)
        agrees = {}
        for label in LABELS:
            num_agree = round(settings["agreement"] * (num // 2))
            agrees[label] = [True] * num_agree + [False] * (num // 2 - num_agree)
            Random(f"{settings['seed']} {split} {label} agreement").shuffle(agrees[label])
        for i in range(num):
            label = LABELS[i % 2]
            agreeing = BACKGROUNDS[(i % 2) if agrees[label][i // 2] else (1 - i % 2)]
            backgrounds = BACKGROUNDS if split == "test" else (agreeing,)
            group = f"{split}_{i // 2 % num_subjects:02d}"
            yield Scene(f"{split}_{i:05d}", split, group, label, backgrounds)


def draw_scene(
    folder: Path, scene: Scene, subjects: dict[str, Subject], seed: int
) -> Iterator[dict[str, str]]:
    """Write the pictures of one scene and yield their rows."""
    key = f"{seed} {scene.pair}"
    # Separate streams: how many numbers an expression takes depends on the label.
    pose = sample_pose(Random(f"{key} pose"))
    expression = sample_expression(scene.label, Random(f"{key} expression"))
    masks = region_masks(pose)
    row = {"label": scene.label, "split": scene.split, "group": scene.group, "pair": scene.pair}
    for region, mask in masks.items():
        row[f"mask_{region}"] = f"masks/{scene.pair}_{region}.png"
        mask.convert("1").save(folder / row[f"mask_{region}"], compress_level=1)
    for background in scene.backgrounds:
        image = draw_driver(
            subjects[scene.group], pose, expression, background, key, list(masks.values())
        )
        path = f"images/{scene.pair}_{background}.png"
        image.save(folder / path, compress_level=1)
        yield {**row, "image": path, "background": background}


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
