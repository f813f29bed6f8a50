"""One window for all images: fixed, checked before any work, proposed where it is missing."""

import numpy as np
import pytest
from PIL import Image

from datamodules.checks.examination import examine_files
from datamodules.doctor.diagnosis import diagnose
from datamodules.doctor.pictures import draw_thumbnail
from datamodules.files.window import apply_window
from datamodules.regions.contact_sheet import draw_contact_sheet
from datamodules.sources import FolderData


@pytest.fixture
def floats(tmp_path):
    rng = np.random.default_rng(0)
    for index in range(24):
        folder = tmp_path / ("cat", "dog")[index % 2]
        folder.mkdir(exist_ok=True)
        values = rng.uniform(-0.5, 0.5, (16, 16)).astype(np.float32)
        Image.fromarray(values).save(folder / f"{index}.tif")
    return str(tmp_path)


def test_values_become_grey_in_a_straight_line_and_are_cut_off_beyond():
    grey = apply_window(np.array([-9, 0, 1, 5, 10, 99]), (0, 10), "x")
    assert grey.tolist() == [0, 0, 26, 128, 255, 255]


@pytest.mark.parametrize("window", [[1], [1, 2, 3], [2, 1], [1, 1], [0, float("nan")], 5])
def test_a_window_that_is_none_is_refused(floats, window):
    with pytest.raises(ValueError, match=r"data\.window is"):
        FolderData(images=floats, window=window)


def test_floating_grey_stops_with_a_window_to_try(floats):
    with pytest.raises(ValueError, match=r"data\.window=\[-0\.49\d*,0\.49\d*\]"):
        FolderData(images=floats).read(0)
    assert FolderData(images=floats, window=[-0.5, 0.5]).read(0).window == (-0.5, 0.5)


@pytest.fixture
def lookalikes(tmp_path):
    """Floating grey: every image comes once more, a little brighter."""
    rng = np.random.default_rng(0)
    for index in range(40):
        values = rng.uniform(-0.5, 0.5, (16, 16)).astype(np.float32)
        for copy in range(2):
            folder = tmp_path / "looks" / ("cat", "dog")[index % 2]
            folder.mkdir(parents=True, exist_ok=True)
            brighter = values + np.float32(0.01 * copy)
            Image.fromarray(brighter).save(folder / f"{index}_{copy}.tif")
    return FolderData(images=str(tmp_path / "looks"), window=[-0.5, 0.5]).read(0)


def test_the_doctor_looks_through_the_window(lookalikes, tmp_path):
    found = examine_files(lookalikes, tmp_path / "memory.parquet")
    diagnosis = diagnose(lookalikes, found, 0).diagnosis
    assert any("near duplicates" in one.topic for one in diagnosis.findings)
    assert "How well the class is told by" in diagnosis.sections
    assert not any("bits" in one.topic for one in diagnosis.findings)
    assert draw_thumbnail(lookalikes, 0) is not None


def test_a_contact_sheet_shows_what_the_window_shows(lookalikes):
    rows, nothing = np.arange(4), np.full(4, "")
    sheet = np.asarray(draw_contact_sheet(lookalikes, rows, {}, nothing, 4, 0))
    assert (sheet == 0).all(axis=2).any()
    assert len(np.unique(sheet[10:100, 10:100])) > 20
