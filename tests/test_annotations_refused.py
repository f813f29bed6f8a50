"""Annotations that cannot be right are refused: all of one kind together, with file and index."""

import base64
import io
import json

import numpy as np
import pytest
from annotated import coco, cvat, cvat_box, labelme, write_json
from PIL import Image

from datamodules.annotations.reading import read_annotations

BOX = (1, 2, 11, 12)


def read(path, **options):
    return read_annotations(path, "data.boxes", **options)


def broken(change):
    content = coco({"a.png": [("eye", BOX)], "b.png": [("eye", BOX), ("mouth", BOX)]})
    change(content)
    return content


COCO = {
    "no images": (
        lambda c: c.pop("images"),
        "has no images.*found annotations, categories",
    ),
    "annotations are no list": (
        lambda c: c.update(annotations={}),
        "annotations is {}, expected a",
    ),
    "an annotation is no object": (
        lambda c: c["annotations"].append(5),
        r"annotations\[3\] is 5, expected an object",
    ),
    "no image_id": (
        lambda c: c["annotations"][1].pop("image_id"),
        r"annotations\[1\] has no 'image_id'.*found category_id, bbox, id",
    ),
    "an unknown image": (
        lambda c: c["annotations"][2].update(image_id=7),
        r"annotations\[2\]: image_id 7 is not the id of any of images",
    ),
    "an unknown category": (
        lambda c: c["annotations"][2].update(category_id=7),
        r"annotations\[2\]: category_id 7 is not the id of any of categories",
    ),
    "an id twice": (
        lambda c: c["images"][1].update(id=100),
        r"images\[1\]: id 100 is that of images\[0\] as well",
    ),
    "a name twice": (
        lambda c: c["images"][1].update(file_name="a.png"),
        r"images\[1\]: file_name 'a\.png' is that of images\[0\] as well",
    ),
    "a name that is a number": (
        lambda c: c["images"][1].update(file_name=5),
        r"images\[1\]: file_name is 5, expected text",
    ),
    "true is no number": (
        lambda c: c["images"][1].update(width=True),
        r"images\[1\]: width is True, expected a number",
    ),
    "no width": (lambda c: c["images"][1].update(width=0), r"images\[1\]: width and height"),
    "a negative width": (
        lambda c: c["annotations"][0].update(bbox=[5, 5, -3, 2]),
        r"annotations\[0\]: bbox is \[5, 5, -3, 2\], expected x, y, width, height with",
    ),
    "three numbers": (
        lambda c: c["annotations"][0].update(bbox=[1, 2, 3]),
        r"annotations\[0\]: bbox is \[1, 2, 3\], expected 4 finite numbers",
    ),
    "text in a box": (
        lambda c: c["annotations"][0].update(bbox=[1, 2, 3, "4"]),
        r"annotations\[0\]: bbox is \[1, 2, 3, '4'\], expected 4 finite",
    ),
    "not a number": (
        lambda c: c["annotations"][0].update(bbox=[1, 2, 3, float("nan")]),
        r"annotations\[0\]: bbox .*nan\], expected 4 finite",
    ),
    "a number without end": (
        lambda c: c["annotations"][0].update(bbox=[1, 2, 3, 10**400]),
        r"annotations\[0\]: bbox .*expected 4 finite",
    ),
    "neither box nor segmentation": (
        lambda c: c["annotations"][0].pop("bbox"),
        r"annotations\[0\]: bbox is None",
    ),
    "a score that is text": (
        lambda c: c["annotations"][0].update(score="high"),
        r"annotations\[0\]: score is 'high', expected a number",
    ),
    "two categories of one id": (
        lambda c: c["categories"][1].update(id=1),
        "categories give one id twice",
    ),
}


@pytest.mark.parametrize("mistake", COCO)
def test_mistakes_in_coco_are_named_by_index(tmp_path, mistake):
    change, message = COCO[mistake]
    with pytest.raises(ValueError, match=message):
        read(write_json(tmp_path / "c.json", broken(change)))


@pytest.mark.parametrize(
    ("segmentation", "message"),
    [
        ([[1, 2, 3, 4]], "at least three points"),
        ([[1, 2, 3, 4, 5, 6, 7]], "at least three points"),
        ([[1, 2, 3, 4, 5, "6"]], "at least three points"),
        ("everything", "at least three points"),
        ({"counts": [1]}, "without 'size'"),
        ({"size": [40, 48], "counts": [5, 5]}, "do not fill 48 x 40"),
        ({"size": [40, 48], "counts": "P"}, "broken off"),
        ({"size": [4, 4], "counts": [16]}, "is of 4 x 4 pixels, its image of 48 x 40"),
        ({"size": [10**8, 10**8], "counts": [10**16]}, "which cannot be"),
    ],
)
def test_mistakes_in_segmentations_are_named_by_index(tmp_path, segmentation, message):
    content = broken(lambda c: c["annotations"][1].update(segmentation=segmentation))
    with pytest.raises(ValueError, match=rf"annotations\[1\]: segmentation (.|\n)*{message}"):
        read(write_json(tmp_path / "c.json", content), with_shapes=True)


def test_all_mistakes_of_a_kind_come_together(tmp_path):
    content = broken(lambda c: [a.update(bbox=[0, 0, -1, 1]) for a in c["annotations"]])
    with pytest.raises(
        ValueError, match=r"3 problems in c\.json(.|\n)*\[0\](.|\n)*\[1\](.|\n)*\[2\]"
    ):
        read(write_json(tmp_path / "c.json", content))


SHAPE = {"label": "eye", "points": [[1, 2], [11, 12]], "shape_type": "rectangle"}
LABELME = {
    "no shapes": (
        lambda c: c.pop("shapes"),
        "is of no known format: found version, flags",
    ),
    "no image": (lambda c: c.update(imagePath=""), "imagePath is '', expected the path"),
    "a kind that is none": (
        lambda c: c["shapes"].append(SHAPE | {"shape_type": "star"}),
        r"shapes\[1\] is a 'star', expected one of polygon",
    ),
    "no label": (
        lambda c: c["shapes"].append(SHAPE | {"label": None}),
        r"shapes\[1\] has the label None",
    ),
    "one point": (
        lambda c: c["shapes"].append(SHAPE | {"points": [[1, 2]]}),
        r"shapes\[1\] is a rectangle of 1 points, expected 2",
    ),
    "points that are none": (
        lambda c: c["shapes"].append(SHAPE | {"points": [[1, None], [2, 3]]}),
        r"shapes\[1\] has the points .*expected pairs of finite numbers",
    ),
    "a mask that is no picture": (
        lambda c: c["shapes"].append(SHAPE | {"shape_type": "mask", "mask": "iVBOR"}),
        r"shapes\[1\] is a mask whose picture cannot be decoded",
    ),
    "two flags": (lambda c: c.update(flags={"a": True, "b": True}), "flags a and b are both set"),
    "a shape that is none": (lambda c: c["shapes"].append(3), r"shapes\[1\] is 3"),
}


@pytest.mark.parametrize("mistake", LABELME)
def test_mistakes_in_labelme_are_named_by_file_and_index(tmp_path, mistake):
    change, message = LABELME[mistake]
    content = labelme("a.png", [("eye", BOX)])
    change(content)
    with pytest.raises(ValueError, match=message):
        read(write_json(tmp_path / "a.json", content))


def test_two_files_about_one_image_are_refused(tmp_path):
    for name in ("a", "b"):
        write_json(tmp_path / "json" / f"{name}.json", labelme("a.png", []))
    with pytest.raises(ValueError, match=r"b\.json is about a\.png, as a\.json is"):
        read(tmp_path / "json")


CVAT = {
    "no number": (
        cvat({"a.png": cvat_box("eye", (1, 2, "x", 4))}),
        "a.png: element 0, <box>: xbr",
    ),
    "inverted": (cvat({"a.png": cvat_box("eye", (9, 2, 3, 4))}), "ends before it begins"),
    "infinite": (cvat({"a.png": cvat_box("eye", (9, 2, "inf", 4))}), "xbr is 'inf', expected"),
    "two points": (
        cvat({"a.png": '<polygon label="eye" points="1,2;3,4"/>'}),
        "2 points, expected at least 3",
    ),
    "odd points": (cvat({"a.png": '<polygon points="1,2;3"/>'}), "expected x,y;x,y;x,y"),
    "short runs": (
        cvat({"a.png": '<mask rle="1,2" left="0" top="0" width="4" height="4"/>'}),
        "do not fill 4 x 4",
    ),
    "a huge mask": (
        cvat({"a.png": '<mask rle="1" left="0" top="0" width="999999" height="999999"/>'}),
        "which cannot be",
    ),
    "two tags": (
        cvat({"a.png": '<tag label="cat"/><tag label="dog"/>'}),
        "the tags cat and dog; an image has one class",
    ),
    "a video": ("<annotations><track id='0'/></annotations>", "tracks of a video"),
    "another language": ("<html><body/></html>", "is no file of CVAT.*found\n?.*<html>"),
    "broken off": ("<annotations><image", "cannot be read as XML"),
    "no images": ("<annotations><meta/></annotations>", "has no <image> elements"),
}


@pytest.mark.parametrize("mistake", CVAT)
def test_mistakes_in_cvat_are_named_by_image(tmp_path, mistake):
    text, message = CVAT[mistake]
    (tmp_path / "a.xml").write_text(text)
    with pytest.raises(ValueError, match=message):
        read(tmp_path / "a.xml")


@pytest.mark.parametrize(
    "declaration",
    [
        '<!DOCTYPE a [<!ENTITY x "xxxxxxxxxx"><!ENTITY y "&x;&x;&x;&x;&x;&x;&x;&x;">]>',
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]>',
        '<!DOCTYPE a SYSTEM "http://localhost/a.dtd">',
    ],
)
def test_xml_that_declares_entities_is_refused_unread(tmp_path, declaration):
    path = tmp_path / "a.xml"
    path.write_text(f"{declaration}<annotations><image name='&y;'/></annotations>")
    with pytest.raises(ValueError, match="declares a document type"):
        read(path)


PLAIN = {
    "no image": (
        "x0,y0,x1,y1\n1,2,3,4",
        "no table of boxes(.|\n)*found the columns x0, y0, x1",
    ),
    "no box": ("image,x0,y0\na.png,1,2", "no table of boxes"),
    "text": ("image,x0,y0,x1,y1\na.png,1,2,3,4\nb.png,1,2,x,4", "not four finite numbers in row 3"),
    "a blank image": ("image,x0,y0,x1,y1\n,1,2,3,4", "image is blank in row 2"),
    "inverted": ("image,x0,y0,x1,y1\na.png,9,2,3,4", r"ends before it begins .*xyxy.* in row 2"),
    "infinite": ("image,x0,y0,x1,y1\na.png,9,2,inf,4", "not four finite numbers in row 2"),
    "a bad score": ("image,x0,y0,x1,y1,score\na,1,2,3,4,high", "score is no number in row 2"),
    "shares": ("image,x0,y0,x1,y1\na,0.1,0.2,0.3,0.4", "look like shares(.|\n)*xyxy_normalized"),
    "three numbers in one column": ("image;box\na;1 2 3", "not four finite numbers in row 2"),
}


@pytest.mark.parametrize("mistake", PLAIN)
def test_mistakes_in_tables_are_named_by_row(tmp_path, mistake):
    text, message = PLAIN[mistake]
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        read(tmp_path / "t.csv")


def test_pixels_that_are_called_shares_are_refused(tmp_path):
    (tmp_path / "t.csv").write_text("image,x0,y0,x1,y1\na,1,2,30,40")
    with pytest.raises(ValueError, match="are no shares"):
        read(tmp_path / "t.csv", box_format="xyxy_normalized")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[" * 100_000, "cannot be read as JSON"),
        (b'{"images": [', "cannot be read as JSON"),
        (b'{"a": 1}', "is of no known format: found a"),
        (b"[]", "is of no known format"),
        (b"{}", "is of no known format"),
        (b"[1, 2]", "is of no known format"),
        (b"", "is empty"),
        (b"PAR1 and then nothing", "cannot be read as a table"),
        (bytes(range(256)), "cannot be read as a table|no table of boxes"),
    ],
)
def test_files_of_no_known_format_are_refused(tmp_path, content, message):
    (tmp_path / "file.json").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read(tmp_path / "file.json")


def test_folders_without_annotations_or_with_several_formats_are_refused(tmp_path):
    with pytest.raises(ValueError, match="there is no file or folder"):
        read(tmp_path / "nothing")
    with pytest.raises(ValueError, match="holds no files of annotations"):
        read(tmp_path)
    for name in ("a.json", "b.json", "c.xml"):
        (tmp_path / name).write_text("{}")
    with pytest.raises(ValueError, match=r"holds 2 \.json files and also c\.xml"):
        read(tmp_path)


def test_lines_of_yolo_that_cannot_be_are_named(tmp_path):
    for name, line in (("a", "0 0.5 0.5 0.1"), ("b", "0 0.5 x 0.1 0.1"), ("c", "0 0.5 0.5 -1 0.1")):
        (tmp_path / f"{name}.txt").write_text(f"0 0.5 0.5 0.1 0.1\n{line}\n")
    with pytest.raises(ValueError, match=r"3 problems(.|\n)*a\.txt line 2(.|\n)*c\.txt line 2"):
        read(tmp_path)


def test_a_name_that_holds_the_word_segmentation_survives_the_quick_way(tmp_path):
    name = 'a "segmentation": [1, 2] b.png'
    content = coco({name: [("eye", BOX)]})
    content["annotations"][0] |= {"segmentation": [[1, 2, 3, 4, 5, 6]], "iscrowd": 0}
    found = read(write_json(tmp_path / "c.json", content))
    assert found.names.to_pylist() == [name]
    assert found.boxes.tolist() == [list(BOX)]


def test_boxes_are_taken_from_the_outline_where_there_is_no_bbox(tmp_path):
    content = coco({"a.png": [("eye", BOX)]})
    content["annotations"][0] = {"image_id": 100, "segmentation": [[3, 4, 9, 4, 6, 20.5]]}
    found = read(write_json(tmp_path / "c.json", content))
    assert found.boxes.tolist() == [[3, 4, 9, 20.5]]


def test_a_mask_of_labelme_is_decoded(tmp_path):
    file = io.BytesIO()
    Image.fromarray(np.eye(4, dtype=bool)).save(file, "PNG")
    shape = {
        "label": "eye",
        "shape_type": "mask",
        "points": [[5, 6], [8, 9]],
        "mask": base64.b64encode(file.getvalue()).decode(),
    }
    content = labelme("a.png", []) | {"shapes": [shape]}
    found = read(write_json(tmp_path / "a.json", content))
    assert found.boxes.tolist() == [[5, 6, 9, 10]]
    assert json.dumps(content)


def test_a_mask_of_labelme_is_of_the_kinds_that_images_are_of(tmp_path):
    file = io.BytesIO()
    Image.new("L", (4, 4), 255).save(file, "PCX")
    shape = SHAPE | {"shape_type": "mask", "points": [[0, 0], [4, 4]]}
    shape["mask"] = base64.b64encode(file.getvalue()).decode()
    content = {"shapes": [shape], "imagePath": "a.png", "flags": {}}
    path = write_json(tmp_path / "a.json", content)
    with pytest.raises(ValueError, match="whose picture cannot be decoded"):
        read_annotations(path, "data.boxes")
