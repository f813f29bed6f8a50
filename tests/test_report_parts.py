"""Units, alarms and doubtful labels have a section each, where they were measured."""

import json
import re
from html import unescape

import numpy as np
import pytest
from report_folder import make_folder, make_table

from lightning_modules.evaluation.alarms import AlarmOptions, measure_alarms
from lightning_modules.evaluation.examples.gathering import gather_examples
from lightning_modules.evaluation.label_errors import find_label_errors
from lightning_modules.evaluation.predictions_file import write_predictions
from lightning_modules.evaluation.report import ReportOptions, write_report
from lightning_modules.evaluation.scores import ScoreOptions, measure_scores
from lightning_modules.evaluation.scores.measuring import prefix_names
from lightning_modules.evaluation.sets import part_by, summarise_sets
from lightning_modules.evaluation.units import to_units


def read(folder, **options):
    return unescape(write_report(folder, ReportOptions(**options)).read_text(encoding="utf-8"))


def section(text, anchor):
    """A section's text without tags; "": it is not there."""
    found = re.search(f'<section id="{anchor}">(.*?)</section>', text, re.DOTALL)
    return "" if found is None else re.sub(r"\s+", " ", re.sub("<.*?>", " ", found[1])).strip()


@pytest.fixture(scope="module")
def units_page(tmp_path_factory):
    """Twelve patients of ten images, whose answers are averaged."""
    table = make_table(num=120, num_groups=12, right=0.7)
    table.columns["patient"] = table.groups.copy()
    table.labels = np.array([n % 12 % 3 for n in range(120)])
    units = to_units(table, "patient", "mean")
    scores = measure_scores(units, ScoreOptions(resamples=200))
    metrics = {"unit": "patient", "aggregate": "mean"} | prefix_names(scores, "unit")
    folder = make_folder(tmp_path_factory.mktemp("units") / "run", table, metrics)
    write_predictions(units, folder / "unit_predictions.csv")
    return units, scores, folder, read(folder)


def test_units_are_counted_and_scored_with_their_interval(units_page):
    units, scores, _, text = units_page
    said, right = section(text, "units"), int(units.correct.sum())
    assert "The images of one patient make one answer: the mean of the probabilities" in said
    assert f"12 units with 10 images each were tested so, and {right} of them got" in said
    told = f"By patient, many images making one answer: {100 * right / 12:.1f} %"
    assert told in section(text, "one-look")
    ends = f"{100 * scores['accuracy_low']:.1f} to {100 * scores['accuracy_high']:.1f}"
    assert f"{ends} %" in said  # blanks of all kinds are one
    assert "by image by patient 95 % interval" in said
    assert 0 < right < 12
    wrong = [units.ids[row] for row in np.flatnonzero(~units.correct)]
    listed = said.partition("Wrong ones")[2]
    assert sorted(re.findall(r"patient\d\d", listed)) == sorted(wrong)


def test_units_have_no_name_where_groups_have_none(units_page):
    said = section(read(units_page[2], hash_groups=True), "units")
    assert not re.search(r"patient\d\d", said) and re.search("group [0-9a-f]{10}", said)


def test_alarms_are_told_with_their_rate_and_delay(tmp_path):
    table = make_table(num=200, classes=("calm", "fit"), right=0.8)
    table.labels = (np.arange(200) // 25) % 2
    table.columns["sequence"] = np.array(["one"] * 200)
    table.columns["time"] = np.array([f"{n * 4.5}" for n in range(200)])
    found = measure_alarms(table, "fit", 0.5, AlarmOptions())
    folder = make_folder(tmp_path / "run", table, prefix_names(found, "test"))
    said = section(read(folder), "alarms")
    assert f"{found['false_alarms']} in 7.5 minutes without it" in said
    assert re.search(rf"false alarms per hour {found['false_alarms_per_hour']:.3g} ", said)
    assert f"Noticed: {4 - found['missed_events']} of 4 events" in said


@pytest.fixture
def doubted(tmp_path):
    """A run of whose labels some look wrong, and a picture of the second of these."""
    table = make_table(num=150, right=0.9)
    errors = find_label_errors(table)
    folder = make_folder(tmp_path / "run", table, {"num_label_errors": len(errors)})
    sheet = json.loads((folder / "examples" / "examples.json").read_text())
    for one in sheet["sections"]:
        for example in one["examples"]:
            example["id"] = table.ids[errors.rows[1]]
    (folder / "examples" / "examples.json").write_text(json.dumps(sheet))
    return table, errors, folder


def test_doubtful_labels_are_listed_and_what_to_do_with_them(doubted):
    table, errors, folder = doubted
    text = read(folder)
    said = section(text, "labels")
    assert f"{len(errors)} of {len(table)} labels look wrong" in said
    first = errors.rows[0]
    names = table.class_names
    row = f"1. {table.ids[first]} {names[table.labels[first]]} {names[errors.suggested[0]]}"
    assert row in said
    assert "python scripts/train.py data=manifest data.corrections=corrections.csv" in said
    pictures = r'alt="(\d+)\. \S+ ?\S*: labelled'
    assert re.findall(pictures, text) == ["2"]
    assert not re.findall(pictures, read(folder, images=False))


def test_doubts_of_a_model_that_reads_the_background_are_doubted(doubted):
    folder = doubted[2]
    warned = "This model reads the background"
    assert warned not in section(read(folder), "labels")
    file = folder / "metrics.json"
    flips = {"test_flip_rate": 0.4, "test_flip_rate_low": 0.3, "test_flip_rate_high": 0.5}
    file.write_text(json.dumps(json.loads(file.read_text()) | flips))
    assert warned in section(read(folder), "labels")


def test_pooled_answers_show_the_pictures_of_their_folds(doubted, tmp_path):
    table, errors, fold = doubted
    wanted = [table.ids[row] for row in errors.rows[:3].tolist()]
    gather_examples(tmp_path / "pooled", [tmp_path / "none", fold], wanted)
    sheet = json.loads((tmp_path / "pooled" / "examples" / "examples.json").read_text())
    (one,) = sheet["sections"][0]["examples"]
    file = one["pictures"][0]["file"]
    assert one["id"] == wanted[1]
    copied = (tmp_path / "pooled" / "examples" / file).read_bytes()
    assert copied == (fold / "examples" / "one.jpg").read_bytes()
    gather_examples(tmp_path / "pooled", [fold], [])
    assert not (tmp_path / "pooled" / "examples").exists()


def test_what_was_not_measured_has_no_section(tmp_path):
    text = read(make_folder(tmp_path / "run", make_table()))
    assert [section(text, name) for name in ("units", "alarms", "labels")] == ["", "", ""]


def test_sites_stand_beside_each_other_as_on_the_screen(tmp_path):
    table = make_table(num=120, right=0.8)
    parts = part_by(table, "site")
    scored = {
        name: prefix_names(measure_scores(one, ScoreOptions(resamples=200)), "test")
        | {"test_images": len(one)}
        for name, one in parts.items()
    }
    metrics = summarise_sets(scored, parts, 200)
    said = section(read(make_folder(tmp_path / "run", table, metrics)), "slices")
    for one in metrics["test_sets"].values():
        assert f"{one['images']} {one['groups']} {100 * one['accuracy']:.1f} %" in said
    assert f"The worst, {metrics['test_worst_set']}, is picked out of 2 rows" in said


def test_parts_that_are_too_small_to_judge_are_counted(tmp_path):
    groups = {"owl, site north": {"images": 4, "accuracy": 0.25}}
    groups["cat, site north"] = {"images": 40, "accuracy": 0.9}
    page = read(make_folder(tmp_path / "run", make_table(), {"test_groups": groups}))
    said = section(page, "one-look")
    assert "images or more is cat, site north: it is right in 90.0 % of 40 images" in said
    assert "1 smaller part could not be judged" in said
