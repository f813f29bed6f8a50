"""Pictures of a test that people look at: the right images, as they are said to be chosen."""

import json
import shutil

import numpy as np
import pytest
import torch
from in_process import train_in_process
from PIL import Image
from readers import AROUND, CENTRE, Reader, make_sample, read_by
from small_data import make_shapes, write_manifest
from test_evaluate_command import evaluate_in_process

from lightning_modules.evaluation.examples.backgrounds import swap_backgrounds
from lightning_modules.evaluation.examples.choosing import (
    choose_masks,
    choose_mistakes,
    choose_uncertain,
    second_classes,
)
from lightning_modules.evaluation.examples.drawing import (
    PREDICTED,
    ROI,
    cover_with_heat,
    fit_size,
    outline,
)
from lightning_modules.evaluation.interventions.donors import gather_donors
from lightning_modules.evaluation.predictions import PredictionTable
from lightning_modules.evaluation.predictions_file import read_predictions

ONE = ["trainer.accelerator=cpu", "interventions=none"]


def make_table(probs, labels, groups=None, dice=None):
    """Predictions of as many classes as a row has."""
    num = len(labels)
    return PredictionTable(
        ids=[f"i{row}" for row in range(num)],
        labels=np.array(labels),
        logits=np.log(np.array(probs)),
        class_names=[f"c{index}" for index in range(len(probs[0]))],
        mask_origin=["given"] * num,
        mask_share=np.ones(num),
        roi_share=np.ones(num),
        columns={},
        groups=None if groups is None else np.array(groups),
        mask_quality={} if dice is None else {"mask_dice": np.array(dice)},
    )


def read_examples(folder):
    """Sections by their kind."""
    told = json.loads((folder / "examples" / "examples.json").read_text(encoding="utf-8"))
    return {section["kind"]: section for section in told["sections"]}


def test_the_surest_mistakes_are_not_all_of_one_group():
    probs = [[0.9, 0.1], [0.95, 0.05], [0.99, 0.01], [0.8, 0.2], [0.97, 0.03], [0.7, 0.3]]
    table = make_table(probs, [1, 1, 1, 1, 0, 1], ["a", "a", "a", "b", "b", "c"])
    # the surest of each group first, and never a right answer
    assert choose_mistakes(table, 3) == [2, 3, 5]
    assert choose_mistakes(table, 4) == [2, 1, 3, 5]
    assert choose_mistakes(table, 9) == [2, 1, 0, 3, 5]


def test_without_groups_kinds_of_mistakes_take_turns():
    probs = [[0.9, 0.05, 0.05], [0.8, 0.1, 0.1], [0.1, 0.1, 0.8]]
    assert choose_mistakes(make_table(probs, [1, 1, 1]), 2) == [0, 2]


def test_the_most_uncertain_are_the_closest_calls_and_numbers():
    probs = [[0.5, 0.3, 0.2], [0.335, 0.333, 0.332], [0.45, 0.44, 0.11], [np.nan, 0.5, 0.5]]
    table = make_table(probs, [0, 0, 0, 0], ["a", "b", "c", "d"])
    assert choose_uncertain(table, 2) == [1, 2]


def test_beside_a_mistake_stands_the_true_class_else_the_runner_up():
    table = make_table([[0.5, 0.3, 0.2], [0.5, 0.3, 0.2]], [2, 0])
    assert second_classes(table, [0, 1]).tolist() == [2, 1]


def test_best_median_and_worst_masks_are_of_those_that_were_predicted():
    table = make_table([[0.9, 0.1]] * 5, [0] * 5, dice=[0.5, np.nan, 0.9, 0.1, 0.6])
    found = choose_masks(table)
    assert {name: table.mask_quality["mask_dice"][row] for name, row in found.items()} == {
        "best": 0.9,
        "median": 0.5,
        "worst": 0.1,
    }
    assert choose_masks(make_table([[0.9, 0.1]], [0], dice=[np.nan])) == {}
    assert list(choose_masks(make_table([[0.9, 0.1]], [0], dice=[0.3]))) == ["best"]


def test_a_region_is_outlined_inside_its_rim_and_nothing_else_changes():
    picture = np.full((40, 60, 3), 100, np.uint8)
    plane = np.zeros((20, 30), bool)
    plane[5:15, 10:20] = True
    drawn = outline(picture, plane, ROI)
    assert (drawn[10, 20] == ROI).all()
    assert (drawn[20, 30] == 100).all()
    changed = (drawn != picture).any(axis=2)
    assert not changed[~plane.repeat(2, 0).repeat(2, 1)].any()
    assert ROI != PREDICTED


def test_where_there_is_no_heat_the_image_is_grey():
    picture = np.zeros((30, 30, 3), np.uint8)
    picture[..., 0] = 200
    heat = np.zeros((30, 30))
    heat[:, :10] = 1
    drawn = cover_with_heat(picture, heat)
    cold, hot = drawn[15, 25].astype(int), drawn[15, 3].astype(int)
    assert np.ptp(cold) == 0
    assert hot.sum() > cold.sum()
    assert fit_size(100, 200) == (224, 112)


def test_a_test_leaves_examples_that_the_predictions_agree_with(trained):
    sections, table = read_examples(trained), read_predictions(trained / "predictions.csv")
    assert {"data", "mistake", "uncertain", "backgrounds"} == set(sections)
    place = {name: row for row, name in enumerate(table.ids)}
    wrong = {name for name, right in zip(table.ids, table.correct, strict=True) if not right}
    assert {one["id"] for one in sections["mistake"]["examples"]} <= wrong
    assert len(sections["mistake"]["examples"]) == min(6, len(wrong))
    for kind, section in sections.items():
        assert section["title"]
        assert section["note"]
        for one in section["examples"]:
            row = place[one["id"]]
            assert one["label"] == table.class_names[table.labels[row]]
            assert one["group"] == table.groups[row]
            assert one["predicted"] == (
                None if kind == "data" else table.class_names[table.predicted[row]]
            )
            if kind != "data":
                assert one["prob"] == pytest.approx(table.probs[row].max(), abs=1e-5)
    ordered = np.sort(table.probs, axis=1)
    margin = ordered[:, -1] - ordered[:, -2]
    shown = [margin[place[one["id"]]] for one in sections["uncertain"]["examples"]]
    assert shown[0] == margin.min()
    assert shown == sorted(shown)


def test_every_picture_is_there_and_small(trained):
    files = {
        picture["file"]
        for section in read_examples(trained).values()
        for example in section["examples"]
        for picture in example["pictures"]
    }
    folder = trained / "examples"
    assert {path.name for path in folder.iterdir()} == files | {"examples.json"}
    sizes = [Image.open(folder / name).size for name in files]
    assert {max(size) for size in sizes} == {224}
    assert {Image.open(folder / name).format for name in files} == {"JPEG"}
    assert sum((folder / name).stat().st_size for name in files) < 20_000 * len(files)


def test_behind_an_exact_gate_no_background_changes_the_answer(trained):
    section = read_examples(trained)["backgrounds"]
    assert "0 of them changed their answer" in section["note"]
    for one in section["examples"]:
        own, *others = [picture["caption"] for picture in one["pictures"]]
        assert own.startswith("its own background: answer")
        assert len(others) >= 1
        said = own.partition(": ")[2]
        assert all(caption.partition(": ")[2] == said for caption in others)


@pytest.mark.parametrize("num_classes", [2, 3])
@pytest.mark.parametrize(("place", "flips"), [(AROUND, True), (CENTRE, False)])
def test_a_reader_of_the_background_answers_by_it_and_one_of_the_roi_does_not(
    place, flips, num_classes
):
    sample = make_sample(24, num_classes)
    network = read_by(Reader(place, num_classes))
    loaded = sample.load(sample.donors)
    donors = gather_donors(loaded, sample.unit_of, sample.classes, torch.device("cpu"))
    plain = {"mean": (0.0,) * 3, "std": (1.0,) * 3}
    batches = sample.load(sample.rows)
    found = swap_backgrounds(network, batches, donors, sample.unit_of, plain, seed=0)
    assert len(found) == 24
    for one in found:
        own, *lent = one.classes
        assert own == int(one.id) % num_classes
        assert lent[:2] == [own, (own + 1) % num_classes]
        assert one.pixels.shape == (4, 32, 32, 3)
        # four different pictures, whoever lent them
        assert len({picture.tobytes() for picture in one.pixels}) == 4
        answers = one.probs.argmax(axis=1).tolist()
        assert answers == (one.classes if flips else [own] * 4)
        assert one.flips is flips


def test_the_same_test_draws_the_same_pictures(trained, tmp_path):
    evaluate_in_process(tmp_path / "out", f"ckpt={trained}", *ONE)
    own, again = trained / "examples", tmp_path / "out" / "examples"
    names = sorted(path.name for path in own.iterdir())
    assert names == sorted(path.name for path in again.iterdir())
    for name in names:
        if name.endswith(".jpg"):
            pictures = [np.asarray(Image.open(place / name)).astype(int) for place in (own, again)]
            # another size of batch rounds differently
            assert abs(pictures[0] - pictures[1]).max() <= 2, name


def test_fewer_are_drawn_or_none_and_old_ones_go(trained, tmp_path):
    evaluate_in_process(tmp_path / "few", f"ckpt={trained}", *ONE, "report.num_examples=1")
    sections = read_examples(tmp_path / "few")
    assert len(sections["uncertain"]["examples"]) == 1
    for number, word in enumerate(("report.images=false", "report.num_examples=0", "report=none")):
        out = tmp_path / f"none{number}"
        evaluate_in_process(out, f"ckpt={trained}", *ONE, word)
        assert not (out / "examples").exists(), word
        assert (out / "metrics.json").is_file()


def test_a_failure_costs_no_result_and_says_its_reason(trained, tmp_path, monkeypatch):
    import workflow.evaluating.examples

    def fail(*_):
        raise RuntimeError("the pen is broken")

    monkeypatch.setattr(workflow.evaluating.examples, "look", fail)
    metrics = evaluate_in_process(tmp_path / "out", f"ckpt={trained}", *ONE)
    assert 0 <= metrics["test_accuracy"] <= 1
    said = (tmp_path / "out" / "log.txt").read_text(encoding="utf-8")
    assert "No examples could be drawn (RuntimeError: the pen is broken)" in said


def test_a_predicted_mask_stands_beside_the_users(tmp_path, rows_of):
    manifest = make_shapes(tmp_path / "data")
    rows = rows_of(manifest)
    for row in rows:
        row["label"] = {"disc": "Größe <1>", "square": "日本/語"}[row["label"]]
    write_manifest(manifest, rows)
    words = ["gate=two_stage", "data.roi_at_test=false", "interventions=none", "report=default"]
    run = train_in_process(manifest, tmp_path / "run", *words)
    sections, table = read_examples(run), read_predictions(run / "predictions.csv")
    dice = table.mask_quality["mask_dice"]
    first = sections["masks"]["examples"][0]
    assert first["id"] == table.ids[int(np.nanargmax(dice))]
    assert first["pictures"][0]["caption"].startswith(f"best: Dice {np.nanmax(dice):.2f}")
    assert {one["label"] for one in sections["data"]["examples"]} == {"Größe <1>", "日本/語"}
    pixels = np.asarray(Image.open(run / "examples" / first["pictures"][0]["file"])).astype(int)
    assert (abs(pixels - ROI).sum(axis=2) < 60).sum() > 20
    shutil.rmtree(run)


def test_only_the_first_of_several_processes_draws(tmp_path):
    from types import SimpleNamespace

    from workflow.evaluating.examples import write_examples

    kept = tmp_path / "examples" / "examples.json"
    kept.parent.mkdir()
    kept.write_text("{}")
    trainer = SimpleNamespace(is_global_zero=False, default_root_dir=tmp_path)
    write_examples(None, None, trainer, None)
    assert kept.read_text() == "{}"


def test_a_negative_number_of_examples_is_refused():
    from lightning_modules.evaluation.report.options import ReportOptions

    with pytest.raises(ValueError, match="num_examples is -1, expected 0 or more"):
        ReportOptions(num_examples=-1)
