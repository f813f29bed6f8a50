"""roi=boxes looks up what was found before, in pixels of the images as they are."""

import numpy as np
import pytest
from annotated import SIZE, coco, write_images, write_json

from datamodules.annotations.options import without_joining
from datamodules.roi_finders.boxes import BoxesFinder
from datamodules.sources import FolderData

NAMES = [f"{label}/{number}{label}.png" for label in ("cat", "dog") for number in range(8)]


@pytest.fixture
def table(tmp_path):
    return FolderData(images=str(write_images(tmp_path / "pets", NAMES))).read(seed=0)


def test_shares_become_pixels_cut_at_the_edge_and_misses_have_reasons(table, tmp_path):
    lines = [f"{n},eye,0.9,-0.1,0.25,0.5,1" for n in NAMES[:5]]
    lines += [f"{NAMES[5]},eye,0.2,0,0,0.5,1", "elsewhere.png,eye,0.9,0,0,1,1"]
    path = tmp_path / "found.csv"
    path.write_text("\n".join(["image,label,score,x0,y0,x1,y1", *lines]))
    settings = {"box_format": "xyxy_normalized", "box_min_score": 0.5}
    finder = BoxesFinder(boxes=str(path), **settings)
    assert finder.region_names == ("roi",)
    found = finder.find(table, np.arange(2, 10))
    width, height = SIZE
    assert found.boxes["roi"][:3].tolist() == [[0, height / 4, width / 2, height]] * 3
    assert np.isnan(found.boxes["roi"][3:]).all()
    assert found.reasons.tolist()[:3] == [""] * 3
    assert "without a box" in found.reasons[3]
    assert set(found.reasons[4:].tolist()) == {"no annotation"}
    assert "1 annotated images are in no row (elsewhere.png)" in found.notes[0]


def test_pixels_beyond_the_edge_are_cut_and_boxes_beyond_it_are_no_boxes(table, tmp_path):
    content = coco({NAMES[0]: [("eye", (40, 10, 99, 20))], NAMES[1]: [("eye", (60, 0, 70, 9))]})
    for image in content["images"]:
        del image["width"], image["height"]
    finder = BoxesFinder(boxes=str(write_json(tmp_path / "c.json", content)))
    found = finder.find(table, np.arange(2))
    assert found.boxes["roi"][0].tolist() == [40, 10, SIZE[0], 20]
    assert np.isnan(found.boxes["roi"][1]).all()
    assert found.reasons.tolist() == ["", "its box lies outside of the image"]


def test_categories_that_are_the_classes_are_no_regions(table, tmp_path):
    content = coco({name: [(name.split("/")[0], (1, 2, 9, 9))] for name in NAMES})
    path = str(write_json(tmp_path / "c.json", content))
    with pytest.raises(ValueError, match=r"would tell the class\. Set data\.box_regions=all"):
        BoxesFinder(boxes=path).find(table, np.arange(16))
    found = BoxesFinder(boxes=path, box_regions="all").find(table, np.arange(16))
    assert (found.reasons == "").all()


def test_boxes_have_to_be_named():
    with pytest.raises(ValueError, match=r"by data\.boxes="):
        BoxesFinder(boxes=None)


def test_a_source_may_be_read_without_its_boxes_by_who_looks_them_up(table, tmp_path):
    path = write_json(tmp_path / "c.json", coco({name: [("face", (1, 2, 9, 9))] for name in NAMES}))
    asked = {"images": str(tmp_path / "pets"), "boxes": str(path), "box_regions": "face"}
    assert FolderData(**asked).read(seed=0).has_roi().all()
    assert not FolderData(**without_joining(asked)).read(seed=0).has_roi().any()
