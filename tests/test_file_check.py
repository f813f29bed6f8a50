"""Files are decoded once before training; what is wrong with them is listed together."""

import pytest
from PIL import Image
from small_data import make_shapes, write_manifest

from datamodules import examination
from datamodules.file_check import check_files
from datamodules.sources import ManifestData


def check(manifest, tmp_path, **options):
    check_files(
        ManifestData(manifest=str(manifest), **options).read(0), tmp_path / "memory.parquet"
    )


@pytest.fixture
def own_shapes(tmp_path):
    return make_shapes(tmp_path / "data")


def test_whole_files_pass_and_are_not_decoded_again(own_shapes, tmp_path, monkeypatch):
    check(own_shapes, tmp_path)
    monkeypatch.setattr(
        examination, "decode_file", lambda path, kind: pytest.fail(f"decoded again: {path}")
    )
    check(own_shapes, tmp_path)


def test_a_changed_file_is_decoded_again(own_shapes, tmp_path):
    check(own_shapes, tmp_path)
    image = own_shapes.parent / "images" / "disc_000.png"
    image.write_bytes(image.read_bytes()[:200])
    with pytest.raises(ValueError, match=r"disc_000\.png cannot be decoded"):
        check(own_shapes, tmp_path)


def test_missing_broken_and_misfit_files_are_listed_together(own_shapes, tmp_path):
    images, masks = own_shapes.parent / "images", own_shapes.parent / "masks"
    (images / "disc_001.png").unlink()
    (images / "disc_002.png").write_bytes(b"no image at all")
    Image.new("1", (10, 10)).save(masks / "disc_003.png")
    with pytest.raises(ValueError, match="3 problems") as error:
        check(own_shapes, tmp_path)
    for part in ("does not exist", "cannot be decoded", "10 x 10 pixels, its image 48 x 40"):
        assert part in str(error.value)


@pytest.mark.parametrize("box", ["40 10 60 20", "-3 0 5 5", "10 10 10 20", "20 10 10 20"])
@pytest.mark.parametrize(
    ("column", "words"), [("box_eye", "eye"), ("distractor_text", "the distractor text")]
)
def test_a_box_outside_of_its_image_is_named(own_shapes, tmp_path, rows_of, column, words, box):
    rows = [
        row | {column: box if index == 4 else ""} for index, row in enumerate(rows_of(own_shapes))
    ]
    manifest = write_manifest(own_shapes.parent / "boxes.csv", rows)
    message = rf"boxes.csv row 6 .* the box of {words} .* does not lie inside"
    with pytest.raises(ValueError, match=message):
        check(manifest, tmp_path)


def test_a_distractor_inside_of_its_image_passes_and_is_no_roi(own_shapes, tmp_path, rows_of):
    rows = [row | {"mask": "", "distractor_text": "0 0 48 40"} for row in rows_of(own_shapes)]
    table = ManifestData(manifest=str(write_manifest(own_shapes, rows))).read(0)
    assert not check_files(table, tmp_path / "memory.parquet").empty.any()
    assert not table.annotated.any()


def test_a_broken_memory_only_costs_the_decoding(own_shapes, tmp_path):
    (tmp_path / "memory.parquet").write_bytes(b"broken")
    check(own_shapes, tmp_path)
