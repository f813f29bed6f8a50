"""Small data sets, made on the spot: squares and discs on coloured backgrounds."""

import csv
from pathlib import Path

import numpy as np
from PIL import Image

Rows = list[dict[str, str]]


def draw_shape(label: str, rng: np.random.Generator, height: int, width: int) -> tuple:
    """Image (H, W, 3) uint8 and mask (H, W) bool of a bright square or disc on noise."""
    image = rng.integers(0, 120, (height, width, 3), dtype=np.uint8)
    y, x = np.mgrid[:height, :width]
    cy, cx = rng.uniform(0.4, 0.6, 2) * (height, width)
    radius = min(height, width) / 4
    if label == "square":
        mask = np.maximum(abs(y - cy), abs(x - cx)) < radius
    else:
        mask = np.hypot(y - cy, x - cx) < radius
    image[mask] = rng.integers(180, 255, 3) if label == "square" else rng.integers(60, 130, 3)
    return image, mask


def write_manifest(path: Path, rows: Rows) -> Path:
    """Write rows as CSV."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def make_shapes(
    folder: Path, per_class: int = 12, size: tuple[int, int] = (40, 48), seed: int = 0
) -> Path:
    """Write a manifest of squares and discs with masks, groups, sites and splits."""
    rng = np.random.default_rng(seed)
    (folder / "images").mkdir(parents=True)
    (folder / "masks").mkdir()
    rows = []
    for index in range(per_class):
        split = ("train", "train", "val", "test")[index % 4]
        for label in ("disc", "square"):
            image, mask = draw_shape(label, rng, *size)
            name = f"{label}_{index:03d}.png"
            Image.fromarray(image).save(folder / "images" / name)
            Image.fromarray(mask).save(folder / "masks" / name)
            row = {"image": f"images/{name}", "label": label, "mask": f"masks/{name}"}
            row |= {"split": split, "group": f"{split}{index % 5}", "site": "ab"[index // 4 % 2]}
            rows.append(row | {"pair": f"p{index}{label}"})
    return write_manifest(folder / "manifest.csv", rows)
