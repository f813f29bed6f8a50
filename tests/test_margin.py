"""The margin that is found without a model: known rims, no rims, and what must not move it."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import binary_erosion, gaussian_filter
from small_data import make_shapes

from datamodules.regions.margin import Margin, choose_margin, pick_samples
from datamodules.sources import ManifestData

RED, GREEN = np.array([190.0, 60, 50]), np.array([60.0, 130, 80])
SQUARE = np.ones((3, 3), bool)


def disc(radius, size=64):
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    return np.hypot(y, x) < radius


def erode(mask, pixels):
    """Beyond the border the mask goes on, as in the mask source."""
    return binary_erosion(mask, SQUARE, pixels, border_value=1) if pixels else mask


def paint(mask, shares, inside=RED, outside=GREEN, noise=0.0, seed=0):
    """The ring at depth d of the mask takes ``shares[d]`` of the outside colour."""
    mix = (~mask).astype(float)
    for depth, share in enumerate(shares):
        mix[erode(mask, depth) & ~erode(mask, depth + 1)] = share
    image = (1 - mix[..., None]) * inside + mix[..., None] * outside
    image = image + noise * np.random.default_rng(seed).normal(size=image.shape)
    return image.round().clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("shares", "dilate"),
    [
        ((0.0, 0.0, 0.0, 0.0), 0),
        ((0.08, 0.02, 0.0, 0.0), 0),
        ((0.4, 0.06, 0.0, 0.0), -1),
        ((0.6, 0.2, 0.05, 0.0), -2),
        ((1.0, 0.9, 0.4, 0.04), -3),
    ],
)
def test_a_rim_of_known_mixture_is_found_and_taken_off(shares, dilate):
    mask = disc(22)
    margin = choose_margin([(paint(mask, shares), mask)])
    assert margin.dilate == dilate
    assert np.allclose(margin.contamination, shares, atol=0.02)
    assert str(dilate) in margin.reason


def test_a_blurred_edge_is_measured_as_the_share_it_lets_in():
    samples, inside_shares = [], []
    for radius in (18, 20, 22, 24):
        mask = disc(radius)
        alpha = gaussian_filter(mask.astype(float), 1.2)
        image = alpha[..., None] * RED + (1 - alpha[..., None]) * GREEN
        samples.append((image.round().astype(np.uint8), mask))
        rings = [erode(mask, depth) & ~erode(mask, depth + 1) for depth in range(4)]
        inside_shares.append([1 - alpha[ring] for ring in rings])
    expected = [np.concatenate(depth).mean() for depth in zip(*inside_shares, strict=True)]
    margin = choose_margin(samples)
    assert np.allclose(margin.contamination, expected, atol=0.02)
    assert margin.dilate == -next(d for d, share in enumerate(expected) if share <= 0.1)


def test_a_rim_that_stays_mixed_takes_the_most_and_says_so():
    mask = disc(24)
    margin = choose_margin([(paint(mask, (0.7, 0.6, 0.5, 0.4, 0.2)), mask)])
    assert margin.dilate == -3
    assert "never" in margin.reason


def test_noise_and_texture_do_not_move_the_answer():
    shares = (0.5, 0.25, 0.05, 0.0)
    rng = np.random.default_rng(0)
    samples = []
    for seed in range(30):
        mask = disc(22)
        texture = [25 * gaussian_filter(rng.normal(size=(64, 64)), 2) * 7 for _ in range(2)]
        colours = [base + tone[..., None] for base, tone in zip((RED, GREEN), texture, strict=True)]
        samples.append((paint(mask, shares, *colours, noise=20, seed=seed), mask))
    margin = choose_margin(samples)
    assert margin.dilate == -2
    assert np.allclose(margin.contamination, shares, atol=0.06)


def test_an_object_that_shades_off_towards_its_rim_is_no_mixture():
    mask = disc(26)
    y, x = np.mgrid[:64, :64] - 31.5
    centre = np.clip(1 - np.hypot(y, x) / 26, 0, 1)[..., None]
    shaded = centre * RED + (1 - centre) * (0.5 * RED + 0.5 * GREEN)
    assert choose_margin([(paint(mask, (), inside=shaded), mask)]).dilate == 0


def test_a_soft_edge_wider_than_the_most_is_not_taken_for_shading():
    """A mask drawn wide around a soft object: the slope inside it is the edge itself."""
    mask = disc(22, size=96)
    shares = (0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)
    assert choose_margin([(paint(mask, shares), mask)]).dilate == -3


def no_contrast():
    rng = np.random.default_rng(1)
    box = np.zeros((64, 64), bool)
    box[18:46, 16:48] = True
    ramp = np.broadcast_to(np.linspace(40, 200, 64)[None, :, None], (64, 64, 3))
    noise = [rng.integers(0, 256, (64, 64, 3)) for _ in range(20)]
    blobs = [128 + 300 * gaussian_filter(rng.normal(size=(64, 64, 3)), (3, 3, 0)) for _ in noise]
    eye = paint(disc(22), (1, 1, 1, 0.9, 0.8, 0.4), noise=5)  # skin, and the dark in its middle
    yield "one colour", [(np.full((64, 64, 3), 90), box)]
    yield "a ramp", [(ramp, box)]
    yield "noise", [(image, box) for image in noise]
    yield "texture", [(image, box) for image in blobs]
    yield "a region far wider than its object", [(eye, disc(22))]


@pytest.mark.parametrize(("what", "samples"), no_contrast(), ids=lambda value: str(value)[:12])
def test_where_the_edge_of_the_mask_is_no_edge_nothing_is_taken(what, samples):
    margin = choose_margin((image.clip(0, 255).astype(np.uint8), mask) for image, mask in samples)
    assert margin.dilate == 0, what
    assert "no contrast" in margin.reason


def test_the_border_of_the_image_is_no_rim():
    shares = (0.5, 0.2, 0.04, 0.0)
    mask = np.zeros((64, 64), bool)
    mask[:40, :64] = True
    margin = choose_margin([(paint(mask, shares), mask)])
    assert np.allclose(margin.contamination, shares, atol=0.02)


def test_small_objects_are_counted_as_guarded():
    shares = (0.6, 0.2, 0.05, 0.0)
    masks = [disc(radius) for radius in (20, 20, 2.6, 3.2, 4, 5, 8)]
    margin = choose_margin((paint(mask, shares), mask) for mask in masks)
    guarded = [erode(mask, 2).sum() < 0.15 * mask.sum() for mask in masks]
    assert margin.dilate == -2
    assert margin.num_images == len(masks)
    assert margin.num_guarded == sum(guarded) == 3
    assert "3 masks" in margin.reason


def test_the_same_images_give_the_same_margin():
    samples = [(paint(disc(20), (0.3, 0.1), noise=9, seed=seed), disc(20)) for seed in range(3)]
    assert choose_margin(samples) == choose_margin(iter(samples))


def test_without_an_image_nothing_is_taken_and_it_is_said():
    image = paint(disc(20), ())
    passed_over = [(image, np.zeros((64, 64), bool)), (image, np.ones((64, 64), bool))]
    for samples in ([], passed_over):
        margin = choose_margin(samples)
        assert (margin.dilate, margin.num_images, margin.num_guarded) == (0, 0, 0)
        assert np.isnan(margin.contamination).all()
        assert "no image" in margin.reason


def test_masks_too_thin_to_have_a_middle_decide_nothing():
    line = np.zeros((64, 64), bool)
    line[30:34, 5:60] = True
    margin = choose_margin([(paint(line, (0.5,)), line)])
    assert isinstance(margin, Margin)
    assert (margin.dilate, margin.num_images) == (0, 1)
    assert "thick enough" in margin.reason


@pytest.fixture
def table(tmp_path):
    """24 rows; the first class is rare, and every fifth row has no ROI."""
    table = ManifestData(manifest=str(make_shapes(tmp_path))).read(seed=0)
    boxes = np.tile([2.0, 2.0, 9.0, 9.0], (24, 1))
    boxes[::5] = np.nan
    labels = (np.arange(24) % 6 > 1).astype(np.int64)
    return replace(table, labels=labels, mask_paths={}, boxes={"roi": boxes})


def test_samples_are_training_rows_with_a_roi_the_classes_in_turn(table):
    usable = [row for row in range(24) if table.splits[row] == "train" and row % 5]
    rare = sum(table.labels[row] == 0 for row in usable)
    rows = pick_samples(table, 100, seed=0)
    assert sorted(rows) == usable
    assert table.labels[rows].tolist() == [0, 1] * rare + [1] * (len(usable) - 2 * rare)
    assert pick_samples(table, 3, seed=0).tolist() == rows[:3].tolist()


def test_the_seed_settles_the_samples(table):
    drawn = [pick_samples(table, 8, seed).tolist() for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert len(set(drawn[0])) == 8


def test_without_any_roi_there_are_no_samples(table):
    bare = replace(table, boxes={})
    assert len(pick_samples(bare, 8, seed=0)) == 0


def test_the_guard_is_the_one_that_the_mask_source_applies():
    from datamodules.regions.margin import LEAST_AREA
    from lightning_modules.networks.masks import KEPT_SHARE

    assert LEAST_AREA == KEPT_SHARE


def test_an_object_that_is_pale_along_its_rim_is_no_mixture():
    """White studio light clings to the object; the grounds behind it are grass, rock and snow."""
    mask, pale = disc(22), np.array([250.0, 250.0, 250.0])
    rng = np.random.default_rng(0)
    pasted, true = [], []
    for seed in range(40):
        ground = rng.uniform(20, 230, 3)
        cut_out = paint(mask, (0.6, 0.4, 0.2, 0.0), outside=pale, seed=seed).astype(float)
        shares = ((0.0, 0.0, 0.0, 0.0), (0.3, 0.0, 0.0, 0.0))
        for share, samples in zip(shares, (pasted, true), strict=True):
            samples.append((paint(mask, share, inside=cut_out, outside=ground, seed=seed), mask))
    assert choose_margin(pasted).dilate == 0
    assert choose_margin(true).dilate == -1
