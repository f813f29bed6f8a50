"""Regions follow the image through every resampling, and never let the outside in."""

import numpy as np
import pytest
import torch

from datamodules.files.images import read_image, read_mask
from datamodules.loading.transforms import Preprocessing, resize_together
from datamodules.regions.planes import resize_generously, resize_regions

SIZES = [((64, 48), (32, 32)), ((31, 45), (64, 96)), ((97, 60), (50, 51)), ((20, 20), (20, 20))]


def preprocessing(size, interpolation="bicubic"):
    return Preprocessing(size, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), interpolation)


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic"])
@pytest.mark.parametrize(("source", "target"), SIZES)
def test_no_outside_pixel_reaches_an_inside_pixel_through_a_resize(source, target, interpolation):
    rng = np.random.default_rng(0)
    planes = np.zeros((2, *source), bool)
    planes[0, 5:-6, 7:-5] = True
    planes[1] = rng.random(source) < 0.97
    steps = preprocessing(target, interpolation)
    for _ in range(20):
        image = rng.integers(0, 256, (*source, 3), dtype=np.uint8)
        for plane in planes:
            other = np.where(plane[..., None], image, rng.integers(0, 256, image.shape, np.uint8))
            first, mask = resize_together(image, plane[None], steps)
            second, _ = resize_together(other, plane[None], steps)
            assert torch.equal(first[:, mask[0]], second[:, mask[0]])


@pytest.mark.parametrize(("source", "target"), SIZES)
def test_most_of_a_region_survives_a_resize(source, target):
    planes = np.zeros((1, *source), bool)
    planes[:, 4:-4, 4:-4] = True
    share = resize_regions(planes, target, "bilinear").mean() / planes.mean()
    assert 0.6 < share <= 1


def test_a_full_region_stays_full():
    assert resize_regions(np.ones((1, 33, 57), bool), (24, 80), "bicubic").all()


def test_a_resize_to_the_same_size_keeps_every_pixel():
    plane = np.random.default_rng(0).random((1, 30, 30)) < 0.5
    assert (resize_regions(plane, (30, 30), "bicubic") == plane).all()


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic"])
@pytest.mark.parametrize(("source", "target"), SIZES)
def test_whatever_stands_in_a_distractor_stays_inside_it_through_a_resize(
    source, target, interpolation
):
    rng = np.random.default_rng(0)
    plane = np.zeros((1, *source), bool)
    plane[:, 9:13, 6:11] = True
    covered = torch.from_numpy(resize_generously(plane, target, interpolation))[0]
    steps = preprocessing(target, interpolation)
    for _ in range(20):
        image = rng.integers(0, 256, (*source, 3), dtype=np.uint8)
        other = np.where(plane[0, ..., None], rng.integers(0, 256, image.shape, np.uint8), image)
        first, _ = resize_together(image, plane, steps)
        second, _ = resize_together(other, plane, steps)
        assert torch.equal(first[:, ~covered], second[:, ~covered])
    assert covered.float().mean() < 0.25


def test_a_generous_resize_keeps_single_pixels_and_adds_none_to_an_empty_plane():
    planes = np.zeros((2, 90, 90), bool)
    planes[1, 37, 61] = True
    empty, single = resize_generously(planes, (30, 30), "bilinear")
    assert not empty.any()
    # the filter of a target pixel reaches one scale to either side of its centre
    assert np.argwhere(single).tolist() == [[y, x] for y in (11, 12, 13) for x in (19, 20, 21)]


def test_exif_turns_image_and_mask_alike(tmp_path):
    from PIL import Image

    pixels = np.zeros((10, 20, 3), np.uint8)
    pixels[:3, :5] = 255
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).save(tmp_path / "image.png", exif=exif)
    Image.fromarray(pixels[..., 0]).save(tmp_path / "mask.png", exif=exif)
    image, mask = read_image(str(tmp_path / "image.png")), read_mask(str(tmp_path / "mask.png"))
    assert image.shape == (20, 10, 3)
    assert ((image[..., 0] > 0) == mask).all()


def test_sixteen_bit_grey_keeps_its_upper_bits(tmp_path):
    from PIL import Image

    Image.fromarray(np.full((4, 4), 0x8001, np.uint16)).save(tmp_path / "deep.png")
    assert (read_image(str(tmp_path / "deep.png")) == 0x80).all()


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "I", "F"])
def test_a_mask_of_any_mode_is_inside_where_it_is_not_black(tmp_path, mode):
    from PIL import Image

    inside = np.zeros((6, 8), bool)
    inside[2:4, 3:7] = True
    dark_blue = inside[..., None] * np.array([0, 0, 4], np.uint8)
    opaque = np.full(inside.shape, 255, np.uint8)
    values = {
        "1": inside,
        "L": inside * np.uint8(1),
        "P": inside * np.uint8(3),
        "RGB": dark_blue,
        "RGBA": np.dstack([dark_blue, opaque]),
        "LA": np.dstack([inside * np.uint8(9), opaque]),
        "I": inside * np.int32(70000),
        "F": inside * np.float32(0.4),
    }[mode]
    image = Image.fromarray(values)
    if mode == "P":
        image = image.convert("P")
    path = tmp_path / ("mask.tif" if mode in "IF" else "mask.png")
    image.save(path)
    assert (read_mask(str(path)) == inside).all()


def test_a_lossy_mask_is_read_at_its_middle(tmp_path):
    from PIL import Image

    inside = np.zeros((32, 32), np.uint8)
    inside[8:24, 8:24] = 255
    Image.fromarray(inside).save(tmp_path / "mask.jpg", quality=90)
    assert (read_mask(str(tmp_path / "mask.jpg")) == (inside > 0)).all()
