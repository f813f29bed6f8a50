"""A study: means and deviations over seeds, whatever became of single runs."""

import io

import numpy as np
import pytest
from PIL import Image

from lightning_modules.evaluation.study import Record, make_rows
from lightning_modules.evaluation.study_csv import rows_for_csv, runs_for_csv
from lightning_modules.evaluation.study_picture import draw_study
from lightning_modules.evaluation.study_text import describe_study, make_table


def finished(folder, *words, **metrics):
    return Record(folder, words, "finished", "", metrics)


def failed(folder, *words, reason="ValueError: the data is gone"):
    return Record(folder, words, "failed", reason, {})


def two_gates():
    """Accuracies 0.8, 0.9, 1.0 of none and 0.96, 0.98 of pixel, whose seed 1 failed."""
    return [
        finished("0_none", "seed=0", "study=none", "lr=1", test_accuracy=0.8, gate_promise="none"),
        finished("1_pixel", "seed=0", "study=pixel", "lr=1", test_accuracy=0.96),
        finished("2_none", "seed=1", "study=none", "lr=1", test_accuracy=0.9, gate_promise="none"),
        failed("3_pixel", "seed=1", "study=pixel", "lr=1"),
        finished("10_none", "seed=2", "study=none", "lr=1", test_accuracy=1.0, gate_promise="none"),
        finished("11_pixel", "seed=2", "study=pixel", "lr=1", test_accuracy=0.98),
    ]


def lines_of(records, width=None):
    return make_table(make_rows(records), width).splitlines()


def cells(line):
    return [cell.strip() for cell in line.strip("|").split(" | ")]


def test_a_row_is_a_variant_with_mean_and_deviation_over_its_seeds():
    none, pixel = make_rows(two_gates())
    assert (none.variant, pixel.variant) == ("none", "pixel")
    assert none.mean("test_accuracy") == pytest.approx(0.9)
    assert none.deviation("test_accuracy") == pytest.approx(0.1)  # sqrt((0.01 + 0 + 0.01) / 2)
    assert pixel.mean("test_accuracy") == pytest.approx(0.97)
    assert pixel.deviation("test_accuracy") == pytest.approx(0.01 * 2**0.5)
    assert none.mean("test_flip_rate") is None


def test_a_failed_run_is_counted_and_says_why():
    _, _, none, pixel = lines_of(two_gates())
    assert cells(none) == ["none", "3", "90.0 ± 10.0", "none", ""]
    assert cells(pixel)[:4] == ["pixel", "2 of 3", "97.0 ± 1.4", "-"]
    assert cells(pixel)[4] == "seed=1: ValueError: the data is gone"


def test_a_run_that_is_missing_is_counted():
    _, _, none, pixel = lines_of([r for r in two_gates() if r.folder != "3_pixel"])
    assert cells(none)[1] == "3"
    assert cells(pixel)[1] == "2 of 3"


def test_a_variant_without_any_result_keeps_its_line():
    reason = "2 problems in the data:\n  row 3 | no image\n  row 4 | no image"
    records = [*two_gates(), failed("12_token", "seed=0", "study=token", "lr=1", reason=reason)]
    token = lines_of(records)[-1]
    assert cells(token)[:4] == ["token", "0 of 3", "-", "-"]
    assert token.endswith(r"seed=0: 2 problems in the data: row 3 \| no image |")


def test_one_seed_has_no_deviation():
    records = [finished("0", "gate=none", test_accuracy=0.5, cost_step_time=1.031)]
    assert cells(lines_of(records)[-1]) == ["gate=none", "1", "50.0", "1.03"]


def test_columns_that_no_run_has_are_left_out():
    assert cells(lines_of(two_gates())[0]) == [
        "variant", "runs", "accuracy", "promise", "not finished"
    ]  # fmt: skip
    untested = [finished("0", "lr=1", best_val_macro_f1=0.7)]
    assert cells(lines_of(untested)[0]) == ["variant", "runs", "val macro F1"]


def test_a_narrow_terminal_gets_the_first_columns():
    wide, narrow = lines_of(two_gates()), lines_of(two_gates(), width=45)
    assert max(map(len, narrow)) <= 45
    assert cells(narrow[2]) == cells(wide[2])[: len(cells(narrow[2]))]


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["study=none", "study=pixel"], ["none", "pixel"]),
        (["gate=none lr=1", "gate=none lr=2"], ["lr=1", "lr=2"]),
        (["gate=none lr=1", "gate=pixel lr=2"], ["gate=none, lr=1", "gate=pixel, lr=2"]),
        (["study=none lr=1", "study=pixel lr=1"], ["none", "pixel"]),
        (["study=none lr=1", "study=none lr=2"], ["lr=1", "lr=2"]),
        (["study=swap lr=1 seed=0", "study=swap lr=1 seed=1"], ["swap"]),
        (["lr=1 seed=0", "lr=1 +data.fold=1 seed=0"], ["as configured"]),
    ],
)
def test_a_variant_is_named_by_what_sets_it_apart(words, names):
    records = [finished(str(i), *one.split()) for i, one in enumerate(words)]
    assert [row.variant for row in make_rows(records)] == names


def test_a_run_that_was_repeated_counts_once():
    again = finished("12_pixel", "study=pixel", "lr=1", "seed=1", test_accuracy=1.0)
    _, pixel = make_rows([*two_gates(), again])
    assert len(pixel.finished) == 3
    assert pixel.mean("test_accuracy") == pytest.approx(0.98)


def test_the_files_hold_what_the_table_rounds():
    records = two_gates()
    rows = make_rows(records)
    none, pixel = rows_for_csv(rows)
    assert none["test_accuracy_mean"] == pytest.approx(0.9)
    assert (pixel["runs"], pixel["expected_runs"]) == (2, 3)
    runs = runs_for_csv(rows, records)
    assert [run["test_accuracy"] for run in runs if "test_accuracy" in run] == [
        0.8, 0.96, 0.9, 1.0, 0.98
    ]  # fmt: skip
    assert runs[3]["state"] == "failed"
    assert runs[3]["variant"] == "pixel"


def test_what_stands_below_the_table_says_what_it_means():
    groups = {"disc, a": {"images": 7}, "disc, b": {"images": 5}}
    records = [
        finished("0", "gate=none", test_accuracy=1.0, test_images=12, test_groups=groups),
        finished("1", "gate=pixel", test_accuracy=1.0, test_images=14, test_groups=groups),
    ]
    text = describe_study("gates", make_rows(records), "python scripts/train.py", "2026-11-25")
    assert text.startswith("# gates\n\n| variant")
    assert "Tested on 12 to 14 images in 2 groups, the smallest of 5." in text
    assert "- **accuracy**: right answers to test images as they are\n" in text
    assert "worst group" not in text
    assert "Written 2026-11-25 by\n\n    python scripts/train.py\n" in text


@pytest.mark.parametrize("harder", ["test_next_background_accuracy", "test_worst_group_accuracy"])
def test_the_picture_shows_every_variant(harder):
    records = two_gates()
    for record in records[:-1]:
        record.metrics.update({harder: 0.5} if record.state == "finished" else {})
    small, large = (
        np.asarray(Image.open(io.BytesIO(draw_study(make_rows(some)))).convert("RGB")).astype(int)
        for some in (records, [*records, failed("12", "study=token")])
    )
    assert large.shape[0] > small.shape[0]
    blue, vermillion = (0, 114, 178), (213, 94, 0)
    for colour in (blue, vermillion):
        assert (abs(small - colour).max(axis=2) < 10).sum() > 100


def test_without_an_accuracy_there_is_no_picture():
    assert draw_study(make_rows([failed("0", "gate=none")])) is None
