"""One window for all images: fixed, checked before any work, proposed where it is missing."""

import numpy as np
import pytest
from PIL import Image

from datamodules.sources import FolderData
from datamodules.window import apply_window


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
