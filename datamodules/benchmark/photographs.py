"""Files to measure with: noise like a photograph's, as JPEG, each with a mask as PNG."""

from pathlib import Path

import numpy as np
from PIL import Image

HEIGHT, WIDTH = 375, 500


def write_photographs(folder: Path, num_images: int, seed: int) -> Path:
    """Write ``images/<class>/<number>.jpg``, ``masks/`` alike and a manifest; returns the last."""
    rng = np.random.default_rng(seed)
    lines = ["image,label,mask"]
    for number in range(num_images):
        label = "ab"[number % 2]
        place = Path(label) / f"{number:04d}"
        for kind in ("images", "masks"):
            (folder / kind / label).mkdir(parents=True, exist_ok=True)
        _draw(rng).save(folder / "images" / place.with_suffix(".jpg"), quality=90)
        _draw_mask(rng).save(folder / "masks" / place.with_suffix(".png"))
        image, mask = place.with_suffix(".jpg").as_posix(), place.with_suffix(".png").as_posix()
        lines.append(f"images/{image},{label},masks/{mask}")
    manifest = folder / "manifest.csv"
    manifest.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return manifest


def _draw(rng: np.random.Generator) -> Image.Image:
    coarse = Image.fromarray(rng.integers(0, 256, (24, 32, 3), dtype=np.uint8))
    smooth = np.asarray(coarse.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC), float)
    return Image.fromarray((smooth + rng.normal(0, 8, smooth.shape)).clip(0, 255).astype(np.uint8))


def _draw_mask(rng: np.random.Generator) -> Image.Image:
    y, x = np.ogrid[:HEIGHT, :WIDTH]
    centre, radii = rng.uniform(0.35, 0.65, 2), rng.uniform(0.2, 0.35, 2)
    inside = ((y / HEIGHT - centre[0]) / radii[0]) ** 2 + ((x / WIDTH - centre[1]) / radii[1]) ** 2
    return Image.fromarray(np.where(inside < 1, np.uint8(255), np.uint8(0)))
