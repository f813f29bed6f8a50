"""Boxes that exist already are joined to images, whatever wrote them."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from annotated import SIZE, coco, cvat, cvat_box, labelme, write_images, write_json
from PIL import Image

from datamodules.sources import FolderData

NAMES = [f"{label}/{number}{label}.png" for label in ("cat", "dog") for number in range(8)]
BOXES = {name: [("face", (4.5 + i, 5, 20, 25.25))] for i, name in enumerate(NAMES)}


@pytest.fixture
def pets(tmp_path):
    return write_images(tmp_path / "pets", NAMES)


def as_coco(folder):
    return write_json(folder / "boxes.json", coco(BOXES))


def as_results(folder):
    results = [
        {"image_id": n, "category_id": 1, "score": 0.9, "bbox": [x0, y0, x1 - x0, y1 - y0]}
        for n, [(_, (x0, y0, x1, y1))] in BOXES.items()
    ]
    return write_json(folder / "results.json", results)


def as_labelme(folder):
    for name, boxes in BOXES.items():
        write_json(folder / "labelme" / f"{name[:-4]}.json", labelme(name.split("/")[1], boxes))
    return folder / "labelme"


def as_cvat(folder):
    path = folder / "annotations.xml"
    path.write_text(cvat({n: cvat_box(*own[0]) for n, own in BOXES.items()}), encoding="utf-8")
    return path


def as_yolo(folder):
    width, height = SIZE
    for name, [(_, (x0, y0, x1, y1))] in BOXES.items():
        path = folder / "labels" / f"{name[:-4]}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        x, y = (x0 + x1) / 2 / width, (y0 + y1) / 2 / height
        path.write_text(f"0 {x:.7f} {y:.7f} {(x1 - x0) / width:.7f} {(y1 - y0) / height:.7f}\n")
    return folder / "labels"


def as_csv(folder):
    lines = [f"{n},{','.join(map(str, own[0][1]))}" for n, own in BOXES.items()]
    path = folder / "boxes.csv"
    path.write_text("\n".join(["file_name,xmin,ymin,xmax,ymax", *lines]))
    return path


def as_csv_of_one_column(folder):
    lines = [f"{n};{list(own[0][1])}" for n, own in BOXES.items()]
    path = folder / "boxes.csv"
    path.write_text("\n".join(["image;box", *lines]))
    return path


def as_parquet(folder):
    columns = {"path": list(BOXES), "bbox": [list(own[0][1]) for own in BOXES.values()]}
    pyarrow.parquet.write_table(pa.table(columns), folder / "boxes.parquet")
    return folder / "boxes.parquet"


def as_records(folder):
    keys = ("x0", "y0", "x1", "y1")
    records = [
        {"image": n, "conf": 0.5, **dict(zip(keys, map(float, own[0][1]), strict=True))}
        for n, own in BOXES.items()
    ]
    return write_json(folder / "records.json", records)


def as_csv_an_image(folder):
    for name, own in BOXES.items():
        path = folder / "tables" / f"{name[:-4]}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x0,y0,x1,y1\n" + ",".join(map(str, own[0][1])))
    return folder / "tables"


FORMATS = [as_coco, as_results, as_labelme, as_cvat, as_yolo, as_csv, as_csv_of_one_column]
FORMATS += [as_parquet, as_records, as_csv_an_image]


@pytest.mark.parametrize("write", FORMATS)
def test_the_same_boxes_come_out_of_every_format(pets, tmp_path, write):
    table = FolderData(images=str(pets), boxes=str(write(tmp_path))).read(seed=0)
    assert table.region_names == ("roi",)
    expected = np.array([BOXES[name][0][1] for name in table.columns["image"].to_pylist()])
    if table.boxes_normalized:
        expected = expected / (*SIZE, *SIZE)
    assert table.boxes["roi"] == pytest.approx(expected, abs=1e-6)


def read(pets, boxes, **options):
    return FolderData(images=str(pets), boxes=str(boxes), **options).read(seed=0)


def write_table(folder, lines, head="image,label,score,x0,y0,x1,y1"):
    path = folder / "found.csv"
    path.write_text("\n".join([head, *lines]))
    return path


def box_of(table, name, region="roi"):
    return table.boxes[region][table.columns["image"].to_pylist().index(name)].tolist()


def test_rows_without_a_box_and_boxes_without_a_row_are_counted(pets, tmp_path):
    lines = [f"{NAMES[0]},face,0.9,1,2,30,20", "cat/99.png,face,0.9,1,2,30,20"]
    table = read(pets, write_table(tmp_path, lines))
    assert table.has_roi().sum() == 1
    assert any(
        "2 boxes of 2 images, found in the table by path; 1 of 16 rows have a box, "
        "1 annotated images are in no row (cat/99.png)" in note
        for note in table.notes
    )


def test_several_boxes_of_a_region_are_united_or_the_best_is_taken(pets, tmp_path):
    boxes = ["0.5,1,2,30,20", "0.9,5,1,20,30", "0.9,9,9,9.5,10", "0.1,0,0,48,40"]
    path = write_table(tmp_path, [f"{NAMES[0]},face,{box}" for box in boxes])
    table = read(pets, path, box_min_score=0.2)
    assert any("their score is lower than 0.2 (data.box_min_score)" in n for n in table.notes)
    assert box_of(table, NAMES[0]) == [1, 1, 30, 30]
    assert any("1 images have several boxes of roi: the smallest" in note for note in table.notes)
    table = read(pets, path, box_join="best")
    assert box_of(table, NAMES[0]) == [5, 1, 20, 30], "of equal scores the first in the file"


def test_categories_become_regions_as_asked(pets, tmp_path):
    kinds = ["left eye", "right eye", "mouth"]
    lines = [f"{NAMES[0]},{kind},0.9,{n},2,{n + 9},9" for n, kind in enumerate(kinds)]
    path = write_table(tmp_path, lines)
    assert set(read(pets, path).region_names) == {"left_eye", "right_eye", "mouth"}
    assert read(pets, path, box_regions="mouth").region_names == ("mouth",)
    assert set(read(pets, path, box_regions=["mouth", "left eye"]).region_names) == {
        "left_eye",
        "mouth",
    }
    table = read(pets, path, box_regions={"left eye": "eyes", "right eye": "eyes"})
    assert box_of(table, NAMES[0], "eyes") == [0, 2, 10, 9]
    assert any("left out are the categories mouth" in note for note in table.notes)
    assert box_of(read(pets, path, box_regions="all"), NAMES[0]) == [0, 2, 11, 9]
    with pytest.raises(ValueError, match=r"names nose, which found\.csv does not have.*mouth"):
        read(pets, path, box_regions="nose")


def test_categories_that_are_the_classes_are_no_regions(pets, tmp_path):
    """A region that only cats have would tell them from dogs."""
    lines = [f"{name},{name.split('/')[0]},0.9,1,2,9,9" for name in NAMES]
    table = read(pets, write_table(tmp_path, lines))
    assert table.region_names == ("roi",)
    assert table.has_roi().all()
    assert any("categories of found.csv are the classes" in note for note in table.notes)


def test_categories_that_would_be_one_region_or_too_many_are_refused(pets, tmp_path):
    lines = [f"{NAMES[0]},{kind},0.9,1,2,9,9" for kind in ("left eye", "left-eye")]
    with pytest.raises(ValueError, match="left eye, left-eye would be one region"):
        read(pets, write_table(tmp_path, lines))
    lines = [f"{NAMES[0]},kind {n},0.9,1,2,9,9" for n in range(80)]
    with pytest.raises(ValueError, match=r"80 categories.*data\.box_regions=all"):
        read(pets, write_table(tmp_path, lines))


def test_boxes_of_tables_are_detected_and_drawn_ones_given_unless_said_otherwise(pets, tmp_path):
    path = write_table(tmp_path, [f"{NAMES[0]},face,0.9,1,2,9,9"])
    assert read(pets, path).detected.sum() == 1
    assert not read(pets, path, box_source="given").detected.any()
    assert not read(pets, as_labelme(tmp_path)).detected.any()
    assert read(pets, as_labelme(tmp_path), box_source="detected").detected.all()


def test_boxes_are_cut_at_the_edge_of_their_image_and_those_beyond_left_out(pets, tmp_path):
    boxes = {NAMES[0]: [("face", (-3, 5, 99, 20))], NAMES[1]: [("face", (50, 5, 60, 20))]}
    table = read(pets, write_json(tmp_path / "c.json", coco(boxes)))
    assert box_of(table, NAMES[0]) == [0, 5, SIZE[0], 20]
    assert table.has_roi().sum() == 1
    assert any("1 boxes are cut at the edge" in note for note in table.notes)
    assert any("1 boxes without any area" in note and NAMES[1] in note for note in table.notes)


def test_detections_may_reach_out_of_images_whose_size_nobody_stated(pets, tmp_path):
    from datamodules.checks.file_check import check_files
    from datamodules.regions.planes import read_regions

    table = read(pets, write_table(tmp_path, [f"{n},face,0.9,40,-3,99,9" for n in NAMES]))
    check_files(table, tmp_path / "memory.parquet")
    assert read_regions(table, 0, SIZE[1], SIZE[0])[0].sum() == 8 * 9
    given = read(pets, tmp_path / "found.csv", box_source="given")
    with pytest.raises(ValueError, match=r"16 problems(.|\n)*does not lie inside its image"):
        check_files(given, tmp_path / "memory.parquet")


def test_annotations_of_another_copy_of_the_images_are_refused(pets, tmp_path):
    content = coco(BOXES)
    for image in content["images"]:
        image["width"] = 96
    message = r"16 problems(.|\n)*is 48 x 40 pixels, annotated at 96 x 40"
    with pytest.raises(ValueError, match=message):
        read(pets, write_json(tmp_path / "c.json", content))


def test_sizes_are_those_of_the_image_turned_upright(tmp_path):
    names = [f"{kind}/{n}{kind}.jpg" for kind in ("cat", "dog") for n in range(8)]
    images = write_images(tmp_path / "images", names)
    for name in names:
        with Image.open(images / name) as image:
            exif = image.getexif()
            exif[0x0112] = 6  # a quarter turn
            image.save(images / name, exif=exif)
    boxes = {name: [("face", (1, 2, 9, 9))] for name in names}
    content = coco(boxes)
    with pytest.raises(ValueError, match=r"is 40 x 48 pixels, annotated at 48 x 40.*is turned"):
        read(images, write_json(tmp_path / "c.json", content))
    for entry in content["images"]:
        entry["width"], entry["height"] = 40, 48
    assert read(images, write_json(tmp_path / "c.json", content)).has_roi().all()


@pytest.mark.parametrize(
    ("spelled", "rule"),
    [
        ("/data/site 1/{}", "last 2 parts of the path"),
        ("D:\\data\\{}", "last 2 parts of the path"),
        ("./{}", "path"),
        ("elsewhere/{file}", "file name"),
        ("{stem}", "file name without suffix"),
        ("a/b/{stem}.tiff", "file name without suffix"),
    ],
)
def test_images_are_found_by_the_strictest_rule_that_finds_any(pets, tmp_path, spelled, rule):
    lines = []
    for number, name in enumerate(NAMES):
        file = name.split("/")[1]
        image = spelled.format(name, file=file, stem=file.split(".")[0])
        lines.append(f"{image},face,0.9,{number},2,30,20")
    table = read(pets, write_table(tmp_path, lines))
    assert any(f"found in the table by {rule}; 16 of 16" in note for note in table.notes)
    assert [box_of(table, name)[0] for name in NAMES] == list(range(16))


def test_numbers_of_images_are_found_in_their_file_names(tmp_path):
    names = [f"{label}/{number:012d}.png" for number in range(16) for label in ["ab"[number % 2]]]
    images = write_images(tmp_path / "images", names)
    results = [
        {"image_id": n, "category_id": 1, "bbox": [n, 1, 9, 9], "score": 1} for n in range(16)
    ]
    table = read(images, write_json(tmp_path / "results.json", results))
    assert box_of(table, "b/000000000003.png") == [3, 1, 12, 10]


def test_names_that_mean_several_images_are_listed(tmp_path):
    names = [f"{kind}/{n}.png" for kind in "ab" for n in range(8)]
    images = write_images(tmp_path / "images", names)
    with pytest.raises(ValueError, match=r"by file name(.|\n)*such as a/0\.png, b/0\.png"):
        read(images, write_table(tmp_path, ["0.png,face,0.9,1,2,9,9"]))
    images = write_images(tmp_path / "other", [name.replace("b/", "b/b") for name in names])
    with pytest.raises(ValueError, match=r"several annotated images, such as x/0\.png, y/0\.png"):
        read(images, write_table(tmp_path, [f"{folder}/0.png,f,0.9,1,2,9,9" for folder in "xy"]))


def test_boxes_that_match_no_image_are_refused(pets, tmp_path):
    with pytest.raises(ValueError, match=r"none of its 1 images is in the table(.|\n)*no\.png"):
        read(pets, write_table(tmp_path, ["no.png,face,0.9,1,2,9,9"]))


def test_scores_are_needed_where_they_are_asked_for(pets, tmp_path):
    for options in ({"box_join": "best"}, {"box_min_score": 0.5}):
        with pytest.raises(ValueError, match=r"needs scores, and boxes\.json has none"):
            read(pets, as_coco(tmp_path), **options)


def test_options_of_boxes_that_are_not_there_are_refused():
    with pytest.raises(ValueError, match=r"data\.box_join is set(.|\n)*set data\.boxes, too"):
        FolderData(images="anywhere", box_join="best")


def test_a_region_that_the_table_has_itself_is_not_overwritten(shapes, tmp_path):
    from datamodules.sources import ManifestData

    path = write_table(tmp_path, ["images/disc_000.png,face,0.9,1,2,9,9"])
    with pytest.raises(ValueError, match="has the region roi itself"):
        ManifestData(manifest=str(shapes), boxes=str(path)).read(seed=0)
    table = ManifestData(manifest=str(shapes), boxes=str(path), box_regions={"face": "face"})
    assert table.read(seed=0).region_names == ("roi", "face")


def test_boxes_of_an_image_in_several_rows_go_to_all_of_them(shapes, tmp_path, rows_of):
    from small_data import write_manifest

    from datamodules.sources import ManifestData

    rows = [{k: v for k, v in row.items() if k != "mask"} for row in rows_of(shapes)]
    twice = [row | {"id": f"{part}{n}"} for part in "ab" for n, row in enumerate(rows)]
    manifest = write_manifest(tmp_path / "m.csv", twice)
    path = write_table(tmp_path, [f"{row['image']},face,0.9,1,2,9,9" for row in rows])
    options = {"root": str(shapes.parent), "boxes": str(path)}
    assert ManifestData(manifest=str(manifest), **options).read(seed=0).has_roi().all()
