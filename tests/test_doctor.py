"""The data doctor: every fault is planted once and found, and a clean set is clean."""

import csv
import json
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from front.composition import compose_job
from front.conf_tree import ConfTree
from front.outcome import ExitStatus
from PIL import Image, ImageDraw
from small_data import write_manifest
from workflow.plan import instantiate

from datamodules.checks import mask_only
from datamodules.checks.examination import examine_files
from datamodules.doctor.diagnosis import diagnose
from datamodules.doctor.findings import Level
from datamodules.doctor.page import write_page
from datamodules.sources import ManifestData
from datamodules.splitting.group_proposals import propose_groups

CHECKOUT = Path(__file__).parents[1]
SIZES = {"train": 20, "val": 10, "test": 10}


class DataSet:
    """Images with ROIs that differ in the colour of what is inside, and in nothing else."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rng = np.random.default_rng(0)
        self.rows = []
        (folder / "images").mkdir(parents=True)
        for split, number in SIZES.items():
            for index in range(number):
                for label in ("cat", "dog"):
                    name = f"{split}{index}{label}"
                    row = {"image": f"images/{name}.png", "label": label, "split": split}
                    row |= {"mask": f"images/{name}_mask.png", "group": f"{split}{index}"}
                    self.rows.append(row | {"sequence": "", "box_ear": ""})
                    self.draw(row)

    def draw(self, row: dict) -> None:
        """A smooth random scene, and an ellipse with the colour of the class."""
        scene = self.rng.integers(0, 255, (5, 6, 3), dtype=np.uint8)
        image = Image.fromarray(scene).resize((60, 50), Image.Resampling.BICUBIC)
        mask = Image.new("L", image.size)
        x, y = self.rng.integers(12, 24, 2).tolist()
        box = (x, y, x + self.rng.integers(12, 20), y + self.rng.integers(12, 20))
        ImageDraw.Draw(mask).ellipse(box, fill=255)
        image.paste((250, 120, 0) if row["label"] == "cat" else (0, 120, 250), mask=mask)
        image.save(self.path(row))
        mask.save(self.path(row, "mask"))

    def path(self, row: dict, column: str = "image") -> Path:
        return self.folder / row[column]

    def of(self, split: str, label: str) -> list[dict]:
        return [row for row in self.rows if (row["split"], row["label"]) == (split, label)]

    def change(self, row: dict, work) -> None:
        """Draw on an image of the set."""
        image = Image.open(self.path(row)).convert("RGB")
        work(image)
        image.save(self.path(row))

    def copy(self, source: dict, target: dict, **save) -> None:
        """Put one image, stored otherwise, in the place of another."""
        target["image"] = f"images/copy.{save.get('format', 'bmp')}"
        image = Image.open(self.path(source))
        image.resize(save.pop("size", image.size)).save(self.path(target), **save)

    def diagnose(self, drop=(), **options):
        rows = [{k: v for k, v in row.items() if k not in drop} for row in self.rows]
        manifest = write_manifest(self.folder / "manifest.csv", rows)
        table = ManifestData(manifest=str(manifest), **options).read(0)
        return diagnose(table, examine_files(table, self.folder / "memory.parquet"), 0)

    def topics(self, level: Level, **options) -> dict[str, object]:
        found = self.diagnose(**options).diagnosis.findings
        return {one.topic: one for one in found if one.level == level}


@pytest.fixture(autouse=True)
def few_trees(monkeypatch):
    """What is planted is plain to see: the tests need not wait for a large forest."""
    monkeypatch.setattr(mask_only, "NUM_TREES", 20)


@pytest.fixture
def data(tmp_path):
    return DataSet(tmp_path / "data")


def test_a_clean_set_is_clean(data):
    assert data.diagnose().diagnosis.findings == []


def test_broken_files_are_each_named_with_the_reason(data):
    cut, gone, text, mask, small = data.of("train", "cat")[:5]
    data.path(cut).write_bytes(data.path(cut).read_bytes()[:400])
    data.path(gone).unlink()
    data.path(text).write_text("no image")
    data.path(mask, "mask").write_text("no mask")
    Image.new("L", (9, 9), 255).save(data.path(small, "mask"))
    found = data.topics(Level.ERROR)
    assert set(found) == {"unreadable images", "bad masks"}
    for row, line, reason in zip(
        (cut, gone, text),
        found["unreadable images"].examples,
        ("cannot be decoded", "does not exist", "no image of a known kind"),
        strict=True,
    ):
        assert row["image"] in line and reason in line
    assert "9 x 9 pixels, its image 60 x 50" in found["bad masks"].examples[1]
    assert found["bad masks"].count == 2


def test_a_split_without_a_readable_image_is_a_finding(data):
    for row in data.of("val", "cat") + data.of("val", "dog"):
        data.path(row).unlink()
    assert "no val image is left" in data.topics(Level.ERROR)["too little is left"].sentence


def test_a_box_outside_of_its_image_is_found(data):
    data.of("test", "dog")[0]["box_ear"] = "50 10 70 20"
    (line,) = data.topics(Level.ERROR)["boxes outside"].examples
    assert "the box of ear (50 10 70 20) does not lie inside its image of 60 x 50" in line


def test_one_image_in_two_splits_is_an_error(data):
    data.copy(data.of("train", "cat")[3], data.of("test", "cat")[0])
    found = data.topics(Level.ERROR)
    assert list(found) == ["duplicates across splits"]
    assert "copy.bmp) in test" in found["duplicates across splits"].examples[0]
    assert len(found["duplicates across splits"].pictures[0]) == 2


def test_one_image_with_two_labels_is_an_error(data):
    data.copy(data.of("train", "cat")[3], data.of("train", "dog")[0])
    assert list(data.topics(Level.ERROR)) == ["duplicates of several labels"]


def test_one_image_twice_is_only_said(data):
    data.copy(data.of("train", "cat")[3], data.of("train", "cat")[0])
    assert list(data.topics(Level.NOTE)) == ["duplicates within a split"]


@pytest.mark.parametrize(
    "save", [{"format": "jpeg", "quality": 40}, {"format": "png", "size": (90, 75)}]
)
def test_an_image_that_looks_alike_in_another_split_is_a_warning(data, save):
    source, target = data.of("train", "cat")[3], data.of("test", "cat")[0]
    del target["mask"]
    target["mask"] = ""
    data.copy(source, target, **save)
    found = data.topics(Level.WARNING)
    (line,) = found["near duplicates across splits"].examples
    assert "copy." in line and source["image"] in line


def test_images_of_a_sequence_may_look_alike(data):
    source, target = data.of("train", "cat")[3], data.of("test", "cat")[0]
    source["sequence"] = target["sequence"] = "clip 7"
    data.copy(source, target, format="jpeg", quality=60)
    assert "near duplicates across splits" not in data.topics(Level.WARNING)


def test_images_of_a_group_may_look_alike(data):
    source, target = data.of("train", "cat")[3:5]
    target["group"] = source["group"]
    data.copy(source, target, format="jpeg", quality=60)
    assert data.topics(Level.NOTE) == {}


def test_odd_files_are_found(data):
    blank, deep, turned, tiny = data.of("train", "cat")[:4]
    Image.new("RGB", (60, 50), (9, 9, 9)).save(data.path(blank))
    Image.fromarray(np.arange(3000, dtype=np.uint16).reshape(50, 60) * 20).save(data.path(deep))
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.open(data.path(turned)).convert("RGB").transpose(Image.Transpose.ROTATE_90)
    turned["image"] = "images/turned.jpg"
    image.save(data.path(turned), exif=exif)
    tiny["mask"] = ""
    Image.open(data.path(tiny)).resize((20, 20)).save(data.path(tiny))
    found = data.topics(Level.WARNING) | data.topics(Level.NOTE)
    expected = {
        "blank images": blank,
        "images of 16 bits": deep,
        "turned by EXIF": turned,
        "tiny images": tiny,
    }
    assert set(found) == set(expected)
    for topic, row in expected.items():
        (name,) = found[topic].examples
        assert row["image"] in name
    assert "images of 16 bits" not in data.topics(Level.NOTE, window=(0, 60000))


def test_masks_that_show_nothing_all_or_next_to_nothing_are_found(data):
    empty, full, tiny = data.of("train", "dog")[:3]
    for row, box in ((empty, None), (full, (0, 0, 60, 50)), (tiny, (5, 5, 6, 5))):
        mask = Image.new("L", (600, 500) if row is tiny else (60, 50))
        if box is not None:
            ImageDraw.Draw(mask).rectangle(box, fill=255)
        mask.save(data.path(row, "mask"))
    image = Image.open(data.path(tiny)).resize((600, 500))
    image.save(data.path(tiny))
    warnings, notes = data.topics(Level.WARNING), data.topics(Level.NOTE)
    assert set(warnings) == {"ROIs that cover all", "tiny ROIs"}
    assert set(notes) == {"empty ROIs"}


def test_empty_masks_of_one_class_are_a_warning(data):
    for row in data.of("train", "dog"):
        Image.new("L", (60, 50)).save(data.path(row, "mask"))
    found = data.topics(Level.WARNING)
    assert set(found) == {"empty ROIs", "masks that give the label away"}


def test_rois_of_one_class_only_are_a_warning(data):
    for row in data.of("train", "dog"):
        row["mask"] = ""
    found = data.topics(Level.WARNING)
    assert {"ROIs that go with the label", "masks that give the label away"} <= set(found)


def test_masks_of_another_size_by_class_give_the_label_away(data):
    for row in data.of("train", "dog"):
        mask = Image.new("L", (60, 50))
        ImageDraw.Draw(mask).ellipse((5, 5, 45, 40), fill=255)
        mask.save(data.path(row, "mask"))
    assert "masks that give the label away" in data.topics(Level.WARNING)


def test_a_border_that_tells_the_class_is_found(data):
    for row in data.of("train", "dog"):
        data.change(row, lambda im: ImageDraw.Draw(im).rectangle((0, 0, 59, 49), outline="red"))
    found = data.topics(Level.WARNING)
    assert "class told by the border" in found


def test_a_logo_in_a_corner_that_tells_the_class_is_found(data):
    for row in data.of("train", "dog"):
        data.change(row, lambda im: ImageDraw.Draw(im).rectangle((52, 42, 56, 46), fill="white"))
    assert "class told by the corners" in data.topics(Level.WARNING)


def test_a_colour_of_the_subject_in_the_border_says_nothing(data):
    """Both classes of a group share its border: a new group's border tells nothing."""
    colours = {}
    for row in data.of("train", "dog") + data.of("train", "cat"):
        colour = colours.setdefault(row["group"], tuple(data.rng.integers(0, 255, 3).tolist()))
        data.change(
            row, lambda im, c=colour: ImageDraw.Draw(im).rectangle((0, 0, 59, 49), outline=c)
        )
    assert data.topics(Level.WARNING) == {}


def test_classes_stored_in_different_ways_are_found(data):
    for row in data.of("train", "dog"):
        image = Image.open(data.path(row))
        row["image"] = row["image"].replace(".png", ".jpg")
        image.save(data.path(row), quality=95)
    assert list(data.topics(Level.WARNING)) == ["class told by the file"]


def test_names_that_may_tell_the_subject_are_proposed(data):
    for index, row in enumerate(data.rows):
        old = data.path(row)
        row["image"] = f"images/subject{index // 8}_frame{index:03d}.png"
        old.rename(data.path(row))
    finding = data.topics(Level.WARNING, drop=("group",))["groups that nobody named"]
    assert """'data.group_from="[^/_-]+(?=[_-][^/]*$)"'""" in finding.examples[0]
    assert "10 groups, such as subject0, subject1, subject2" in finding.examples[0]


@pytest.mark.parametrize(
    ("name", "extra", "groups"),
    [
        ("{}/{}", None, ["0", "1", "9"]),
        ("subject{}_{}", None, ["subject0", "subject1", "subject9"]),
        ("a_b/subject{}_left-{}", "last", ["subject0", "subject1", "last.png"]),
        ("s{}f{}", None, ["s0", "s1", "s9"]),
        ("{}{}", None, None),
    ],
)
def test_what_is_proposed_can_be_typed(data, name, extra, groups):
    for index, row in enumerate(data.rows):
        row["image"] = f"{name.format(index // 8, index)}.png"
    if extra is not None:
        data.rows[-1]["image"] = f"{extra}.png"
    options = {"manifest": str(write_manifest(data.folder / "m.csv", data.rows))}
    data.rows = [row | {"group": "", "split": ""} for row in data.rows]
    write_manifest(Path(options["manifest"]), data.rows)
    proposals = propose_groups(ManifestData(**options).read(0))
    if groups is None:
        assert proposals == []
        return
    (word,) = shlex.split(proposals[0].override)
    typed = ["data=manifest", f"data.manifest={options['manifest']}", word]
    chosen = compose_job("train", typed, ConfTree()).cfg.data.group_from
    table = ManifestData(**options, group_from=chosen).read(0)
    found = table.groups[np.arange(len(table))]
    assert [found[0], found[8], found[-1]] == groups
    assert proposals[0].num_groups == len(set(found)) - (extra is not None)


def test_a_class_of_few_images_or_one_group_is_found(data):
    for row in data.of("train", "dog")[:11]:
        data.rows.remove(row)
    for row in data.of("train", "dog"):
        row["group"] = "one"
    found = data.topics(Level.WARNING)
    assert {"classes of few images", "classes of one group"} == set(found)


def test_names_cannot_write_into_the_page(data, tmp_path):
    evil = "<script>alert('$1')</script>"
    for row in data.rows:
        row["label"] = evil if row["label"] == "dog" else row["label"]
    data.path(data.rows[1], "mask").write_text("no mask")
    examined = data.diagnose()
    write_page(examined, "<b>data</b>", "python a<b", tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert "<script" not in page and "<b>data" not in page and "a<b" not in page
    assert "&lt;script&gt;" in page
    assert "data:image/jpeg" in page and "<svg" in page
    assert 'src="http' not in page and "url(http" not in page and "@import" not in page


def check_in_process(data: DataSet, out: Path, *words: str) -> ExitStatus:
    from workflow.call import Call
    from workflow.doctoring import check_data
    from workflow.journal import Journal

    manifest = write_manifest(data.folder / "manifest.csv", data.rows)
    typed = ["data=manifest", f"data.manifest={manifest}", f"out={out}", *words]
    cfg = compose_job("check_data", typed, ConfTree()).cfg
    return check_data(cfg, Call(typed, None, None), Journal())


def test_the_exit_status_is_that_of_the_worst_finding(data, outputs, tmp_path):
    assert check_in_process(data, tmp_path / "clean") == 0
    assert "Nothing was found" in (tmp_path / "clean" / "log.txt").read_text()
    row = data.of("train", "cat")[0]
    Image.new("L", (60, 50), 255).save(data.path(row, "mask"))
    assert check_in_process(data, tmp_path / "warned") == 1
    data.path(data.of("test", "dog")[1]).unlink()
    assert check_in_process(data, tmp_path / "wrong") == 2
    with (tmp_path / "wrong" / "findings.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["level"] for row in rows] == ["error", "warning"]
    assert rows[0]["topic"] == "unreadable images" and rows[0]["count"] == "1"
    assert (tmp_path / "wrong" / "report.html").stat().st_size < 5e6


def test_mistakes_of_the_split_are_listed_beside_those_of_the_files(data, outputs, tmp_path):
    for split in ("train", "test"):
        data.of(split, "cat")[0]["group"] = "everywhere"
    data.path(data.of("val", "dog")[1]).unlink()
    assert check_in_process(data, tmp_path / "out") == 2
    log = (tmp_path / "out" / "log.txt").read_text()
    assert "group 'everywhere' stands in test and train" in log
    assert "does not exist" in log


def test_a_table_that_cannot_be_read_is_an_error(data, outputs, tmp_path):
    data.rows = [{"image": row["image"], "class": "cat"} for row in data.rows]
    with pytest.raises(ValueError, match="the column 'label' is missing"):
        check_in_process(data, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_clusters_are_offered_as_a_manifest_with_groups(data, outputs, tmp_path):
    source, target = data.of("train", "cat")[3:5]
    data.copy(source, target, format="jpeg", quality=60)
    data.rows = [{k: v for k, v in row.items() if k != "group"} for row in data.rows]
    check_in_process(data, tmp_path / "out")
    file = tmp_path / "out" / "manifest_with_groups.csv"
    table = ManifestData(manifest=str(file), root=str(data.folder)).read(0)
    groups = dict(zip(table.ids.to_pylist(), table.groups[np.arange(len(table))], strict=True))
    assert groups[source["image"]] == groups[target["image"]]
    assert len(set(groups.values())) == len(data.rows) - 1


@pytest.mark.parametrize("joined", [True, False])
def test_the_offered_command_keeps_boxes_and_what_was_said(joined, data, outputs, tmp_path, capsys):
    source, target = data.of("train", "cat")[3:5]
    data.copy(source, target, format="jpeg", quality=60)
    dropped = ("group", "mask", "box_ear")
    data.rows = [{k: v for k, v in row.items() if k not in dropped} for row in data.rows]
    lines = [f"{row['image']},0.1 0.2 0.25 {0.3 + n / 300}" for n, row in enumerate(data.rows)]
    (tmp_path / "boxes.csv").write_text("\n".join(["image,box", *lines]))
    words = ["data.box_format=xywh_normalized", "data.classes=[dog,cat]"]
    if joined:
        words.append(f"data.boxes={tmp_path / 'boxes.csv'}")
    else:
        for row, line in zip(data.rows, lines, strict=True):
            row["box_roi"] = line.partition(",")[2]
    check_in_process(data, tmp_path / "out", *words)
    said = capsys.readouterr().out
    command = said.partition("in place of this data: ")[2].splitlines()[0]
    again = instantiate(compose_job("train", shlex.split(command)[2:], ConfTree()).cfg.data).read(0)
    assert again.class_names == ("dog", "cat")
    assert again.boxes_normalized
    assert again.detected.all() == joined
    expected = [[0.1, 0.2, 0.35, 0.5 + n / 300] for n in range(len(data.rows))]
    np.testing.assert_allclose(again.boxes["roi"], expected)


def test_the_command_ends_with_the_status(data):
    data.path(data.of("test", "dog")[1]).unlink()
    manifest = write_manifest(data.folder / "manifest.csv", data.rows)
    words = ["data=manifest", f"data.manifest={manifest}", f"out={data.folder / 'out'}"]
    command = [sys.executable, CHECKOUT / "scripts" / "check_data.py", *words]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "does not exist" in ended.stdout and "Traceback" not in ended.stderr
    assert json.dumps(str(data.folder / "out"))[1:-1] in ended.stdout
