"""No path of a table leads out of data.root unless the user says so."""

import os

import pyarrow as pa
import pytest
from small_data import make_shapes, write_manifest

from datamodules.files.outside import find_suspicious
from datamodules.sources import FolderData, ManifestData


@pytest.fixture
def shapes_here(tmp_path):
    return make_shapes(tmp_path / "root", per_class=12)


def with_first(manifest, rows_of, name, value):
    rows = rows_of(manifest)
    rows[0][name] = value
    return ManifestData(manifest=str(write_manifest(manifest, rows)))


def link(target, place):
    try:
        os.symlink(target, place)
    except OSError:
        pytest.skip("this system makes no links")


@pytest.mark.parametrize("name", ["image", "mask"])
@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("../secret.png", "lies outside of"),
        ("images/../../secret.png", "lies outside of"),
        ("/etc/passwd", "lies outside of"),
        ("C:\\data\\1.png", "Windows drive or server"),
        ("\\\\server\\share\\1.png", "Windows drive or server"),
    ],
)
def test_a_path_that_leaves_the_root_is_refused(shapes_here, rows_of, name, path, said):
    if os.name == "nt" and "Windows" in said:
        said = "lies outside of"
    with pytest.raises(ValueError, match=said) as caught:
        with_first(shapes_here, rows_of, name, path).read(0)
    assert f"row 2: {name} " in str(caught.value)


def test_links_out_of_the_root_are_refused_and_links_inside_are_not(shapes_here, rows_of):
    root = shapes_here.parent
    (root.parent / "secret").mkdir()
    (root.parent / "secret" / "1.png").write_bytes(b"")
    link(root.parent / "secret" / "1.png", root / "images" / "linked.png")
    link(root.parent / "secret", root / "away")
    link(root / "images", root / "again")
    for path in ("images/linked.png", "away/1.png"):
        with pytest.raises(ValueError, match=r"is a link to .*secret"):
            with_first(shapes_here, rows_of, "image", path).read(0)
    inside = rows_of(shapes_here)[1]["image"].replace("images/", "again/")
    assert len(with_first(shapes_here, rows_of, "image", inside).read(0)) == 24


def test_a_folder_above_the_target_of_a_link_is_not_the_one_above_the_link(shapes_here, rows_of):
    root = shapes_here.parent
    (root.parent / "elsewhere" / "deep").mkdir(parents=True)
    (root.parent / "elsewhere" / "secret.png").write_bytes(b"")
    link(root.parent / "elsewhere" / "deep", root / "link")
    with pytest.raises(ValueError, match=r"is a link to .*elsewhere"):
        with_first(shapes_here, rows_of, "image", "link/../secret.png").read(0)
    inside = rows_of(shapes_here)[1]["image"].replace("images/", "images/../images/")
    assert len(with_first(shapes_here, rows_of, "image", inside).read(0)) == 24


def test_paths_of_a_folder_inside_are_not_looked_at_one_by_one(shapes_here):
    root = shapes_here.parent.resolve()
    texts = [
        "images/1.png",
        f"{root}/masks/1.png",
        "/elsewhere/1.png",
        "//server/1.png",
        "../1.png",
    ]
    assert find_suspicious(pa.chunked_array([texts]), (root,)).tolist() == [2, 3, 4]


def test_a_class_folder_of_links_needs_allow_outside(shapes_here, tmp_path):
    for label in ("disc", "square"):
        (tmp_path / "links" / label).mkdir(parents=True)
        for file in (shapes_here.parent / "images").glob(f"{label}_*"):
            link(file, tmp_path / "links" / label / file.name)
    with pytest.raises(ValueError, match="is a link to"):
        FolderData(images=str(tmp_path / "links")).read(0)
    assert len(FolderData(images=str(tmp_path / "links"), allow_outside=True).read(0)) == 24
