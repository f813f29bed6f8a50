"""require=: bounds on the results are read, judged and written for CI."""

import json
import math
from xml.etree import ElementTree

import pytest
from front.outcome import ExitStatus, RequirementNotMet, judge
from in_process import train_in_process
from test_evaluate_command import evaluate_in_process

from lightning_modules.evaluation.requirements.file import read_requirements
from lightning_modules.evaluation.requirements.junit import write_junit
from lightning_modules.evaluation.requirements.names import find_unknown
from lightning_modules.evaluation.requirements.verdicts import judge_requirements, tabulate

METRICS = {
    "test_accuracy": 0.9,
    "test_accuracy_low": 0.8,
    "test_macro_f1": 0.85,
    "test_flip_rate": 0.03,
    "test_auroc": math.nan,
    "test_ece": None,
    "test_groups": {
        "cat, site a": {"images": 10, "accuracy": 0.9},
        "cat, site b": {"images": 10, "accuracy": 0.7, "low": 0.4, "high": 0.9},
        "dog, site a": {"images": 10, "accuracy": 0.5},
    },
}


@pytest.fixture
def judged(tmp_path):
    """Judge a text of requirements; returns name to whether it is met and what was measured."""

    def judge_text(text, metrics=METRICS):
        (tmp_path / "gate.yaml").write_text(text)
        verdicts = judge_requirements(read_requirements(tmp_path / "gate.yaml"), metrics)
        return [(one.met, one.measured) for one in verdicts]

    return judge_text


def test_a_bound_is_kept_or_not(judged):
    assert judged("accuracy: {min: 0.9}\nmacro_f1: {min: 0.86}\nflip_rate: {max: 0.03}") == [
        (True, "0.9"),
        (False, "0.85"),
        (True, "0.03"),
    ]


def test_the_number_that_misses_a_bound_never_looks_like_it(judged):
    ((met, measured),) = judged("accuracy: {min: 0.9}", {"test_accuracy": 0.8999999})
    assert not met
    assert measured == "0.8999999"


def test_ends_of_intervals_are_bounded(judged):
    text = "accuracy: {low_min: 0.79, max: 0.95}\nmacro_f1: {low_min: 0.1}"
    assert judged(text) == [(True, "0.8"), (True, "0.9"), (False, "it has no 95 % interval")]


@pytest.mark.parametrize("name", ["auroc", "ece", "worst_group_accuracy", "worst_group"])
def test_what_is_no_number_is_never_met(judged, name):
    metrics = METRICS | {"test_worst_group": "cat, site b"}
    if name == "worst_group":
        metrics["test_loss"], name = "high", "loss"
    ((least, _),) = judged(f"{name}: {{min: 0}}", metrics)
    ((most, why),) = judged(f"{name}: {{max: 1}}", metrics)
    assert not least
    assert not most
    assert why.startswith(("not a number", "it was not measured", "no number but 'high'"))


def test_every_group_keeps_the_floor_unless_it_is_named(judged):
    text = 'groups:\n  "*": {min: 0.7}\n  "dog, site a": {min: 0.5}'
    assert judged(text) == [(True, "0.7 in cat, site b"), (True, "0.5 in dog, site a")]
    ((met, why),) = judged('groups: {"*": {min: 0.71}}')
    assert not met
    assert why == "2 of 3 groups miss it: 0.5 in dog, site a; 0.7 in cat, site b"


def test_a_floor_may_be_for_the_lower_end_which_not_every_group_has(judged):
    for limit, kept in ((0.4, True), (0.41, False)):
        ((met, _),) = judged(f"groups: {{'cat, site b': {{low_min: {limit}}}}}")
        assert met is kept
    ((met, why),) = judged("groups: {'*': {low_min: 0.3}}")
    assert not met
    assert "no 95 % interval in cat, site a" in why


def test_a_group_that_is_not_there_fails(judged):
    assert judged("groups: {bird: {min: 0.1}}")[0][1].startswith("no such group. Measured: cat")
    ((met, why),) = judged("groups: {'*': {min: 0.1}}", {"test_accuracy": 1.0})
    assert not met
    assert "data.slice_by" in why


def test_a_name_of_two_metrics_is_asked_for_in_full(judged):
    both = {"mask_only_accuracy": 0.9, "test_mask_only_accuracy": 0.3}
    assert judged("mask_only_accuracy: {max: 1}", both)[0][0] is False
    assert judged("test_mask_only_accuracy: {max: 1}", both)[0][0] is True


def test_all_mistakes_of_the_file_are_listed_by_line(tmp_path):
    text = """\
acuracy: {min: 0.9}
accuracy: {min: 90}
test_accuracy: {min: 0.9}
macro_f1: {min: 0.9, max: 0.8}
loss: {max: high}
flip_rate: 0.02
balanced_accuracy: {least: 0.9}
auroc: {min: "0.9"}
groups:
  min: 0.8
"""
    (tmp_path / "gate.yaml").write_text(text)
    with pytest.raises(ValueError, match=r"^9 problems in require=") as caught:
        read_requirements(tmp_path / "gate.yaml")
    said = str(caught.value)
    for part in (
        "line 1: acuracy is no metric of an evaluation. Did you mean 'accuracy'?",
        "line 2: accuracy lies between 0 and 1, and min is 90; 90 % is 0.9",
        "line 3: test_accuracy stands in line 2 already",
        "line 4: macro_f1: min 0.9 is above max 0.8",
        "line 5: loss: max is 'high', expected a number",
        "line 6: flip_rate expects bounds: {min: 0.9}",
        "line 7: balanced_accuracy: least is no bound",
        "line 8: auroc: min is '0.9', expected a number",
        "line 10: groups expects a group before the bound",
    ):
        assert part in said


def test_units_and_delays_can_be_required_beside_images(judged, tmp_path):
    text = "accuracy: {min: 0.1}\nunit_accuracy: {low_min: 0.8}\ndelay_seconds_median: {max: 2}\n"
    measured = {"test_accuracy": 0.9, "unit_accuracy": 0.95, "unit_accuracy_low": 0.7}
    measured["test_delay_seconds_median"] = 1
    assert [one[0] for one in judged(text, measured)] == [True, False, True]
    (tmp_path / "gate.yaml").write_text("unit_acuracy: {min: 0.5}\nunit_accuracy: {min: 50}\n")
    with pytest.raises(ValueError, match=r"^2 problems in require="):
        read_requirements(tmp_path / "gate.yaml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("# nothing\n", "is empty"),
        ("{}", "is empty"),
        ("- accuracy", "names no metrics"),
        ("a: [", "is no YAML"),
        ("loss: {max: .inf}", "expected a number"),
        ("loss: {max: .nan}", "expected a number"),
        ("loss: {max: true}", "expected a number"),
        ("loss: {}", "line 1: loss expects bounds"),
        ("groups: {}", "line 1: groups expects groups"),
    ],
)
def test_a_file_that_requires_nothing_is_refused(text, message, tmp_path):
    (tmp_path / "gate.yaml").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_requirements(tmp_path / "gate.yaml")


def test_numbers_may_be_written_as_people_write_them(judged):
    assert judged("loss: {max: 1e-3}", {"test_loss": 0.0009})[0][0]
    assert judged("accuracy: {min: .5}")[0][0]


def test_every_metric_of_a_run_can_be_required(trained):
    metrics = json.loads((trained / "metrics.json").read_text())
    numbers = [name for name, value in metrics.items() if isinstance(value, float | int)]
    tested = [name for name in numbers if name.startswith("test_")]
    assert len(tested) > 20
    assert [name for name in tested if find_unknown(name, ()) is not None] == []
    assert [name for name in numbers if find_unknown(name, metrics) is not None] == []


def test_the_xml_is_well_formed_whatever_the_names_are(tmp_path):
    odd = 'groups: {"a<b> & \\"c\\" \\u0001\\u2028 é": {min: 0.5}, "d": {min: 0.5}}'
    (tmp_path / "gate.yaml").write_text(odd, encoding="utf-8")
    required = read_requirements(tmp_path / "gate.yaml")
    verdicts = judge_requirements(required, {"test_groups": {"d": {"images": 2, "accuracy": 1.0}}})
    write_junit(tmp_path / "requirements.xml", verdicts, "run <1>", {"folder": "C:\\a&b"})
    root = ElementTree.parse(tmp_path / "requirements.xml").getroot()
    assert (root.tag, root.get("tests"), root.get("failures")) == ("testsuites", "2", "1")
    first, second = root.iter("testcase")
    assert first.get("name") == 'groups: a<b> & "c" ?\u2028 é at least 0.5'
    assert "no such group" in first.find("failure").get("message")
    assert second.find("failure") is None


def test_the_table_says_what_is_met(judged, tmp_path):
    (tmp_path / "gate.yaml").write_text("accuracy: {min: 0.5}\nflip_rate: {max: 0.02}")
    lines = tabulate(judge_requirements(read_requirements(tmp_path / "gate.yaml"), METRICS))
    assert [line.split() for line in lines] == [
        ["requirement", "bound", "met", "measured"],
        ["accuracy", "at", "least", "0.5", "yes", "0.9"],
        ["flip_rate", "at", "most", "0.02", "NO", "0.03"],
    ]


def test_an_evaluation_that_misses_a_requirement_exits_3_with_all_results(trained, tmp_path):
    (tmp_path / "gate.yaml").write_text(
        'loss: {max: -1}\nimages: {min: 1}\ngroups: {"*": {min: 0}}'
    )
    out = tmp_path / "out"
    words = [f"ckpt={trained}", "interventions=none", f"require={tmp_path / 'gate.yaml'}"]
    with pytest.raises(RequirementNotMet, match="1 of 3 requirements are not met") as caught:
        evaluate_in_process(out, *words)
    assert judge(caught.value).status == ExitStatus.NOT_MET
    assert (out / "metrics.json").is_file()
    cases = ElementTree.parse(out / "requirements.xml").getroot().iter("testcase")
    assert [case.find("failure") is not None for case in cases] == [True, False, False]
    assert "loss" in (out / "log.txt").read_text()


def test_a_run_that_misses_a_requirement_is_finished_all_the_same(shapes, outputs, tmp_path):
    (tmp_path / "gate.yaml").write_text("accuracy: {min: 0}\nloss: {max: -1}")
    words = [f"require={tmp_path / 'gate.yaml'}", "trainer.max_epochs=1", "interventions=none"]
    with pytest.raises(RequirementNotMet, match="loss: at most -1 required"):
        train_in_process(shapes, tmp_path / "run", *words)
    status = json.loads((tmp_path / "run" / "status.json").read_text())
    assert status["state"] == "finished"
    assert (tmp_path / "run" / "requirements.xml").is_file()
    with pytest.raises(ValueError, match="test=false leaves it out"):
        train_in_process(shapes, tmp_path / "other", *words, "test=false")


def test_labels_that_the_model_has_learned_are_listed_with_a_warning(trained, tmp_path):
    words = [f"ckpt={trained}", "interventions=none", "label_errors=true"]
    metrics = evaluate_in_process(tmp_path / "train", *words, "split=train")
    rows = (tmp_path / "train" / "label_errors.csv").read_text().splitlines()
    assert metrics["num_label_errors"] == len(rows) - 1
    evaluate_in_process(tmp_path / "test", *words)
    logs = [(tmp_path / name / "log.txt").read_text() for name in ("train", "test")]
    said = "WARNING: the model was trained on 12 of these 12 images"
    assert [said in log for log in logs] == [True, False]


def test_a_file_with_mistakes_stops_the_evaluation_before_it_begins(trained, tmp_path):
    (tmp_path / "gate.yaml").write_text("acuracy: {min: 0.9}")
    with pytest.raises(ValueError, match="Did you mean 'accuracy'"):
        evaluate_in_process(
            tmp_path / "out", f"ckpt={trained}", f"require={tmp_path / 'gate.yaml'}"
        )
    assert not (tmp_path / "out").exists()
