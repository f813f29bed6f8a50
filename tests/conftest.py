"""Small data sets, made on the spot: squares and discs on coloured backgrounds."""

import csv
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

os.environ.setdefault("OMP_NUM_THREADS", "2")

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


def make_shapes(folder: Path, per_class: int = 12, size: tuple[int, int] = (40, 48)) -> Path:
    """Write a manifest of squares and discs with masks, groups, sites and splits."""
    rng = np.random.default_rng(0)
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


@pytest.fixture(scope="session")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Manifest of a small data set that nobody changes."""
    return make_shapes(tmp_path_factory.mktemp("shapes"))


@pytest.fixture
def rows_of() -> Callable[[Path], Rows]:
    """Read a manifest's rows, to change and write them again."""

    def read(manifest: Path) -> Rows:
        with manifest.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    return read


def train_in_process(manifest: Path, out: Path, *overrides: str) -> Path:
    """Train as scripts/train.py does, without another interpreter; returns the run folder."""
    from front.composition import compose_job
    from front.conf_tree import ConfTree
    from workflow.call import Call
    from workflow.fit import run
    from workflow.journal import Journal
    from workflow.plan import make_plan
    from workflow.resume import check_same_split, resume_config

    quick = [
        "data=manifest",
        f"data.manifest={manifest}",
        "data.image_size=32",
        "data.batch_size=4",
    ]
    quick += ["data.num_workers=0", "model.backbone=test_resnet", "trainer.max_epochs=2"]
    typed = (
        list(overrides)
        if any(o.startswith("resume=") for o in overrides)
        else [*quick, "trainer.accelerator=cpu", f"out={out}", *overrides]
    )
    cfg = compose_job("train", typed, ConfTree()).cfg
    call, checkpoint = Call(typed, None, None), None
    if cfg.resume is not None:
        cfg, call, checkpoint = resume_config(cfg, call)
    journal = Journal()
    plan = make_plan(cfg, call)
    if checkpoint is not None:
        check_same_split(plan.table, checkpoint.parents[1])
    run(plan, journal, checkpoint)
    return out


@pytest.fixture(scope="session")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An outputs/ folder of the tests' own."""
    import workflow.places
    import workflow.plan

    folder = tmp_path_factory.mktemp("outputs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workflow.places, "OUTPUTS", folder)
        patch.setattr(workflow.plan, "OUTPUTS", folder)
        yield folder


@pytest.fixture(scope="session")
def trained(shapes: Path, outputs: Path) -> Path:
    """Folder of a finished run of two epochs behind the pixel gate."""
    out = outputs / "runs" / "shapes" / "2026-01-01_00-00-00"
    return train_in_process(shapes, out, "gate=pixel", "data.slice_by=site", "data.pair_by=pair")
