"""Labels that contradict out-of-fold predictions are named, the most doubtful first."""

import csv

import numpy as np
import pytest

from lightning_modules.evaluation.label_errors import (
    COLUMNS,
    describe_label_errors,
    find_label_errors,
    write_label_errors,
)
from lightning_modules.evaluation.predictions import PredictionTable


def make_table(probs, labels, origin=None, groups=None):
    probs = np.asarray(probs, float)
    count, classes = probs.shape
    return PredictionTable(
        ids=[f"i{row}" for row in range(count)],
        labels=np.asarray(labels),
        logits=np.log(probs),
        class_names=[f"c{code}" for code in range(classes)],
        mask_origin=origin or ["given"] * count,
        mask_share=np.ones(count),
        roi_share=np.ones(count),
        columns={"image": np.array([f"images/{row}.png" for row in range(count)])},
        groups=groups,
    )


def joint_by_hand(probs, labels):
    """Candidates as the paper's text has them: image by image, class by class."""
    classes = range(probs.shape[1])
    means = {
        k: np.mean([p[k] for p, y in zip(probs, labels, strict=True) if y == k]) for k in classes
    }
    found = {}
    for row, (p, y) in enumerate(zip(probs, labels, strict=True)):
        confident = [k for k in classes if p[k] >= means[k]]
        if confident and (best := max(confident, key=lambda k: p[k])) != y:
            found[row] = (best, p[best] - p[y])
    return found


def test_the_confident_joint_is_that_of_the_paper():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 200)
    probs = rng.dirichlet([1, 1, 1], 200)
    probs[np.arange(200), labels] += 0.5
    probs /= probs.sum(axis=1, keepdims=True)
    errors = find_label_errors(make_table(probs, labels))
    truth = joint_by_hand(probs, labels)
    assert 5 < len(truth) < 150
    assert set(errors.rows.tolist()) == set(truth)
    for row, suggested, score in zip(errors.rows, errors.suggested, errors.scores, strict=True):
        assert suggested == truth[row][0]
        assert score == pytest.approx((1 + truth[row][1]) / 2)
    assert (np.diff(errors.scores) <= 0).all()


def test_flipped_labels_are_found_where_the_model_is_good():
    rng = np.random.default_rng(1)
    true = rng.integers(0, 4, 400)
    probs = np.full((400, 4), 0.02)
    probs[np.arange(400), true] = 0.94
    labels = true.copy()
    flipped = rng.choice(400, 20, replace=False)
    labels[flipped] = (true[flipped] + rng.integers(1, 4, 20)) % 4
    errors = find_label_errors(make_table(probs, labels))
    assert set(errors.rows.tolist()) == set(flipped.tolist())
    assert (errors.suggested == true[errors.rows]).all()


def test_a_class_of_which_the_model_is_never_sure_needs_less():
    # c1 gets 0.4 at best: the image labelled c0 that looks like c1 as much as those do is doubted,
    # though c0 has the larger probability
    probs = [[0.95, 0.05], [0.97, 0.03], [0.58, 0.42], [0.6, 0.4], [0.6, 0.4], [0.62, 0.38]]
    errors = find_label_errors(make_table(probs, [0, 0, 0, 1, 1, 1]))
    assert errors.rows.tolist() == [2]
    assert errors.scores[0] == pytest.approx((1 + 0.42 - 0.58) / 2)


def test_without_an_answer_nothing_is_doubted():
    probs = [[0.9, 0.1], [0.1, 0.9], [0.1, 0.9], [0.1, 0.9]]
    origin = ["given", "given", "abstain", "given"]
    table = make_table(probs, [0, 1, 0, 0], origin)
    assert find_label_errors(table).rows.tolist() == [3]
    table.logits[3] = np.nan
    assert find_label_errors(table).rows.tolist() == []


def test_a_class_without_images_is_never_suggested():
    errors = find_label_errors(
        make_table([[0.3, 0.1, 0.6]] * 3 + [[0.1, 0.5, 0.4]] * 3, [0] * 3 + [1] * 3)
    )
    assert 2 not in errors.suggested.tolist()


def test_the_file_is_a_table_to_be_filled_in(tmp_path):
    probs = [[0.9, 0.1], [0.1, 0.9], [0.2, 0.8], [0.05, 0.95]]
    table = make_table(probs, [0, 1, 0, 0], groups=np.array(["a", "b", "c", "d"]))
    write_label_errors(tmp_path / "label_errors.csv", table, find_label_errors(table))
    rows = list(csv.DictReader((tmp_path / "label_errors.csv").open()))
    assert tuple(rows[0]) == COLUMNS
    assert rows[0] == {
        "id": "i3",
        "image": "images/3.png",
        "label": "c0",
        "suggested": "c1",
        "probability": "0.9500",
        "score": "0.9500",
        "group": "d",
        "rank": "1",
        "decision": "",
    }
    certain = make_table([[0.9, 0.1], [0.1, 0.9]], [0, 1])
    write_label_errors(tmp_path / "none.csv", certain, find_label_errors(certain))
    assert (tmp_path / "none.csv").read_text() == ",".join(COLUMNS) + "\n"


def test_learned_images_are_warned_of():
    table = make_table([[0.9, 0.1], [0.1, 0.9]], [0, 1])
    errors = find_label_errors(table)
    assert describe_label_errors(table, errors, 0) == ["Of 2 labels none looks wrong."]
    assert describe_label_errors(table, errors, 2)[0].startswith(
        "WARNING: the model was trained on 2 of these 2 images"
    )
