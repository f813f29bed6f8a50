"""Files of a run are whole or not at all, whatever happens while they are written."""

import errno
import os
import stat

import pytest
import torch

from lightning_modules.run_files import open_beside, remove_leftovers, write_bytes, write_text


def leftovers(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_takes_its_place_when_it_is_whole(tmp_path):
    path = tmp_path / "new" / "last.ckpt"
    with open_beside(path) as file:
        file.write(b"all of it")
        assert not path.exists()
    assert path.read_bytes() == b"all of it"
    assert leftovers(path.parent) == ["last.ckpt"]


@pytest.mark.parametrize("stop", [ValueError, KeyboardInterrupt, SystemExit])
def test_the_file_that_was_there_stays_when_writing_stops(tmp_path, stop):
    path = tmp_path / "last.ckpt"
    write_bytes(path, b"before")
    with pytest.raises(stop), open_beside(path) as file:
        file.write(b"half")
        raise stop
    assert path.read_bytes() == b"before"
    assert leftovers(tmp_path) == ["last.ckpt"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_an_error_of_the_disk_names_the_file_and_leaves_nothing(
    tmp_path, monkeypatch, number, call
):
    path = tmp_path / "status.json"
    write_text(path, "before")

    def fail(*arguments):
        names = arguments if call == "replace" else ()
        raise OSError(number, os.strerror(number), *names[:1])

    with monkeypatch.context() as patch:
        patch.setattr(f"os.{call}", fail)
        with pytest.raises(OSError, match=r"status\.json'$") as caught:
            write_text(path, "after")
    assert caught.value.errno == number
    assert caught.value.filename == str(path)
    assert path.read_text() == "before"
    assert leftovers(tmp_path) == ["status.json"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device that is always full")
def test_what_torch_saves_onto_a_full_disk_is_an_error_of_the_disk(tmp_path, monkeypatch):
    path = tmp_path / "last.ckpt"
    write_bytes(path, b"before")
    full = os.open("/dev/full", os.O_WRONLY)
    with pytest.raises(OSError, match="No space left") as caught, open_beside(path) as file:
        os.dup2(full, file.fileno())
        torch.save({"weight": torch.zeros(1_000_000)}, file)
    os.close(full)
    assert caught.value.filename == str(path)
    assert path.read_bytes() == b"before"
    assert leftovers(tmp_path) == ["last.ckpt"]


def test_content_and_name_are_on_the_disk_in_this_order(tmp_path, monkeypatch):
    calls, fsync, replace = [], os.fsync, os.replace

    def note_fsync(descriptor):
        calls.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    def note_replace(*names):
        calls.append("replace")
        replace(*names)

    monkeypatch.setattr("os.fsync", note_fsync)
    monkeypatch.setattr("os.replace", note_replace)
    write_text(tmp_path / "history.csv", "epoch")
    assert calls == ["file", "replace", "folder"]


def test_what_a_killed_process_has_left_is_removed_and_nothing_else(tmp_path):
    kept = [tmp_path / "last.ckpt", tmp_path / ".gitignore", tmp_path / "a" / ".2"]
    for path in [*kept, tmp_path / "a" / ".last.ckpt.4711"]:
        write_text(path, "x")
    remove_leftovers(tmp_path)
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == sorted(kept)
