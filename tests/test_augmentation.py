"""Augmentation moves image and regions together, by chance that is a function of its place."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from front.composition import compose_job
from front.conf_tree import ConfTree
from omegaconf import OmegaConf

from datamodules.augmentation.augmentation import Augmentation
from datamodules.augmentation.colour import PointwiseRandAugment, blur
from datamodules.augmentation.draws import Draws
from datamodules.augmentation.geometry import share_inside
from datamodules.loading.transforms import Preprocessing, resize_together

CONF = sorted((Path(__file__).parents[1] / "conf/augment").glob("*.yaml"))
STEPS = Preprocessing((64, 64), (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), "bilinear")
GEOMETRIES = [
    {"horizontal_flip": 1.0},
    {"rotation": 30.0},
    {"translation": 0.2},
    {"scale": 0.3},
    {"crop": 0.5},
    {"horizontal_flip": 1.0, "rotation": 10.0, "translation": 0.1, "scale": 0.1, "crop": 0.7},
]


def draws(seed, number=1):
    zeros = np.zeros(number, int)
    return Draws.of(seed, zeros, np.arange(number), zeros)


def augment(augmentation, image, planes, seed, size=(64, 64)):
    """One image (H, W, 3) and its planes; (3, *size) in [0, 255] and (R, *size)."""
    wanted = replace(STEPS, size=augmentation.prepared_size(size))
    pixels, roi = resize_together(image, planes, wanted)
    moved, mask = augmentation(pixels[None], roi[None], draws(seed), size)
    return moved[0], mask[0]


def square():
    plane = np.zeros((1, 64, 64), bool)
    plane[:, 20:40, 12:50] = True
    return plane, np.repeat(plane[0, ..., None] * np.uint8(255), 3, axis=2)


@pytest.mark.parametrize("options", GEOMETRIES, ids=lambda options: "+".join(options))
def test_image_and_regions_move_together(options):
    """White inside, black outside: afterwards inside pixels are still white."""
    plane, image = square()
    augmentation = Augmentation(["roi"], **options)
    different = set()
    for seed in range(10):
        moved, mask = augment(augmentation, image, plane, seed)
        assert mask.sum() > 300
        assert (moved[:, mask[0]] >= 127).all()  # more white than black, as the mask's own rule
        assert moved[:, ~mask[0]].mean() < 128
        different.add(mask.numpy().tobytes())
    assert len(different) == 1 if options == {"horizontal_flip": 1.0} else len(different) > 6


@pytest.mark.parametrize("size", [(64, 64), (48, 80)])
def test_a_rotation_keeps_lengths_whatever_the_shape_of_the_image(size):
    height, width = size
    plane = np.zeros((1, *size), bool)
    plane[:, height // 2 - 4 : height // 2 + 4, width // 2 - 16 : width // 2 + 16] = True
    image = np.zeros((*size, 3), np.uint8)
    augmentation = Augmentation(["roi"], rotation=90)
    for seed in range(20):
        _, mask = augment(augmentation, image, plane, seed, size)
        assert mask.sum() == pytest.approx(8 * 32, rel=0.08)
        ys, xs = mask[0].nonzero().double().unbind(1)
        spread = ys.var(correction=0) + xs.var(correction=0)
        assert spread == pytest.approx((32**2 + 8**2) / 12, rel=0.05)


def test_a_rotation_turns_by_the_drawn_angle_and_a_shift_by_the_drawn_share():
    plane = np.zeros((1, 64, 64), bool)
    plane[:, 28:36, 12:52] = True
    image = np.zeros((64, 64, 3), np.uint8)
    _, mask = augment(Augmentation(["roi"], rotation=40), image, plane, 3)
    ys, xs = mask[0].nonzero().double().unbind(1)
    slope = torch.cov(torch.stack([xs, ys]))
    angle = 0.5 * torch.atan2(2 * slope[0, 1], slope[0, 0] - slope[1, 1])
    expected = draws(3).between("rotation", -40, 40)[0]
    assert abs(torch.rad2deg(angle).item()) == pytest.approx(abs(expected), abs=1)
    _, mask = augment(Augmentation(["roi"], translation=0.1), image, plane, 3)
    ys, xs = mask[0].nonzero().double().unbind(1)
    for line, axis, centre in ((xs, "x", 31.5), (ys, "y", 31.5)):
        shift = 64 * draws(3).between(f"shift_{axis}", -0.2, 0.2)[0] / 2
        assert line.mean().item() - centre == pytest.approx(shift, abs=0.6)


def test_crops_keep_their_share_of_the_roi():
    plane = np.zeros((1, 64, 64), bool)
    plane[:, 2:20, 40:62] = True  # in a corner, where crops would cut it off
    image = np.zeros((64, 64, 3), np.uint8)
    cut = []
    for keep in (0.0, 0.9):
        augmentation = Augmentation(["roi"], crop=0.3, keep_roi=keep)
        geometry = augmentation.geometry
        roi = torch.from_numpy(plane).repeat(200, 1, 1, 1)
        low, high = geometry._crops(draws(0, 200), roi)
        kept = share_inside(roi, (low[:, None] + 1) / 2, (high[:, None] + 1) / 2)
        areas = ((high - low) / 2).prod(axis=1)
        cut.append((areas < 1).mean())
        assert (kept >= keep).all()
        assert areas.min() < 0.5
        assert areas.min() >= 0.3 - 1e-9
        augment(augmentation, image, plane, 0)
    assert kept.min() < 1
    assert cut[1] > 0.9  # rarely nothing fits and the whole image stays


@pytest.mark.parametrize("crop", [0.5, 0.9, 0.99])
def test_no_crop_is_smaller_than_it_says(crop):
    geometry = Augmentation(["roi"], crop=crop, keep_roi=0).geometry
    low, high = geometry._crops(draws(0, 500), torch.ones(500, 1, 8, 8, dtype=torch.bool))
    areas = ((high - low) / 2).prod(axis=1)
    assert areas.min() >= crop - 1e-9
    assert areas.max() < 1
    assert low.min() >= -1
    assert high.max() <= 1 + 1e-9


def test_the_share_inside_a_window_is_its_area_over_the_rois():
    roi = torch.zeros(1, 2, 64, 64, dtype=torch.bool)
    roi[0, 0, :, :32] = True
    starts, stops = np.array([[[0.25, 0.0], [0.5, 0.0]]]), np.array([[[1.0, 0.5], [1.0, 1.0]]])
    assert share_inside(roi, starts, stops).tolist() == [[0.25, 0.0]]
    assert share_inside(torch.zeros_like(roi), starts, stops).tolist() == [[1.0, 1.0]]


def from_file(file):
    options = OmegaConf.to_container(
        compose_job("train", [f"augment={file.stem}"], ConfTree()).cfg.augment
    )
    options.pop("_target_")
    return Augmentation(["roi"], **options)


@pytest.mark.parametrize("file", CONF, ids=lambda file: file.stem)
def test_every_augmentation_in_conf_moves_regions_with_the_image(file):
    plane, image = square()
    augmentation = from_file(file)
    augmentation.randaugment = augmentation.erase_outside = augmentation.erase_inside = 0
    augmentation.blur = 0
    for seed in range(5):
        moved, mask = augment(augmentation, (image * 0.8).astype(np.uint8), plane, seed)
        inside, outside = moved[:, mask[0]], moved[:, ~mask[0]]
        assert inside.mean() > outside.mean() + 60


@pytest.mark.parametrize("file", CONF, ids=lambda file: file.stem)
def test_no_augmentation_reads_a_statistic_of_the_whole_image(file):
    """What stands far outside must not change what is inside, for the same random draw."""
    rng = np.random.default_rng(0)
    plane = np.zeros((1, 64, 64), bool)
    plane[:, 24:40, 24:40] = True
    near = np.zeros((64, 64, 1), bool)
    near[10:54, 10:54] = True
    image = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    other = np.where(near, image, 255 - image)
    augmentation = from_file(file)
    for seed in range(20):
        results = []
        for pixels in (image, other):
            moved, mask = augment(augmentation, pixels, plane, seed)
            results.append(moved[:, mask[0]])
        assert torch.equal(*results)


def test_a_flip_swaps_left_and_right_regions_and_nothing_else():
    names = ["left_eye", "right_eye", "mouth", "left_ear"]
    planes = np.zeros((4, 64, 64), bool)
    for index in range(4):
        planes[index, 8 * index, 8 * index] = True
    image = np.zeros((64, 64, 3), np.uint8)
    _, flipped = augment(Augmentation(names, horizontal_flip=1.0), image, planes, 0)
    assert (flipped.numpy() == planes[[1, 0, 2, 3]][:, :, ::-1]).all()


def test_a_mirror_in_the_matrix_is_the_mirror_of_pixels():
    plane, image = square()
    image = image // 2 + np.arange(64, dtype=np.uint8)[None, :, None]
    plain = Augmentation(["roi"], horizontal_flip=1.0)
    resampled = Augmentation(["roi"], horizontal_flip=1.0, translation=1e-9)
    for first, second in zip(
        augment(plain, image, plane, 0), augment(resampled, image, plane, 0), strict=True
    ):
        assert torch.allclose(first.float(), second.float(), atol=0.01)


@pytest.mark.parametrize(
    "options",
    [
        {"rotation": 200.0},
        {"scale": 1.0},
        {"horizontal_flip": -1.0},
        {"crop": 0.0},
        {"hue": 0.6},
        {"randaugment": -1},
    ],
)
def test_augmentation_out_of_range_is_refused(options):
    with pytest.raises(ValueError, match=f"augment.{next(iter(options))}"):
        Augmentation(["roi"], **options)


def test_colours_change_as_their_formulas_say():
    image = np.random.default_rng(0).integers(60, 190, (64, 64, 3), dtype=np.uint8)
    plane = np.ones((1, 64, 64), bool)
    pixels = image.transpose(2, 0, 1).astype(float)
    grey = np.tensordot([0.299, 0.587, 0.114], pixels, 1)
    one = draws(5)
    for name, expected in {
        "brightness": lambda f: f * pixels,
        "contrast": lambda f: f * (pixels - 128) + 128,
        "saturation": lambda f: f * (pixels - grey) + grey,
    }.items():
        moved, _ = augment(Augmentation(["roi"], **{name: 0.2}), image, plane, 5)
        factor = one.between(name, 0.8, 1.2)[0]
        wanted = expected(factor).clip(0, 255)
        assert abs(moved.numpy() - wanted).max() < 1.5, name  # the matrix is of three digits
    moved, _ = augment(Augmentation(["roi"], hue=0.5), image, plane, 5)
    moved_grey = np.tensordot([0.299, 0.587, 0.114], moved.numpy().astype(float), 1)
    inside = ((moved > 0) & (moved < 255)).all(dim=0).numpy()
    assert abs(moved_grey - grey)[inside].max() < 1.5
    assert abs(moved.numpy() - pixels).max() > 20


def test_a_blur_is_the_gaussian_it_says():
    image = torch.zeros(2, 3, 33, 33)
    image[:, :, 16, 16] = 1
    blurred = blur(image, np.array([1.0, 2.0]), 2.0)
    places = torch.arange(33) - 16.0
    for one, sigma in zip(blurred, (1.0, 2.0), strict=True):
        line = one[0].sum(dim=0)
        assert line.sum().item() == pytest.approx(1, abs=1e-5)
        assert (line * places**2).sum().sqrt().item() == pytest.approx(sigma, rel=0.02)


@pytest.mark.parametrize("part", ["blur", "brightness", "rotation", "erase_inside", "randaugment"])
def test_an_image_does_not_depend_on_those_beside_it(part):
    augmentation = Augmentation(["roi"], **{part: 1})
    rng = np.random.default_rng(0)
    image = torch.from_numpy(rng.integers(0, 256, (5, 3, 224, 224), dtype=np.uint8))
    roi = torch.zeros(5, 1, 224, 224, dtype=torch.bool)
    roi[..., 50:100, 60:120] = True
    size, drawn = (224, 224), draws(3, 5)
    together = augmentation(image.clone(), roi.clone(), drawn, size)
    for row in range(5):
        part = slice(row, row + 1)
        alone = augmentation(image[part].clone(), roi[part].clone(), drawn[part], size)
        assert torch.equal(alone[0][0], together[0][row])
        assert torch.equal(alone[1][0], together[1][row])


def test_erasing_covers_the_roi_or_what_is_around_it_and_never_both():
    plane, image = square()
    for name, own in (("erase_inside", True), ("erase_outside", False)):
        areas = []
        for seed in range(20):
            moved, mask = augment(Augmentation(["roi"], **{name: 1.0}), image, plane, seed)
            grey = (moved == 128).all(dim=0)
            assert not grey[mask[0] != own].any()
            assert torch.equal(mask[0], torch.from_numpy(plane[0]))
            areas.append(grey.sum().item())
        assert max(areas) > min(areas)
        assert max(areas) > 0
        if own:
            assert max(areas) <= plane.sum() / 4 + 20


def test_an_image_without_roi_is_not_erased_inside():
    _, image = square()
    augmentation = Augmentation(["roi"], erase_inside=1.0)
    moved, _ = augment(augmentation, image, np.zeros((1, 64, 64), bool), 0)
    assert not (moved == 128).any()


def test_randaugment_leaves_geometry_and_whole_image_statistics_alone():
    left_out = {"AutoContrast", "Equalize", "Contrast", "Rotate", "ShearX", "TranslateX"}
    assert not left_out & set(PointwiseRandAugment._AUGMENTATION_SPACE)
    plane, image = square()
    augmentation = Augmentation(["roi"], randaugment=2)
    state = torch.get_rng_state()
    pictures = {
        augment(augmentation, image // 2 + 30, plane, s)[0].numpy().tobytes() for s in range(9)
    }
    assert len(pictures) > 4
    assert torch.equal(state, torch.get_rng_state())


def test_draws_are_uniform_and_independent():
    many = draws(7, 20_000)
    first, second = many.uniform("a", 2).T
    other = many.uniform("b")[:, 0]
    for numbers in (first, second, other):
        assert abs(numbers.mean() - 0.5) < 0.01
        assert abs(np.histogram(numbers, 10, (0, 1))[0] / 2000 - 1).max() < 0.1
    for pair in ((first, second), (first, other), (first[1:], first[:-1])):
        assert abs(np.corrcoef(*pair)[0, 1]) < 0.03


def test_draws_depend_on_seed_epoch_row_and_repeat_and_on_no_neighbour():
    one = np.ones(1, int)
    places = [(0, 1, 1, 1), (1, 1, 1, 1), (1, 2, 1, 1), (1, 1, 2, 1), (1, 1, 1, 2)]
    drawn = [Draws.of(s, e * one, r * one, n * one).uniform("a")[0, 0] for s, e, r, n in places]
    assert len(set(drawn)) == 5
    rows = np.array([4, 9, 2])
    together = Draws.of(0, np.zeros(3, int), rows, np.zeros(3, int)).uniform("a")
    alone = Draws.of(0, np.zeros(1, int), rows[1:2], np.zeros(1, int)).uniform("a")
    assert together[1] == alone[0]
