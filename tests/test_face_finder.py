"""roi=face: eyes and mouth of the largest face, in photographs and in the drawn drivers."""

import hashlib
import sys

import matplotlib
import numpy as np
import pytest
from PIL import Image
from small_data import write_manifest

from datamodules.drivers import write_drivers
from datamodules.regions.roi_agreement import compare_with_given
from datamodules.roi_finders import FaceFinder
from datamodules.roi_finders.yunet import OWN_MODEL
from datamodules.sources import ManifestData

# placed by hand in matplotlib's photograph of Grace Hopper (US Navy, public domain)
HOPPER = {"left_eye": (224, 189), "right_eye": (305, 187), "mouth": (267, 282)}
FACE_WIDTH = 180


@pytest.fixture
def hopper():
    with matplotlib.cbook.get_sample_data("grace_hopper.jpg") as file:
        return Image.open(file).convert("RGB")


@pytest.fixture
def look(tmp_path):
    """What a finder finds in images; needs OpenCV, an extra."""
    pytest.importorskip("cv2")

    def find(*images, **options):
        rows = []
        for number in range(max(14, len(images))):
            name = f"{number}.png"
            if number < len(images):
                images[number].save(tmp_path / name)
            rows.append({"image": name, "label": "ab"[number % 2]})
        table = ManifestData(manifest=str(write_manifest(tmp_path / "m.csv", rows))).read(seed=0)
        return FaceFinder(**options).find(table, np.arange(len(images)))

    return find


def centre(found, region, row=0):
    box = found.boxes[region][row]
    return (box[:2] + box[2:]) / 2


def test_eyes_and_mouth_of_a_photograph_are_found(look, hopper):
    found = look(hopper)
    assert found.reasons.tolist() == [""] and list(found.boxes) == list(HOPPER)
    for region, place in HOPPER.items():
        assert np.hypot(*(centre(found, region) - place)) < 0.1 * FACE_WIDTH, region
    eyes, mouth = found.boxes["left_eye"][0], found.boxes["mouth"][0]
    assert eyes[2] < found.boxes["right_eye"][0][0] and eyes[3] < mouth[3]


def test_the_regions_and_their_size_are_options(look, hopper):
    small = look(hopper, regions=["face", "mouth"], mouth_size=[0.6, 0.5])
    large = look(hopper, regions="mouth")
    assert list(small.boxes) == ["face", "mouth"]
    sizes = [box[0][2:] - box[0][:2] for box in (small.boxes["mouth"], large.boxes["mouth"])]
    np.testing.assert_allclose(sizes[1], 2 * sizes[0])
    assert small.boxes["face"][0][2] - small.boxes["face"][0][0] == pytest.approx(180, rel=0.15)


def test_a_small_image_is_enlarged_before_the_search(look, hopper):
    tiny = hopper.resize((64, 75), Image.Resampling.LANCZOS)
    found = look(tiny)
    for region, place in HOPPER.items():
        away = centre(found, region) - np.array(place) / 8
        assert np.hypot(*away) < 0.1 * FACE_WIDTH / 8 + 1


def test_a_small_face_in_a_large_image_is_found_at_a_larger_size(look, hopper):
    scene = Image.new("RGB", (2400, 1800), (90, 120, 90))
    scene.paste(hopper.resize((96, 112), Image.Resampling.LANCZOS), (1500, 900))
    assert look(scene, sizes=320).reasons.tolist() == ["no face"]
    found = look(scene)
    away = centre(found, "mouth") - ([1500, 900] + np.array(HOPPER["mouth"]) * 96 / 512)
    assert np.hypot(*away) < 0.1 * FACE_WIDTH * 96 / 512 + 1


def test_a_face_that_fills_its_image_is_found_with_room_around_it(look, hopper):
    left, top = 205, 180
    tight = hopper.crop((left, top, 325, 295)).resize((24, 23), Image.Resampling.LANCZOS)
    found = look(tight)
    for region in ("left_eye", "right_eye"):
        place = (np.array(HOPPER[region]) - [left, top]) / 5
        boxes = found.boxes[region][0]
        assert (boxes[:2] <= place).all() and (place <= boxes[2:]).all(), region


def test_of_several_faces_the_largest_is_taken_and_that_is_said(look, hopper):
    scene = Image.new("RGB", (900, 600))
    scene.paste(hopper.resize((256, 300)), (0, 0))
    scene.paste(hopper, (388, 0))
    found = look(scene)
    assert np.hypot(*(centre(found, "mouth") - np.array(HOPPER["mouth"]) - [388, 0])) < 18
    assert found.notes == ["Several faces, of which the largest was taken, in 1 image: 0.png."]


def test_no_face_is_a_miss_with_its_reason(look):
    noise = np.random.default_rng(0).integers(0, 255, (96, 96, 3), dtype=np.uint8)
    found = look(Image.new("RGB", (80, 60), "white"), Image.fromarray(noise))
    assert found.reasons.tolist() == ["no face", "no face"]
    assert all(np.isnan(boxes).all() for boxes in found.boxes.values())


def test_boxes_end_at_the_border_of_the_image(look, hopper):
    cut = hopper.crop((215, 90, 420, 400))
    boxes = look(cut).boxes["left_eye"][0]
    assert boxes[0] == 0 and 0 < boxes[2] < 205


def test_drawn_drivers_are_found_closed_eyes_too(tmp_path):
    pytest.importorskip("cv2")
    manifest = write_drivers(tmp_path / "drivers", num_train=60, num_val=20, num_test=20)
    table = ManifestData(manifest=str(manifest)).read(seed=0)
    rows = np.arange(len(table))
    found = FaceFinder().find(table, rows)
    hit = found.reasons == ""
    for label in (0, 1):
        assert hit[table.labels == label].mean() >= 0.95
    for region, one in compare_with_given(table, rows, found.boxes, seed=0).items():
        assert one.close >= 0.9 and one.iou >= 0.6, region


def test_a_file_that_is_no_yunet_is_told_before_any_image_is_opened(look, tmp_path):
    (tmp_path / "other.onnx").write_bytes(b"none")
    with pytest.raises(ValueError, match=r"other.onnx cannot be used as a YuNet face detector by"):
        look(model=str(tmp_path / "other.onnx"))


def test_another_model_is_taken_by_its_path(look, hopper, tmp_path):
    (tmp_path / "other.onnx").write_bytes(OWN_MODEL.read_bytes())
    boxes = [
        look(hopper, **options).boxes["mouth"]
        for options in ({}, {"model": str(tmp_path / "other.onnx")})
    ]
    np.testing.assert_array_equal(*boxes)


def test_threads_of_opencv_are_as_they_were(look, hopper):
    cv2 = pytest.importorskip("cv2")
    before = cv2.getNumThreads()
    look(hopper)
    assert cv2.getNumThreads() == before


def test_without_opencv_the_line_that_installs_it_is_told(shapes, monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    table = ManifestData(manifest=str(shapes)).read(seed=0)
    with pytest.raises(ImportError, match=r'Run: python -m pip install -e "\.\[face\]"'):
        FaceFinder().find(table, np.arange(2))


def test_the_model_is_the_one_that_its_note_describes():
    digest = hashlib.sha256(OWN_MODEL.read_bytes()).hexdigest()
    assert f"SHA-256 {digest}" in OWN_MODEL.with_suffix(".txt").read_text()


def test_options_that_cannot_be_are_told_together(tmp_path):
    with pytest.raises(ValueError, match="6 problems in the options of roi=face") as caught:
        FaceFinder(
            regions=["nose"],
            eye_size=[1],
            mouth_size=[0, 1],
            sizes=3,
            confidence=1.5,
            model=str(tmp_path / "none.onnx"),
        )
    assert "expected of face, left_eye, right_eye, mouth" in str(caught.value)
