"""Tars as input: by class folders, by WebDataset's keys, and from a manifest."""

import io
import json
import os
import tarfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image
from small_data import make_shapes, write_manifest

from datamodules.doctor.lenient import read_leniently
from datamodules.files import opening as files
from datamodules.files import tar_index, tar_memory
from datamodules.files.images import read_image, read_mask
from datamodules.files.opening import open_file, stat_file
from datamodules.files.tar_index import open_tar
from datamodules.files.unreadable import UnreadableImage
from datamodules.sources import FolderData, ManifestData, ShardsData
from datamodules.tables import shards
from datamodules.tables.shards import expand_braces


@pytest.fixture(autouse=True)
def memory(tmp_path, monkeypatch):
    monkeypatch.setattr(tar_memory, "FOLDER", tmp_path / "memory")
    return tmp_path / "memory"


def png(value, size=(12, 10)):
    file = io.BytesIO()
    Image.fromarray(np.full(size[::-1], value, np.uint8)).save(file, "PNG")
    return file.getvalue()


def pack(path, members, links=(), kind=tarfile.PAX_FORMAT):
    with tarfile.open(path, "w", format=kind) as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        for name, target in links:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            tar.addfile(info)
    return path


def webdataset(path, numbers, **changes):
    members = {}
    for number in numbers:
        key, label = f"{number:04d}", ("cat", "dog")[number % 2]
        members[f"{key}.png"] = png(number)
        members[f"{key}.mask.png"] = png(255 * (number % 3 > 0))
        members[f"{key}.json"] = json.dumps({"label": label, "group": f"g{number // 4}"}).encode()
    return pack(path, members | changes)


@pytest.mark.parametrize("kind", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_every_member_is_found_by_its_name(tmp_path, kind):
    long = "/".join(["folder" * 5] * 4) + "/1.png"
    names = ["1.png", "./a/2.png", "b/3.png", long]
    names += ["grün/ü.png"] if kind != tarfile.USTAR_FORMAT else []
    members = {name: png(value) for value, name in enumerate(names)}
    tar = pack(tmp_path / "x.tar", members, kind=kind)
    for value, name in enumerate(names):
        path = f"{tar}/{name.removeprefix('./')}"
        assert (read_image(path) == value).all()
        assert stat_file(path) == (len(members[name]), os.stat(tar).st_mtime_ns)


def test_of_a_name_packed_twice_the_last_counts(tmp_path):
    tar = pack(tmp_path / "x.tar", {"1.png": png(1)})
    with tarfile.open(tar, "a") as file:
        info = tarfile.TarInfo("1.png")
        info.size = len(png(2))
        file.addfile(info, io.BytesIO(png(2)))
    assert (read_image(f"{tar}/1.png") == 2).all()


def test_the_index_is_remembered_until_the_tar_changes(tmp_path, memory, monkeypatch):
    tar = pack(tmp_path / "x.tar", {"1.png": png(1)})
    assert read_mask(f"{tar}/1.png").all()
    assert len(list(memory.iterdir())) == 1
    tar_index._opener.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(tar_index, "_walk", lambda *args: pytest.fail("headers read again"))
        assert read_mask(f"{tar}/1.png").all()
    pack(tar, {"0.png": png(0), "1.png": png(0), "2.png": png(0)})
    assert not read_mask(f"{tar}/1.png").any()


def test_threads_share_a_tar(tmp_path):
    tar = pack(tmp_path / "x.tar", {f"{n}.png": png(n) for n in range(200)})
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda n: read_image(f"{tar}/{n}.png")[0, 0, 0], range(200)))
    assert found == list(range(200))


def test_more_tars_than_may_be_open_are_closed_and_opened_again(tmp_path, monkeypatch):
    monkeypatch.setattr(tar_index, "MOST_FILES", 16)
    tar_index._opener.cache_clear()
    tars = [pack(tmp_path / f"{n}.tar", {"1.png": png(n)}) for n in range(12)]
    for n in [*range(12), *range(12)]:
        assert (read_image(f"{tars[n]}/1.png") == n).all()
    assert tar_index._opener().cache_info().maxsize == 4
    tar_index._opener.cache_clear()


@pytest.mark.parametrize(
    ("name", "said"),
    [("9.png", "no such name"), ("link.png", "is a link"), ("hard.png", "is a link")],
)
def test_what_is_no_plain_member_is_refused(tmp_path, name, said):
    tar = pack(tmp_path / "x.tar", {"1.png": png(1)}, [("link.png", "/etc/passwd")])
    with tarfile.open(tar, "a") as file:
        info = tarfile.TarInfo("hard.png")
        info.type, info.linkname = tarfile.LNKTYPE, "1.png"
        file.addfile(info)
    with pytest.raises(UnreadableImage, match=said):
        open_file(f"{tar}/{name}")


def test_a_member_too_large_to_be_read_is_refused_as_a_file_is(tmp_path, monkeypatch):
    tar = pack(tmp_path / "a.tar", {"1.png": png(7)})
    monkeypatch.setattr(files, "MOST_BYTES", 10)
    with pytest.raises(UnreadableImage, match="at most 10 are read"):
        read_image(f"{tar}/1.png")


def test_members_that_leave_the_tar_are_not_listed(tmp_path):
    tar = pack(tmp_path / "x.tar", {"../1.png": png(1), "/2.png": png(2), "a/../3.png": png(3)})
    assert open_tar(str(tar)).list_files() == []


def test_a_tar_that_is_cut_off_or_compressed_says_so(tmp_path):
    tar = pack(tmp_path / "x.tar", {f"{n}.png": png(n) for n in range(9)})
    whole = tar.read_bytes()
    (tmp_path / "cut.tar").write_bytes(whole[:2000])
    (tmp_path / "hole.tar").write_bytes(whole[:1024] + b"\1" * 512 + whole[1536:])
    with tarfile.open(tmp_path / "packed.tar.gz", "w:gz") as file:
        file.add(tar, "1.png")
    (tmp_path / "packed.tar").write_bytes((tmp_path / "packed.tar.gz").read_bytes())
    for name, said in (
        ("cut.tar", "no whole tar"),
        ("hole.tar", "no header at byte"),
        ("packed.tar", "it is compressed"),
        ("packed.tar.gz", "compressed tar"),
    ):
        with pytest.raises(UnreadableImage, match=said):
            read_image(f"{tmp_path / name}/1.png")


def test_shards_become_the_same_table(tmp_path):
    webdataset(tmp_path / "data-train-000.tar", range(12))
    webdataset(tmp_path / "data-train-001.tar", range(12, 24))
    webdataset(tmp_path / "data-val-000.tar", range(24, 32))
    webdataset(tmp_path / "data-test-000.tar", range(32, 40))
    table = ShardsData(shards=str(tmp_path / "data-*.tar")).read(0)
    assert table.class_names == ("cat", "dog")
    assert [len(table.rows_of(split)) for split in ("train", "val", "test")] == [24, 8, 8]
    assert table.groups[3] == table.groups[0] != table.groups[4]
    for row in range(len(table)):
        number = int(table.ids[row].as_py()[-8:-4])
        assert (read_image(table.image_path(row)) == number).all()
        mask = read_mask(table.mask_path("roi", row))
        assert mask.all() if number % 3 else not mask.any()


def test_rows_are_remembered_and_named_by_where_the_tar_lies(tmp_path, monkeypatch):
    webdataset(tmp_path / "data-train-000.tar", range(12))
    webdataset(tmp_path / "data-test-000.tar", range(12, 24))
    first = shards.read_shards([str(tmp_path / "*.tar")], "xyxy").columns
    monkeypatch.setattr(shards, "_list_rows", lambda *args: pytest.fail("read again"))
    assert shards.read_shards([str(tmp_path / "*.tar")], "xyxy").columns.equals(first)
    assert shards.read_shards([str(tmp_path)], "xyxy").columns.equals(first)
    one = shards.read_shards([str(tmp_path / "data-train-000.tar")], "xyxy").columns
    assert one["image"][0].as_py() == "data-train-000.tar/0000.png"


def test_a_label_may_be_text_or_the_folder(tmp_path):
    pack(tmp_path / "a.tar", {"1.png": png(1), "1.cls": b"7\n", "x/2.png": png(2)})
    pack(tmp_path / "b.tar", {"train/8/1.png": png(1), "._1.png": b"of macOS"})
    table = ShardsData(shards=[str(tmp_path / f"{n}.tar") for n in "ab"]).read(0, ["7", "x", "8"])
    assert table.labels.tolist() == [0, 1, 2]


def test_what_is_wrong_in_shards_is_said_together(tmp_path):
    deep, broken = b"[" * 100_000, b'{"label": "\\ud800"}'
    members = {"4.png": png(4), "4.json": deep, "5.png": png(5), "5.json": broken}
    members |= {"1.png": png(1), "2.png": png(1), "2.jpg": b"", "3.png": png(3), "3.json": b"[1]"}
    pack(tmp_path / "a.tar", members)
    (tmp_path / "b.tar").write_bytes(b"no tar" * 200)
    with pytest.raises(ValueError) as caught:
        ShardsData(shards=[str(tmp_path / "*.tar")]).read(0)
    for said in (
        "a.tar/1 has no label",
        "a.tar/2 has several",
        "a.tar/3: its json",
        "no whole tar",
        "a.tar/4: ",
        "5' has a name or a value",
    ):
        assert said in str(caught.value)
    with pytest.raises(ValueError, match="names no tar"):
        ShardsData(shards=str(tmp_path / "none-*.tar")).read(0)


def test_braces_count():
    assert expand_braces("a-{08..10}.tar") == ["a-08.tar", "a-09.tar", "a-10.tar"]


def test_a_manifest_may_lead_into_tars(tmp_path, rows_of):
    manifest = make_shapes(tmp_path / "plain", per_class=4)
    rows = rows_of(manifest)
    files = {row[name]: (manifest.parent / row[name]).read_bytes()
             for row in rows for name in ("image", "mask")}  # fmt: skip
    pack(manifest.parent / "all.tar", files)
    inside = [row | {name: f"all.tar/{row[name]}" for name in ("image", "mask")} for row in rows]
    plain = ManifestData(manifest=str(manifest)).read(0)
    packed = ManifestData(manifest=str(write_manifest(manifest, inside))).read(0)
    for row in range(len(plain)):
        one, other = plain.image_path(row), packed.image_path(row)
        assert (read_image(one) == read_image(other)).all() and one != other


def test_a_tar_may_stand_for_a_folder_of_classes(tmp_path):
    make_shapes(tmp_path / "plain", per_class=12)
    for kind in ("images", "masks"):
        members = {
            f"{path.name.split('_')[0]}/{path.name}": path.read_bytes()
            for path in (tmp_path / "plain" / kind).iterdir()
        }
        pack(tmp_path / f"{kind}.tar", members)
    images, masks = str(tmp_path / "images.tar"), str(tmp_path / "masks.tar")
    table = FolderData(images=images, masks=masks).read(0)
    assert table.class_names == ("disc", "square") and len(table) == 24
    assert table.annotated.all()
    assert read_image(table.image_path(0)).shape[:2] == read_mask(table.mask_path("roi", 0)).shape


def test_the_doctor_reads_on_where_the_split_of_shards_is_wrong(tmp_path):
    """One way to read leniently serves every kind of data."""
    for split in ("train", "test"):
        webdataset(tmp_path / f"a-{split}-0.tar", range(8))
    source = ShardsData(shards=str(tmp_path))
    with pytest.raises(ValueError, match="stands in test and train"):
        source.read(0)
    table, mistakes = read_leniently(source, 0)
    assert len(table) == 16
    assert "stands in test and train" in mistakes.examples[0]
