"""Glare, blur, occlusion, JPEG and low light do what their numbers say, and are drawn by id."""

import json
import math
from argparse import Namespace

import numpy as np
import pytest
import torch
from front.run import _bracket_lists
from in_process import evaluate_in_process
from readers import CENTRE, Reader, make_batch, read_by

from datamodules.loading.transforms import Preprocessing
from lightning_modules.evaluation.interventions.answers import Answers, Recorded
from lightning_modules.evaluation.robustness.answers import Colours, Examiner
from lightning_modules.evaluation.robustness.corruptions import (
    BLUR_SIGMAS,
    CORRUPTIONS,
    OCCLUDED_SHARES,
    corrupt,
)
from lightning_modules.evaluation.robustness.names import SLICES, STRENGTHS, choose_slices
from lightning_modules.evaluation.robustness.table import (
    describe,
    measure_slices,
    name_metrics,
    tabulate,
)
from lightning_modules.evaluation.statistics.wilson import wilson_interval

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def draw_images(num=3, height=97, width=112):
    """Smooth colours, as of photographs, with some texture."""
    y, x = torch.meshgrid(torch.linspace(0, 3, height), torch.linspace(0, 4, width), indexing="ij")
    waves = torch.stack([torch.sin(y * (i + 1)) * torch.cos(x + i) for i in range(3)])
    noise = torch.randn(num, 3, height, width, generator=torch.Generator().manual_seed(0))
    return (127 + 90 * waves + 8 * noise).clamp(0, 255).to(torch.uint8)


def change(pixels, name, strength, ids=("a", "b", "c"), seed=0):
    return corrupt(pixels, name, strength, seed, ids[: len(pixels)])


def test_every_slice_has_its_corruption():
    assert tuple(CORRUPTIONS) == SLICES


@pytest.mark.parametrize("name", SLICES)
def test_a_corruption_is_a_function_of_pixels_strength_seed_and_id(name):
    pixels = draw_images()
    kept = pixels.clone()
    for strength in STRENGTHS:
        changed = change(pixels, name, strength)
        assert changed.dtype == torch.uint8 and changed.shape == pixels.shape
        assert torch.equal(pixels, kept)
        assert torch.equal(change(pixels, name, strength), changed)
        # whatever else is in the batch, and wherever it stands
        assert torch.equal(change(pixels[1:2], name, strength, ids=("b",)), changed[1:2])
    if name in ("glare", "occlusion", "low_light"):
        twice = change(pixels[:1].expand(2, -1, -1, -1), name, 2)
        assert not torch.equal(twice[0], twice[1])
        assert not torch.equal(change(pixels, name, 2, seed=1), change(pixels, name, 2))


@pytest.mark.parametrize("name", SLICES)
def test_more_strength_changes_more(name):
    pixels = draw_images()
    changes = [
        (change(pixels, name, strength).float() - pixels.float()).abs().mean(dim=(1, 2, 3))
        for strength in STRENGTHS
    ]
    assert (changes[0] > 0).all()
    assert (changes[1] > changes[0]).all() and (changes[2] > changes[1]).all()


def test_glare_adds_half_of_full_scale_at_its_centre_in_linear_light():
    black = torch.zeros(1, 3, 64, 64, dtype=torch.uint8)
    brightest = change(black, "glare", 2).max().item()
    assert brightest == pytest.approx(255 * (1.055 * 0.5 ** (1 / 2.4) - 0.055), abs=1)
    white = torch.full_like(black, 255)
    assert torch.equal(change(white, "glare", 3), white)


@pytest.mark.parametrize("strength", STRENGTHS)
def test_blur_spreads_a_point_by_its_sigma(strength):
    point = torch.zeros(1, 3, 448, 448, dtype=torch.uint8)
    point[..., 216:233, 216:233] = 255  # a square of 17 has a variance of 24
    row = change(point, "blur", strength)[0, 0].float().sum(dim=0)
    place = torch.arange(448.0)
    mean = (row * place).sum() / row.sum()
    variance = ((row * (place - mean).square()).sum() / row.sum()).item()
    assert variance == pytest.approx((2 * BLUR_SIGMAS[strength - 1]) ** 2 + 24, rel=0.1)


@pytest.mark.parametrize("strength", STRENGTHS)
def test_an_occlusion_covers_its_share(strength):
    white = torch.full((3, 3, 100, 80), 255, dtype=torch.uint8)
    covered = (change(white, "occlusion", strength) == 127).float().mean(dim=(1, 2, 3))
    assert covered.tolist() == pytest.approx([OCCLUDED_SHARES[strength - 1]] * 3, abs=0.01)


def test_jpeg_blocks_lose_detail_and_keep_a_plain_colour():
    plain = torch.full((1, 3, 32, 32), 128, dtype=torch.uint8)
    assert (change(plain, "jpeg", 3).float() - 128).abs().max() <= 1
    noise = torch.randint(0, 256, (1, 3, 32, 32), generator=torch.Generator().manual_seed(0))
    noise = noise.to(torch.uint8)
    assert change(noise, "jpeg", 3).float().std() < 0.6 * noise.float().std()


@pytest.mark.parametrize(("strength", "share"), [(1, 1 / 2), (2, 1 / 4), (3, 1 / 8)])
def test_low_light_halves_the_light_and_has_the_noise_of_its_photons(strength, share):
    white = torch.full((1, 3, 96, 96), 255, dtype=torch.uint8)
    values = change(white, "low_light", strength).double() / 255
    light = ((values + 0.055) / 1.055) ** 2.4
    assert light.mean().item() == pytest.approx(share, rel=0.01)
    assert light.std().item() == pytest.approx(math.sqrt(share * 500) / 500, rel=0.05)


def test_pixels_come_back_as_they_were_and_are_normalised_as_the_loaders_do():
    pixels = torch.arange(256).to(torch.uint8).view(1, 1, 16, 16).expand(1, 3, 16, 16)
    colours = Colours(MEAN, STD)
    steps = Preprocessing((16, 16), MEAN, STD, "bilinear")
    image = steps.normalise(pixels)
    assert torch.equal(colours.to_pixels(image), pixels)
    assert torch.equal(colours.to_image(pixels), image)


def recorded(number, label, before, after, was_answered):
    record = Recorded()
    columns = [number, label, before, after, was_answered, [math.nan] * len(number)]
    columns += [number]  # each image is a group of its own
    record.add(*(torch.tensor(column) for column in columns))
    return record


def test_scores_are_those_worked_out_by_hand():
    zero, one = [1.0, 0.0], [0.0, 1.0]
    answers = Answers()
    label = [0, 0, 1, 1]
    answers.as_they_are.add(
        torch.tensor(label), torch.tensor([zero, zero, one, zero]), torch.arange(4)
    )
    answers.changed["blur_1"] = recorded(
        range(4), label, [zero, zero, one, zero], [zero, one, one, zero], [True, True, True, False]
    )
    rows, scores = measure_slices(answers, 2)
    assert (rows["clean"].accuracy, rows["blur_1"].accuracy) == (0.75, 0.5)
    # clean: class 0 P 2/3 R 1, class 1 P 1 R 1/2
    assert scores["clean"] == pytest.approx((0.8 + 2 / 3) / 2)
    # blur, the last unanswered: class 0 P 1 R 1/2, class 1 P 1/2 R 1/2
    assert scores["blur_1"] == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert rows["blur_1"].flip_rate == 0.5  # one answers otherwise, one not at all
    metrics = name_metrics(rows, scores)
    assert metrics["test_blur_1_accuracy_low"] == pytest.approx(0.15, abs=0.005)  # Wilson, 2 of 4
    assert [row["name"] for row in metrics["test_slices"]] == ["clean", "blur_1"]
    assert "weakest under blur of strength 1: 50.0 % are right (75.0 % as they are)" in describe(
        rows
    )
    assert any(line.startswith("blur_1") and "50.0 %" in line for line in tabulate(rows, scores))


def test_where_no_answer_changes_nothing_is_called_the_weakest():
    answers = Answers()
    answers.as_they_are.add(torch.tensor([0, 1]), torch.tensor([[1.0, 0.0]] * 2), torch.arange(2))
    answers.changed["blur_1"] = recorded(
        range(2), [0, 1], [[1.0, 0.0]] * 2, [[2.0, 0.0]] * 2, [True] * 2
    )
    rows, _ = measure_slices(answers, 2)
    assert describe(rows) == "No answer changes under any of them."


def test_without_any_answer_there_are_no_scores():
    assert measure_slices(Answers(), 2) == ({}, {})


def test_a_reader_of_the_centre_does_not_mind_what_leaves_the_centre_alone():
    from contextlib import nullcontext

    batch = make_batch(16, 2, seed=0)
    # as pixels: dark, with the class's channel brighter
    colours = Colours((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    batch["image"] = batch["image"].clamp(0, 5) / 5
    pairs = {name: place // 2 for place, name in enumerate(batch["id"])}
    examiner = Examiner(read_by(Reader(CENTRE, 2)), colours, pairs, 0, nullcontext)
    rows, _ = measure_slices(examiner.ask([batch], SLICES), 2)
    assert rows["clean"].accuracy == 1
    assert rows["jpeg_1"].accuracy == rows["blur_1"].accuracy == 1
    assert len(rows) == 1 + len(SLICES) * len(STRENGTHS)
    assert all(row.images == 16 for row in rows.values())
    # 8 groups that are all right tell less than 16 images
    assert rows["clean"].accuracy_low == pytest.approx(wilson_interval(8, 8)[0])


def test_slices_are_measured_drawn_and_leave_the_test_as_it_was(trained, tmp_path):
    words = [f"ckpt={trained}", "trainer.accelerator=cpu", "interventions=none"]
    plain = evaluate_in_process(tmp_path / "plain", *words)
    sliced = evaluate_in_process(tmp_path / "sliced", *words, "slices=all", "slice_images=4")
    assert not any("blur" in name for name in plain)
    assert not (tmp_path / "plain" / "robustness.png").exists()
    assert plain.items() <= sliced.items()
    for name in SLICES:
        for strength in STRENGTHS:
            stem = f"test_{name}_{strength}"
            assert 0 <= sliced[f"{stem}_accuracy_low"] <= sliced[f"{stem}_accuracy"]
            assert 0 <= sliced[f"{stem}_flip_rate"] <= 1
    assert [row["images"] for row in sliced["test_slices"]] == [4] * 16
    assert (tmp_path / "sliced" / "robustness.png").is_file()
    again = evaluate_in_process(tmp_path / "again", *words, "slices=blur", "slice_images=4")
    blur = {name: value for name, value in sliced.items() if name.startswith("test_blur")}
    assert blur.items() <= again.items()
    assert "test_glare_1_accuracy" not in again
    assert json.loads((tmp_path / "again" / "metrics.json").read_text()) == again


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["slices=blurr"], r"slices names blurr, expected all or some of .* Did you mean blur\?"),
        (["slices=[blur,fog]"], "slices names fog"),
        (["slices=3"], "slices names 3"),
        (["slices=jpeg", "slice_images=0"], "slice_images is 0, expected at least 1"),
    ],
)
def test_slices_that_there_are_not_are_named(words, message, trained, tmp_path):
    with pytest.raises(ValueError, match=message):
        evaluate_in_process(tmp_path / "out", f"ckpt={trained}", *words)
    assert not (tmp_path / "out").exists()


def test_slices_come_in_their_own_order_by_one_word_or_several():
    assert choose_slices("all") == choose_slices(["all"]) == SLICES
    assert choose_slices("jpeg") == ("jpeg",)
    assert choose_slices(["jpeg", "glare", "jpeg"]) == ("glare", "jpeg")
    assert choose_slices([]) == choose_slices(None) == ()


def test_a_comma_makes_a_list_where_the_commands_own_key_holds_one(monkeypatch):
    typed = ["slices=glare,blur", "ckpt=a,b", "classes=[x,y]", "data.x=1,2", "slices=blur"]
    monkeypatch.setattr("sys.argv", ["evaluate.py", *typed, "--cfg", "job"])
    arguments = Namespace(overrides=list(typed))
    _bracket_lists(arguments, {"slices": [], "classes": [], "ckpt": "latest"})
    expected = ["slices=[glare,blur]", "ckpt=a,b", "classes=[x,y]", "data.x=1,2", "slices=blur"]
    assert arguments.overrides == expected

    import sys

    assert sys.argv[1:] == [*expected, "--cfg", "job"]


def test_the_sheet_shows_a_row_a_slice():
    from lightning_modules.evaluation.robustness.picture import draw_slices

    names = ["clean", *(f"blur_{one}" for one in STRENGTHS)]
    pixels = {
        name: torch.full((3, 32, 32), 40 * i, dtype=torch.uint8) for i, name in enumerate(names)
    }
    sheet = np.asarray(draw_slices(pixels, dict.fromkeys(names, ""), ["blur"]))
    side = sheet.shape[1] // 4
    assert [int(sheet[5, side * i + 5, 0]) for i in range(4)] == [0, 40, 80, 120]
