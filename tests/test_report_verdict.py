"""The verdict: each rule answers for what it is about, and the worst decides."""

import json
import shutil

import numpy as np
import pytest
from report_folder import make_folder, make_table

from lightning_modules.evaluation.predictions_file import write_predictions
from lightning_modules.evaluation.report import write_report
from lightning_modules.evaluation.report.options import ReportOptions
from lightning_modules.evaluation.report.record import read_record
from lightning_modules.evaluation.report.verdict import (
    GOOD_NEXT,
    advise,
    judge,
    say_verdict,
    worst,
)
from lightning_modules.evaluation.statistics.wilson import wilson_interval

RIGHT, ENOUGH, LOOKS = (
    "Is it right?",
    "Was the test large enough?",
    "Does it look at the right thing?",
)
FAIR, SURE = "Is it fair to every part of the data?", "Does it know how sure it is?"
FREE, FRESH = "Is it free of warnings?", "Is the test still fresh?"


@pytest.fixture
def judged(tmp_path):
    """Levels by question, of a large test that is well unless it is told otherwise."""

    def judge_one(table=None, metrics=None, facts=None):
        table = make_table(num=1200, num_groups=40, right=0.95) if table is None else table
        folder = make_folder(tmp_path / "run", table, metrics, facts)
        checks = judge(read_record(folder, ReportOptions()))
        return {check.question: check.level for check in checks} | {"all": worst(checks)}

    return judge_one


def test_a_good_model_is_called_good(judged):
    assert set(judged().values()) == {"good"}


def test_guessing_is_called_a_problem(judged):
    levels = judged(make_table(num=1200, num_groups=40, right=1 / 3))
    assert levels[RIGHT] == "bad" and levels["all"] == "bad"


def test_a_score_between_guessing_and_reliable_is_to_be_taken_with_care(judged):
    assert judged(make_table(num=1200, num_groups=40, right=0.6))[RIGHT] == "careful"


@pytest.mark.parametrize(
    ("num", "groups", "level"), [(1200, 40, "good"), (1200, 6, "careful"), (30, 15, "bad")]
)
def test_a_test_is_large_enough_by_its_interval_and_its_groups(judged, num, groups, level):
    assert judged(make_table(num, num_groups=groups, right=0.85))[ENOUGH] == level


def test_one_group_tells_nothing_of_others(judged):
    levels = judged(make_table(num=300, num_groups=1, right=0.99))
    assert levels[ENOUGH] == "bad" and levels[RIGHT] == "bad"


def test_unknown_groups_are_a_reason_for_care(judged):
    table = make_table(num=1200, right=0.95)
    table.groups = None
    assert judged(table)[ENOUGH] == "careful"


@pytest.mark.parametrize(
    ("metrics", "level"),
    [
        ({"test_flip_rate": 0.04}, "good"),
        ({"test_flip_rate": 0.10}, "careful"),
        ({"test_flip_rate": 0.40}, "bad"),
        ({"test_background_gap": 0.30}, "bad"),
        ({"test_pair_flip_rate": 0.20, "test_pairs": 90}, "bad"),
        ({"test_flip_rate": None}, "careful"),
        ({"mask_only_warning": True}, "careful"),
    ],
)
def test_a_background_that_speaks_is_named(judged, metrics, level):
    assert judged(metrics=metrics)[LOOKS] == level


@pytest.mark.parametrize(
    ("flips", "num", "level"),
    [
        (0.0, 3, None),
        (0.0, 22, "good"),  # the interval ends below 15 of 100
        (0.5, 2, None),
        (0.5, 20, "bad"),
        (0.1, 20, "careful"),
    ],
)
def test_too_few_images_to_tell_is_an_answer_of_its_own(tmp_path, flips, num, level):
    low, high = wilson_interval(round(flips * num), num)
    metrics = {"test_flip_rate": flips, "test_flip_rate_images": num, "gate_promise": "none"}
    metrics |= {"test_flip_rate_low": low, "test_flip_rate_high": high}
    table = make_table(num=1200, num_groups=40, right=0.95)
    record = read_record(make_folder(tmp_path / "run", table, metrics), ReportOptions())
    found = next(check for check in judge(record) if check.question == LOOKS)
    assert f"{num} images, 95 % interval {100 * low:.1f} to " in found.reason
    if level is None:
        assert (found.level, found.said) == ("careful", "Not known")
        assert "too few to tell" in found.reason and "Test more images" in found.advice
    else:
        assert found.level == level and found.said != "Not known"


def test_what_a_gate_hides_from_all_images_needs_no_number_of_them(judged, tmp_path):
    few = {"test_flip_rate_images": 3, "test_flip_rate_low": 0.0, "test_flip_rate_high": 0.56}
    assert judged(metrics=few)[LOOKS] == "good"
    check = next(
        one
        for one in judge(read_record(tmp_path / "run", ReportOptions()))
        if one.question == LOOKS
    )
    assert "(3 images), and can change none" in check.reason and "interval" not in check.reason
    for more in ({"gate_dilate": 8}, {"gate_promise": "exact_given_mask"}):
        shutil.rmtree(tmp_path / "run")
        assert judged(metrics=few | more)[LOOKS] == "careful"


def test_pairs_of_one_subject_tell_nothing_of_others(judged):
    table = make_table(num=300, num_groups=1, right=0.95)
    metrics = {"test_flip_rate": None, "test_pair_flip_rate": 0.0, "test_pairs": 100}
    metrics |= {"gate_promise": "none"}
    assert judged(table, metrics)[LOOKS] == "careful"


@pytest.mark.parametrize(
    ("right", "num", "level"),
    [(0.9, 50, "good"), (0.75, 20, "careful"), (0.3, 100, "bad"), (0.3, 5, None)],
)
def test_the_worst_part_counts_where_it_is_large_enough(judged, right, num, level):
    metrics = {"test_groups": {"owl, site north": {"images": num, "accuracy": right}}}
    assert judged(metrics=metrics).get(FAIR) == level


def test_the_worst_part_is_a_problem_by_the_interval_of_its_groups(judged, tmp_path):
    def judge_part(**ends):
        part = {"images": 100, "groups": 4, "accuracy": 0.7} | ends
        return judged(metrics={"test_groups": {"owl, site north": part}})[FAIR]

    assert judge_part(low=0.2, high=0.95) == "careful"
    shutil.rmtree(tmp_path / "run")
    assert judge_part(low=0.68, high=0.72) == "bad"
    shutil.rmtree(tmp_path / "run")
    assert judge_part(groups=1) == "careful"  # all of one person, without an interval


def test_pairs_that_flip_are_said_where_drawn_backgrounds_change_nothing(tmp_path):
    metrics = {"test_flip_rate": 0.0, "test_pair_flip_rate": 0.3, "test_pairs": 50}
    folder = make_folder(tmp_path / "run", make_table(), metrics)
    checks = judge(read_record(folder, ReportOptions()))
    said = next(check.reason for check in checks if check.question == LOOKS)
    assert "30 of 100 real pairs" in said and "reads the background" in said


def test_guessing_is_among_the_classes_that_are_tested(tmp_path):
    table = make_table(num=300, num_groups=30)
    table = table.only(table.labels < 2)
    folder = make_folder(tmp_path / "run", table, {"test_balanced_accuracy": 0.45})
    checks = judge(read_record(folder, ReportOptions()))
    said = next(check.reason for check in checks if check.question == RIGHT)
    assert "(balanced accuracy); guessing would reach 50" in said


def test_probabilities_that_are_too_sure_are_never_a_problem(judged):
    table = make_table(num=1200, num_groups=40, right=0.7)
    table.logits *= 10
    assert judged(table)[SURE] == "careful"


def test_warnings_and_many_looks_are_reasons_for_care(judged):
    levels = judged(facts={"warnings": ["odd"], "test": {"fingerprint": "a", "looks": 9}})
    assert levels[FREE] == levels[FRESH] == levels["all"] == "careful"


def test_answers_that_are_no_numbers_are_the_first_thing_said(tmp_path):
    table = make_table()
    table.logits[:3] = np.nan
    folder = make_folder(tmp_path / "run", table)
    first, *others = judge(read_record(folder, ReportOptions()))
    assert first.level == "bad" and "3 answers" in first.reason
    assert SURE not in {check.question for check in others}


def test_a_test_without_a_single_answer_is_not_called_untested(tmp_path):
    table = make_table(num=60)
    table.mask_origin = ["abstain"] * 60
    folder = make_folder(tmp_path / "run", make_table(num=60))
    write_predictions(table, folder / "predictions.csv")
    page = write_report(folder, ReportOptions()).read_text()
    assert "None of 60 test images had a mask, so none got an answer." in page
    assert "that was not tested" not in page


def test_a_model_that_guesses_is_not_praised_for_what_it_looks_at(judged):
    assert judged(make_table(num=1200, num_groups=40, right=1 / 3))[LOOKS] == "note"


def test_one_that_reads_the_background_is_told_of_a_gate_first(tmp_path):
    table = make_table(num=1200, num_groups=40, right=0.4)
    folder = make_folder(tmp_path / "run", table, {"test_flip_rate": 0.5, "gate_promise": "none"})
    record = read_record(folder, ReportOptions())
    assert advise(judge(record))[0].endswith("python scripts/train.py data=manifest gate=auto")
    assert "Does it look at the right thing? No." in say_verdict(record)


def test_tiny_classes_and_broken_promises_of_validation_are_counted_and_said(tmp_path):
    table = make_table(num=1200, num_groups=40, right=0.6)
    metrics = {"best_val_macro_f1": 0.99}
    splits = {"test": {"images": [3, 600, 597]}}
    facts = {"data": {"class_names": list(table.class_names), "splits": splits}}
    record = read_record(make_folder(tmp_path / "run", table, metrics, facts), ReportOptions())
    found = {check.question: check for check in judge(record)}
    assert "Validation had promised more (macro F1 0.99" in found[RIGHT].reason
    assert found[FREE].level == "careful" and found[FREE].reason.startswith("1 warning")


def test_a_good_model_is_sent_to_where_it_will_be_used(tmp_path):
    table = make_table(num=1200, num_groups=40, right=0.95)
    record = read_record(make_folder(tmp_path / "run", table), ReportOptions())
    assert advise(judge(record)) == [GOOD_NEXT]
    assert say_verdict(record) == "Can I trust this model? Nothing speaks against it."


@pytest.mark.parametrize(("trained", "level"), [(0, "good"), (12, "careful"), (800, "bad")])
def test_images_that_it_was_trained_on_are_no_test(judged, trained, level):
    assert judged(metrics={"num_trained_images": trained})[FRESH] == level


def test_interventions_that_were_left_out_are_not_blamed_on_the_images(tmp_path):
    folder = make_folder(tmp_path / "run", make_table(num=1200, num_groups=40))
    config = folder / "config.yaml"
    config.write_text(config.read_text() + "interventions: {num_images: 0}\n")
    metrics = json.loads((folder / "metrics.json").read_text())
    del metrics["test_flip_rate"]
    (folder / "metrics.json").write_text(json.dumps(metrics))
    checks = judge(read_record(folder, ReportOptions()))
    (look,) = (check for check in checks if check.question == LOOKS)
    assert look.said == "Not known" and "interventions=none" in look.reason
    assert "region of interest" not in look.advice
