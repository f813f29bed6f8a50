"""roi=fixed: boxes for all images, or by the camera that stands in the path."""

import numpy as np
import pytest
from small_data import make_shapes

from datamodules.roi_finders import FixedFinder
from datamodules.sources import ManifestData

CAMERAS = {"disc_": {"roi": [4, 5, 20, 30]}, "square_00": {"roi": [1, 2, 3, 4]}}


@pytest.fixture
def table(tmp_path):
    return ManifestData(manifest=str(make_shapes(tmp_path / "shapes"))).read(seed=0)


def rows_with(table, word):
    return [row for row in range(len(table)) if word in table.ids[row].as_py()]


def test_every_image_gets_the_boxes(table):
    rows = np.array([2, 7])
    found = FixedFinder(boxes={"eye": [1, 2, 30, 40], "mouth": [0, 0, 48, 40]}).find(table, rows)
    assert list(found.boxes) == ["eye", "mouth"]
    assert found.boxes["eye"].tolist() == [[1, 2, 30, 40]] * 2
    assert found.reasons.tolist() == ["", ""]


def test_shares_become_pixels_of_each_image(table):
    finder = FixedFinder(boxes={"roi": [0.5, 0.5, 0.5, 1]}, box_format="cxcywh_normalized")
    assert finder.find(table, np.array([0])).boxes["roi"].tolist() == [[12, 0, 36, 40]]


def test_each_camera_has_its_own_and_images_of_none_are_misses(table):
    found = FixedFinder(cameras=CAMERAS).find(table, np.arange(len(table)))
    discs, late = rows_with(table, "disc_"), rows_with(table, "square_01")
    assert (found.boxes["roi"][discs] == [4, 5, 20, 30]).all() and len(discs) == 12
    assert np.isnan(found.boxes["roi"][late]).all() and len(late) == 2
    assert set(found.reasons[late]) == {"no camera's expression is in its path"}
    assert set(np.delete(found.reasons, late)) == {""}


def test_an_image_of_two_cameras_is_an_error_that_names_both(table):
    cameras = CAMERAS | {"disc_00[01]": {"roi": [0, 0, 9, 9]}}
    with pytest.raises(ValueError, match="2 problems") as caught:
        FixedFinder(cameras=cameras).find(table, np.arange(len(table)))
    assert "disc_000.png is of two cameras, 'disc_' and 'disc_00[01]'" in str(caught.value)


@pytest.mark.parametrize("box", [[0, 0, 49, 40], [-1, 0, 5, 5]])
def test_a_box_outside_of_its_image_is_an_error(box, table):
    with pytest.raises(ValueError, match="does not lie inside its image of 48 x 40 pixels"):
        FixedFinder(boxes={"roi": box}).find(table, np.arange(3))


def test_an_image_that_cannot_be_read_is_a_miss(table):
    (table.root / "images" / "disc_000.png").write_bytes(b"none")
    (table.root / "images" / "square_000.png").unlink()
    found = FixedFinder(boxes={"roi": [0, 0, 9, 9]}).find(table, np.array([0, 1, 2]))
    assert found.reasons[0].startswith("cannot be decoded, it is no image")
    assert found.reasons[1:].tolist() == ["does not exist", ""]
    assert np.isnan(found.boxes["roi"]).any(axis=1).tolist() == [True, True, False]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "set either roi.boxes"),
        ({"boxes": {"roi": [0, 0, 1, 1]}, "cameras": CAMERAS}, "set either roi.boxes"),
        ({"boxes": {"roi": [0, 0, 1]}}, r"roi.boxes.roi is \[0, 0, 1\], expected four finite"),
        ({"boxes": {"roi": "0 0 1 1"}}, "expected four finite numbers"),
        ({"boxes": {"roi": [0, 0, 1, float("nan")]}}, "expected four finite numbers"),
        ({"cameras": {"a": [0, 0, 1, 1]}}, "roi.cameras.a is .*expected regions and their boxes"),
        ({"cameras": {"(": {"roi": [0, 0, 1, 1]}}}, "is no regular expression"),
        (
            {"boxes": {"roi": [20, 5, 10, 9]}},
            r"\[20, 5, 10, 9\], expected .*x0 < x1",
        ),
        ({"boxes": {"roi": [9, 9, 9, 12]}}, "x0 < x1, y0 < y1"),
        ({"boxes": {"roi": [0, 0, 1, 1]}, "box_format": "yx"}, "roi.box_format is 'yx', expected"),
    ],
)
def test_options_that_cannot_be_are_told(options, message):
    with pytest.raises(ValueError, match=message):
        FixedFinder(**options)
