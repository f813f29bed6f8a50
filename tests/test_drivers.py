"""The embedded data set: its fairness is a matter of pixels, so it is tested there."""

import csv
import math
import os
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations
from pathlib import Path
from random import Random

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from datamodules.drivers import files, scenes, write_drivers, writing
from datamodules.drivers.expressions import sample_expression
from datamodules.drivers.pen import SIZE
from datamodules.drivers.picture import draw_driver
from datamodules.drivers.poses import Pose, region_masks, sample_pose
from datamodules.drivers.subjects import HAIRLESS, plan_subjects

SMALL = {"num_train": 24, "num_val": 12, "num_test": 12}
MASKS = ("mask_left_eye", "mask_right_eye", "mask_mouth")
SPLITS = ("train", "val", "test")
Rows = list[dict[str, str]]


def read(manifest: Path) -> Rows:
    with manifest.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def pixels(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def mask(path: Path) -> NDArray[np.bool_]:
    with Image.open(path) as image:
        return np.asarray(image.convert("1"))


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def extreme_poses() -> list[Pose]:
    """All corners of what `sample_pose` may return, found by letting it sample only bounds."""

    class Bounds(Random):
        def __init__(self, number: int) -> None:
            super().__init__()
            self.bits = iter(f"{number:06b}")

        def uniform(self, a: float, b: float) -> float:
            return b if next(self.bits) == "1" else a

    return [sample_pose(Bounds(number)) for number in range(64)]


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_drivers(tmp_path_factory.mktemp("data") / "drivers", seed=3, **SMALL)


@pytest.fixture(scope="module")
def rows(manifest: Path) -> Rows:
    return read(manifest)


def test_same_seed_draws_the_same_bytes(manifest: Path, tmp_path: Path) -> None:
    again = write_drivers(tmp_path / "again", seed=3, **SMALL)
    assert contents(again.parent) == contents(manifest.parent)


def test_another_seed_draws_other_pictures(manifest: Path, tmp_path: Path) -> None:
    other = contents(write_drivers(tmp_path / "other", seed=4, **SMALL).parent)
    ours = contents(manifest.parent)
    assert not any(ours[name] == data for name, data in other.items() if name in ours)


def test_every_row_is_complete_and_every_picture_the_right_size(manifest: Path, rows: Rows) -> None:
    assert Counter(row["split"] for row in rows) == {"train": 24, "val": 12, "test": 12}
    for row in rows:
        assert all(row.values())
        with Image.open(manifest.parent / row["image"]) as image:
            assert (image.mode, image.size) == ("RGB", (SIZE, SIZE))
        for column in MASKS:
            with Image.open(manifest.parent / row[column]) as region:
                assert (region.mode, region.size) == ("1", (SIZE, SIZE))


def test_regions_are_there_and_do_not_overlap(manifest: Path, rows: Rows) -> None:
    for row in rows:
        planes = np.stack([mask(manifest.parent / row[column]) for column in MASKS])
        assert planes.any((1, 2)).all()
        assert planes.sum(0).max() == 1


def test_regions_lie_inside_the_picture_in_every_pose() -> None:
    for pose in extreme_poses():
        planes = np.stack([np.asarray(region) > 0 for region in region_masks(pose).values()])
        inner = planes[:, 1:-1, 1:-1]
        assert planes.sum(0).max() == 1
        assert inner.sum() == planes.sum()


def test_a_pair_shows_the_same_bits_inside_the_regions_by_day_and_by_night(
    manifest: Path, rows: Rows
) -> None:
    test = [row for row in rows if row["split"] == "test"]
    for pair in {row["pair"] for row in test}:
        day, night = (
            next(row for row in test if row["pair"] == pair and row["background"] == background)
            for background in ("day", "night")
        )
        assert day["label"] == night["label"]
        assert [day[column] for column in MASKS] == [night[column] for column in MASKS]
        inside = np.any([mask(manifest.parent / day[column]) for column in MASKS], axis=0)
        by_day, by_night = (pixels(manifest.parent / row["image"]) for row in (day, night))
        assert (by_day[inside] == by_night[inside]).all()
        assert (by_day[~inside] != by_night[~inside]).any(-1).mean() > 0.3


def test_nothing_behind_the_head_shows_inside_the_regions_in_any_pose() -> None:
    subjects = list(plan_subjects(0).values())
    slim = min(subjects, key=lambda subject: subject.width + subject.chin)
    expression = sample_expression("alert", Random(0))
    for pose in extreme_poses():
        masks = list(region_masks(pose).values())
        inside = np.any([np.asarray(region) > 0 for region in masks], axis=0)
        day, night = (
            np.asarray(draw_driver(slim, pose, expression, background, "a", masks))
            for background in ("day", "night")
        )
        assert (day[inside] == night[inside]).all()


def test_the_label_changes_nothing_outside_the_regions() -> None:
    subjects = list(plan_subjects(0).values())
    for seed in range(20):
        subject, pose = subjects[seed], sample_pose(Random(seed))
        masks = list(region_masks(pose).values())
        inside = np.any([np.asarray(region) > 0 for region in masks], axis=0)
        alert, drowsy = (
            np.asarray(
                draw_driver(
                    subject, pose, sample_expression(label, Random(seed)), "day", "a", masks
                )
            )
            for label in ("alert", "drowsy")
        )
        assert (alert[~inside] == drowsy[~inside]).all()
        assert (alert[inside] != drowsy[inside]).any()


def test_regions_are_the_same_whatever_the_label(
    manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scenes, "LABELS", ("drowsy", "alert"))
    swapped = write_drivers(tmp_path / "swapped", seed=3, **SMALL)
    masks, others = contents(manifest.parent / "masks"), contents(swapped.parent / "masks")
    assert masks == others
    labels, opposite = ([row["label"] for row in read(path)] for path in (manifest, swapped))
    assert all(a != b for a, b in zip(labels, opposite, strict=True))


def test_features_never_touch_the_rim_of_their_region() -> None:
    """Otherwise the mask would cut a wide eye or a yawn, visibly."""
    subject = max(plan_subjects(0).values(), key=lambda subject: subject.eye)
    pose = sample_pose(Random(0))
    masks = list(region_masks(pose).values())
    larger = [Image.new("L", (SIZE, SIZE), 255)]
    for seed in range(60):
        expression = sample_expression(("alert", "drowsy")[seed % 2], Random(seed))
        cut, free = (
            np.asarray(draw_driver(subject, pose, expression, "day", "a", window))
            for window in (masks, larger)
        )
        assert (cut == free).all(), expression


def test_no_subject_is_on_both_sides_of_a_split(rows: Rows) -> None:
    groups = {split: {r["group"] for r in rows if r["split"] == split} for split in SPLITS}
    assert all(not groups[a] & groups[b] for a, b in combinations(SPLITS, 2))


def test_no_subject_is_the_double_of_another() -> None:
    for seed in range(5):
        looks = [(s.skin, s.hair, s.style) for s in plan_subjects(seed).values()]
        assert len(set(looks)) == len(looks) == 44
        bare = [(skin, style) for skin, _, style in looks if style in HAIRLESS]
        assert len(set(bare)) == len(bare)


def test_every_subject_shows_both_labels_equally_often(rows: Rows) -> None:
    counts = Counter((row["group"], row["label"]) for row in rows)
    for group in {row["group"] for row in rows}:
        assert counts[group, "alert"] == counts[group, "drowsy"] > 0


@pytest.mark.parametrize("agreement", [0.0, 0.5, 0.95, 1.0])
def test_the_background_agrees_as_often_as_asked(agreement: float) -> None:
    settings = {"seed": 0, "num_train": 400, "num_val": 40, "num_test": 4, "agreement": agreement}
    usual = {"alert": "day", "drowsy": "night"}
    for split, num in (("train", 400), ("val", 40)):
        planned = [scene for scene in scenes.plan_scenes(settings) if scene.split == split]
        assert len(planned) == len({scene.pair for scene in planned}) == num
        for label in usual:
            agrees = [s.backgrounds == (usual[label],) for s in planned if s.label == label]
            assert math.isclose(np.mean(agrees), agreement, abs_tol=1 / len(agrees))


def test_in_the_test_split_the_background_says_nothing(rows: Rows) -> None:
    test = [row for row in rows if row["split"] == "test"]
    assert len({(row["pair"], row["background"]) for row in test}) == len(test)
    assert set(Counter((r["label"], r["background"]) for r in test).values()) == {len(test) // 4}


def test_what_is_there_is_not_drawn_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = write_drivers(tmp_path / "drivers", **SMALL)
    monkeypatch.setattr(writing, "draw_all", None)
    assert write_drivers(tmp_path / "drivers", **SMALL) == manifest


def test_other_settings_are_drawn_anew(tmp_path: Path) -> None:
    before = read(write_drivers(tmp_path / "drivers", **SMALL))
    after = read(write_drivers(tmp_path / "drivers", **{**SMALL, "num_val": 2}))
    assert len(before) == 48
    assert len(after) == 38
    assert [path.name for path in tmp_path.iterdir()] == ["drivers"]


def test_a_killed_run_leaves_nothing_half_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = iter(range(10))

    def draw_and_die(*args: object) -> None:
        if next(drawn) == 9:
            raise KeyboardInterrupt
        return draw_driver(*args)

    with monkeypatch.context() as patch:
        patch.setattr(files, "draw_driver", draw_and_die)
        with pytest.raises(KeyboardInterrupt):
            write_drivers(tmp_path / "drivers", **SMALL)
    assert list(tmp_path.iterdir()) == []
    assert len(read(write_drivers(tmp_path / "drivers", **SMALL))) == 48


def leave(folder: Path, hours: float, file: str = "new/images/train_00000_day.png") -> Path:
    """Leave what a run that was killed so many hours ago leaves."""
    (folder / file).parent.mkdir(parents=True)
    (folder / file).touch()
    for path in (folder, *folder.rglob("*")):
        os.utime(path, (time.time() - hours * 3600,) * 2)
    return folder


def test_what_killed_runs_left_is_removed_after_an_hour(tmp_path: Path) -> None:
    old = leave(tmp_path / ".drivers-a1b2c3_4", hours=1.1)
    young = leave(tmp_path / ".drivers-young_01", hours=0.9)
    drawing = leave(tmp_path / ".drivers-drawing1", hours=5)
    (drawing / "new" / "images" / "train_00001_night.png").touch()
    write_drivers(tmp_path / "drivers", **SMALL)
    assert not old.exists()
    assert {path.name for path in tmp_path.iterdir()} == {"drivers", young.name, drawing.name}


def test_leftovers_are_removed_even_when_nothing_is_drawn(tmp_path: Path) -> None:
    write_drivers(tmp_path / "drivers", **SMALL)
    old = leave(tmp_path / ".drivers-a1b2c3_4", hours=2)
    write_drivers(tmp_path / "drivers", **SMALL)
    assert not old.exists()


def test_other_hidden_folders_are_left_alone(tmp_path: Path) -> None:
    others = [
        leave(tmp_path / ".drivers-my_notes", hours=99, file="notes.txt"),
        leave(tmp_path / ".drivers-of-mine-a1b2c3_4", hours=99),
        leave(tmp_path / ".others-a1b2c3_4", hours=99),
        leave(tmp_path / "drivers-a1b2c3_4", hours=99),
    ]
    write_drivers(tmp_path / "drivers", **SMALL)
    assert all(path.is_dir() for path in others)


def test_a_data_set_without_its_manifest_is_drawn_again(tmp_path: Path) -> None:
    manifest = write_drivers(tmp_path / "drivers", **SMALL)
    manifest.unlink()
    assert len(read(write_drivers(tmp_path / "drivers", **SMALL))) == 48


def test_somebody_elses_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "holiday.txt").write_text("mine")
    with pytest.raises(ValueError, match="holds something else"):
        write_drivers(tmp_path, **SMALL)
    assert contents(tmp_path) == {"holiday.txt": b"mine"}


def test_two_runs_at_once_both_find_the_data(tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(write_drivers, tmp_path / "drivers", **SMALL) for _ in range(2)]
        first, second = (run.result() for run in runs)
    assert first == second
    assert len(read(first)) == 48
    assert [path.name for path in tmp_path.iterdir()] == ["drivers"]


def test_impossible_settings_are_listed_together(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="num_val is 3") as error:
        write_drivers(tmp_path / "drivers", num_val=3, num_test=6, agreement=1.5)
    assert "num_test is 6" in str(error.value)
    assert "agreement is 1.5" in str(error.value)
