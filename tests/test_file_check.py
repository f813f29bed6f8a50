"""Files are decoded once before training; what is wrong with them is listed together."""

import pyarrow as pa
import pyarrow.parquet
import pytest
from PIL import Image
from small_data import make_shapes, write_manifest

from datamodules.checks import examination
from datamodules.checks.file_check import check_files
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


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "box", ["40 10 60 20", "-3 0 5 5", "10 10 10 20", "20 10 10 20", "0 0 1e+300 10"]
)
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


def test_a_memory_of_another_version_is_not_used(own_shapes, tmp_path):
    columns = {name: ["x"] for name in ("path", "bytes", "time", "height", "width", "any_set")}
    pa.parquet.write_table(pa.table(columns), tmp_path / "memory.parquet")
    check(own_shapes, tmp_path)
    assert "content" in pa.parquet.read_schema(tmp_path / "memory.parquet").names


@pytest.fixture
def decoded(monkeypatch):
    """Paths in the order in which they are decoded."""
    paths, decode = [], examination.decode_file

    def watch(path, kind, window=None):
        paths.append(path)
        return decode(path, kind, window)

    monkeypatch.setattr(examination, "decode_file", watch)
    return paths


def test_what_was_decoded_before_a_stop_is_remembered(own_shapes, tmp_path, decoded, monkeypatch):
    decode = examination.decode_file

    def stop(path, kind, window=None):
        if len(decoded) >= 30:
            raise KeyboardInterrupt
        return decode(path, kind, window)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(examination, "decode_file", stop)
        check(own_shapes, tmp_path)
    before = len(decoded)
    check(own_shapes, tmp_path)
    assert len(decoded) > before  # some masks were not reached
    assert set(decoded[:24]).isdisjoint(decoded[before:])  # all images were


def test_an_image_in_two_rows_is_decoded_once(own_shapes, tmp_path, rows_of, decoded):
    rows = rows_of(own_shapes)
    rows = [row | {"id": f"{row['image']}{n}", "mask": ""} for row in rows for n in range(2)]
    table = ManifestData(manifest=str(write_manifest(own_shapes, rows))).read(0)
    found = check_files(table, tmp_path / "memory.parquet").found
    assert len(decoded) == len(table) / 2
    content = found.images["content"]
    assert (content[::2] == content[1::2]).all() and len(set(content.tolist())) == len(table) / 2


def test_a_file_that_is_image_and_mask_is_known_as_both(own_shapes, tmp_path, rows_of):
    rows = [row | {"mask": row["image"]} for row in rows_of(own_shapes)]
    table = ManifestData(manifest=str(write_manifest(own_shapes, rows))).read(0)
    for _ in range(2):
        found = check_files(table, tmp_path / "memory.parquet").found
        assert (found.masks["roi"]["set_pixels"] > 0).all()
        assert (found.images["contrast"] > 0).all()
