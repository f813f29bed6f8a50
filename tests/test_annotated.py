"""A file of annotations is a data set of its own: images, classes and regions come from it."""

import numpy as np
import pytest
from annotated import SIZE, coco, cvat, cvat_box, labelme, write_images, write_json

from datamodules.annotations.source import AnnotatedData
from datamodules.regions.planes import read_regions

NAMES = [f"{number:02d}.png" for number in range(16)]
KINDS = {name: ("cat", "dog")[number % 2] for number, name in enumerate(NAMES)}
BOX = (10, 5, 30, 25)
INSIDE = np.zeros((SIZE[1], SIZE[0]), bool)
INSIDE[5:25, 10:30] = True
CORNERS = [[10, 5], [30, 5], [30, 25], [10, 25]]


@pytest.fixture
def folder(tmp_path):
    return write_images(tmp_path / "images", NAMES)


def read(annotations, images, **options):
    cache = annotations.parent / "cache"
    options = {"images": str(images), "mask_cache": str(cache), **options}
    return AnnotatedData(annotations=str(annotations), **options).read(seed=0)


def plane(table, row=0):
    return read_regions(table, row, SIZE[1], SIZE[0])


def by_category():
    return coco({name: [(kind, BOX)] for name, kind in KINDS.items()})


def label_of(table):
    images = table.columns["image"].to_pylist()
    return {i: table.class_names[n] for i, n in zip(images, table.labels.tolist(), strict=True)}


def test_a_category_is_the_class_and_never_the_name_of_a_region(folder, tmp_path):
    table = read(write_json(tmp_path / "c.json", by_category()), folder)
    assert label_of(table) == KINDS
    assert table.region_names == ("roi",)
    assert (plane(table) == INSIDE).all()
    assert not table.detected.any()


@pytest.mark.parametrize(
    "segmentation",
    [
        [[c for point in CORNERS for c in point]],
        {"size": [SIZE[1], SIZE[0]], "counts": [10 * 40 + 5, *[20, 20] * 19, 20, 15 + 18 * 40]},
    ],
    ids=["polygon", "runs"],
)
def test_segmentations_become_masks_drawn_once(folder, tmp_path, segmentation):
    content = by_category()
    for annotation in content["annotations"]:
        annotation |= {"segmentation": segmentation, "bbox": [0, 0, 1, 1]}
    path = write_json(tmp_path / "c.json", content)
    table = read(path, folder)
    assert not table.boxes
    assert (plane(table) == INSIDE).all()
    mask = table.mask_paths["roi"][0].as_py()
    times = {file: file.stat().st_mtime_ns for file in (tmp_path / "cache").rglob("*.png")}
    assert len(times) == len(NAMES)
    assert read(path, folder).mask_paths["roi"][0].as_py() == mask
    assert {f: f.stat().st_mtime_ns for f in (tmp_path / "cache").rglob("*.*")} == times
    content["annotations"][0]["segmentation"] = [[0, 0, 9, 0, 9, 9]]
    assert read(write_json(path, content), folder).mask_paths["roi"][0].as_py() != mask


def test_outlines_of_a_region_are_united_and_none_of_them_can_be_the_best(folder, tmp_path):
    content = coco({name: [(kind, BOX), (kind, BOX)] for name, kind in KINDS.items()})
    rings = ([10, 5, 20, 5, 20, 25, 10, 25], [20, 5, 30, 5, 30, 25, 20, 25])
    for number, annotation in enumerate(content["annotations"]):
        annotation |= {"segmentation": [rings[number % 2]], "score": 0.5}
    path = write_json(tmp_path / "c.json", content)
    table = read(path, folder)
    assert (plane(table) == INSIDE).all()
    assert not any("several boxes" in note for note in table.notes)
    with pytest.raises(ValueError, match=r"box_join=best chooses among boxes"):
        read(path, folder, box_join="best")


def test_other_values_of_an_image_are_columns_and_may_be_the_class(folder, tmp_path):
    more = {name: {"state": kind, "group": name[:2]} for name, kind in KINDS.items()}
    boxes = {name: [("eye", BOX), ("mouth", (0, 0, 9, 9))] for name in NAMES}
    table = read(write_json(tmp_path / "c.json", coco(boxes, **more)), folder, label_from="state")
    assert label_of(table) == KINDS
    assert set(table.region_names) == {"eye", "mouth"}
    assert len(set(table.groups[np.arange(len(table))])) == len(NAMES)


def test_images_of_several_categories_are_listed_with_what_may_be_done(folder, tmp_path):
    boxes = {name: [(kind, BOX)] for name, kind in KINDS.items()}
    boxes[NAMES[3]] += [("bird", BOX)]
    path = write_json(tmp_path / "c.json", coco(boxes, **{NAMES[0]: {"state": "x"}}))
    with pytest.raises(ValueError, match=r"1 images have .* 03\.png \(bird and dog\)(.|\n)*state"):
        read(path, folder)


def test_images_without_a_class_are_left_out_and_counted(folder, tmp_path):
    boxes = {name: [(kind, BOX)] for name, kind in KINDS.items()} | {"z.png": []}
    table = read(write_json(tmp_path / "c.json", coco(boxes)), folder)
    assert len(table) == len(NAMES)
    assert any("1 of 17 images are left out" in note and "z.png" in note for note in table.notes)


def polygon(name, kind):
    return labelme(name, []) | {
        "flags": {"cat": kind == "cat", "dog": kind == "dog"},
        "shapes": [
            {"label": "face", "points": CORNERS, "shape_type": "polygon"},
            {"label": "nose", "points": [[20, 15], [24, 15]], "shape_type": "circle"},
            {"label": "tail", "points": [[1, 1]], "shape_type": "point"},
        ],
    }


def test_labelme_flags_are_classes_and_its_shapes_regions(folder, tmp_path):
    for name, kind in KINDS.items():
        write_json(folder / f"{name[:-4]}.json", polygon(name, kind))
    table = AnnotatedData(annotations=str(folder), mask_cache=str(tmp_path / "cache")).read(seed=0)
    assert label_of(table) == KINDS
    assert set(table.region_names) == {"face", "nose"}
    face, nose = (plane(table)[table.region_names.index(name)] for name in ("face", "nose"))
    assert (face == INSIDE).all()
    assert nose.sum() == pytest.approx(np.pi * 16, rel=0.1)
    assert any("16 of the kind point left out" in note for note in table.notes)


def test_without_flags_the_label_of_labelme_shapes_is_the_class(folder, tmp_path):
    for name, kind in KINDS.items():
        write_json(tmp_path / "json" / f"{name}.json", labelme(name, [(kind, BOX)]))
    table = read(tmp_path / "json", folder)
    assert label_of(table) == KINDS
    assert table.region_names == ("roi",)


CVAT_SHAPES = {
    "box": cvat_box("face", BOX),
    "polygon": '<polygon label="face" points="10,5;30,5;30,25;10,25"/>',
    "mask": '<mask label="face" rle="0, 400" left="10" top="5" width="20" height="20"/>',
    "turned": cvat_box("face", BOX, 'rotation="90"'),
}


@pytest.mark.parametrize("shape", CVAT_SHAPES)
def test_cvat_tags_are_classes_and_its_shapes_regions(folder, tmp_path, shape):
    tags = {
        n: f'<tag label="{k}"><attribute name="site">a</attribute></tag>' for n, k in KINDS.items()
    }
    path = tmp_path / "a.xml"
    path.write_text(cvat({name: tag + CVAT_SHAPES[shape] for name, tag in tags.items()}))
    table = read(path, folder, slice_by="site")
    assert label_of(table) == KINDS
    assert table.region_names == ("roi",)
    assert (plane(table) == INSIDE).all()


def test_an_attribute_of_cvat_boxes_may_be_the_class(folder, tmp_path):
    text = '<attribute name="state">{}</attribute></box>'
    boxes = {
        name: cvat_box("face", BOX).replace("/>", ">") + text.format(kind)
        for name, kind in KINDS.items()
    }
    path = tmp_path / "a.xml"
    path.write_text(cvat(boxes))
    assert label_of(read(path, folder, label_from="state")) == KINDS
    with pytest.raises(ValueError, match=r"stat: a\.xml has no such value(.|\n)*category, state"):
        read(path, folder, label_from="stat")


def test_images_are_found_below_folders_that_the_file_does_not_name(folder, tmp_path):
    boxes = {f"C:\\tagged\\{name}": [(kind, BOX)] for name, kind in KINDS.items()}
    table = read(write_json(tmp_path / "c.json", coco(boxes)), tmp_path)
    assert label_of(table) == {f"images/{name}": kind for name, kind in KINDS.items()}
    assert any("by file name" in note for note in table.notes)


def test_a_coco_file_a_split_names_the_split_and_the_folder_of_its_images(tmp_path):
    root = tmp_path / "export"
    for split in ("train", "valid", "test"):
        names = [f"{split}{number}.png" for number in range(8)]
        write_images(root / split, names)
        boxes = {name: [("ab"[n % 2], BOX)] for n, name in enumerate(names)}
        write_json(root / split / "_annotations.coco.json", coco(boxes))
        (root / "README.txt").write_text("of the export")
    cache = str(tmp_path / "cache")
    table = AnnotatedData(annotations=str(root), mask_cache=cache).read(seed=0)
    assert table.counts() == {"train": [4, 4], "val": [4, 4], "test": [4, 4]}
    assert table.columns["image"][0].as_py() == "test/test0.png"
    assert (plane(table) == INSIDE).all()


def test_an_image_in_two_coco_files_is_refused(tmp_path):
    for name in ("train", "val"):
        content = coco({f"../images/{number}.png": [("a", BOX)] for number in range(2)})
        write_json(tmp_path / "json" / f"instances_{name}2017.json", content)
    with pytest.raises(ValueError, match=r"0\.png stands in instances_train2017\.json and in"):
        read(tmp_path / "json", tmp_path)
