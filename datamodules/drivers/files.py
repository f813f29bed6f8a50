"""Images, masks, settings.json and manifest.csv: a manifest like any other.

Nothing that reads these files knows they were drawn.
"""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from datamodules.drivers.expressions import sample_expression
from datamodules.drivers.picture import draw_driver
from datamodules.drivers.poses import REGIONS, region_masks, sample_pose
from datamodules.drivers.scenes import Scene, plan_scenes
from datamodules.drivers.subjects import Subject, plan_subjects

MASKS = [f"mask_{region}" for region in REGIONS]
COLUMNS = ["image", "label", "split", "group", "background", "pair", *MASKS]


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
