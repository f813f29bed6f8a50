"""A place where decoded images cannot be kept is refused before anything is read."""

import pytest

from datamodules.loading.transforms import Preprocessing
from datamodules.options import DataOptions

STEPS = Preprocessing((32, 32), (0.5,) * 3, (0.5,) * 3, "bilinear")


@pytest.mark.parametrize("below", ["", "/deeper/still"])
def test_a_file_is_no_place_for_the_cache(tmp_path, below):
    (tmp_path / "file").write_text("taken")
    with pytest.raises(ValueError, match=r"file is a file, expected a folder: .*data\.cache=off"):
        DataOptions(cache=f"{tmp_path}/file{below}")


@pytest.mark.parametrize("word", ["atuo", "none", ""])
def test_a_misspelled_word_does_not_become_a_folder(tmp_path, monkeypatch, word):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="expected auto, off or a folder"):
        DataOptions(cache=word)
    assert not list(tmp_path.iterdir())


def test_words_and_folders_that_are_new_or_there_are_taken(tmp_path):
    for cache in ("auto", "off", False, str(tmp_path), str(tmp_path / "new" / "folder")):
        assert DataOptions(cache=cache).cache == cache
