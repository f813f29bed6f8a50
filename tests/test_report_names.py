"""With report.hash_groups no name of a group or an image is anywhere on the page."""

import json
import re
from html import unescape

import numpy as np
import pytest
from report_folder import make_folder, make_table

from lightning_modules.evaluation.label_errors import find_label_errors
from lightning_modules.evaluation.predictions_file import write_predictions
from lightning_modules.evaluation.report import ReportOptions, write_report
from lightning_modules.evaluation.report.hashed_names import HashedNames
from lightning_modules.evaluation.units import to_units

GROUPS = ("17", "3", "a", "Anna Müller", "p_001", "<b>", "test", "004711")
# what stands before and after a name where the page names groups, images and files
AROUND = (r"[>/\\'\"(=]\s*", r"(?=\s*[<)/\\'\",]|\.(?:png|jpg|csv)|$)")


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The page as it is and hashed, of a run whose every file names groups."""
    table = make_table(num=160, right=0.7)
    table.groups = np.array([GROUPS[n % len(GROUPS)] for n in range(len(table))])
    table.ids = [f"{group}/photo {n}.png" for n, group in enumerate(table.groups.tolist())]
    table.columns["subject"] = table.groups.copy()
    one = {"class": "cat", "column": "subject", "images": 20}
    slices = {
        f"cat, subject {g}": one | {"value": g, "accuracy": 0.1 if g == "17" else 0.9}
        for g in GROUPS
    }
    warnings = [f"manifest.csv row {n} ({name}) is odd." for n, name in enumerate(table.ids[:8])]
    warnings += [
        f"/data/{g}/left out.png: no file. {g!r} has 17 images, 3 of a cat." for g in GROUPS
    ]
    metrics = {
        "test_groups": slices,
        "test_worst_group": "cat, subject 17",
        "num_label_errors": len(find_label_errors(table)),
        "unit": "subject",
        "aggregate": "mean",
        "unit_accuracy": 0.5,
        "gate_promise": "none",  # whose remedy quotes the command
        "test_flip_rate": 0.5,
    }
    place, facts = tmp_path_factory.mktemp("names"), {"warnings": warnings}
    run = make_folder(place / "17" / "Anna Müller", table, metrics, facts)
    facts = json.loads((run / "facts.json").read_text())
    facts["data"]["name"] = "p_001.csv"
    (run / "facts.json").write_text(json.dumps(facts))
    command = "python scripts/train.py data.manifest=/data/17/a/p_001.csv 'name=Anna Müller' seed=7"
    (run / "command.txt").write_text(command + "\n", encoding="utf-8")
    table.labels = table.labels * 0  # of a unit there is one label
    write_predictions(to_units(table, "subject", "mean"), run / "unit_predictions.csv")
    return tuple(
        write_report(run, ReportOptions(hash_groups=hashed)).read_text(encoding="utf-8")
        for hashed in (False, True)
    )


def places_of(page, name):
    """Where a name stands as one: a cell, a path, quotes, a value, an attribute."""
    text = re.sub(r"<style>.*?</style>|base64,[^\"]*", "", page, flags=re.DOTALL)
    text = unescape(re.sub(r"<(?!b>)/?[a-z][^<>]*?(alt=\"[^\"]*\")?[^<>]*>", r">\1<", text))
    return re.findall(AROUND[0] + re.escape(name) + AROUND[1], text)


@pytest.mark.parametrize("name", GROUPS)
def test_no_group_stands_where_a_name_can(pages, name):
    plain, hashed = pages
    assert len(places_of(plain, name)) >= 3  # the look would find it
    assert places_of(hashed, name) == []


@pytest.mark.parametrize("name", ["Müller", "p_001", "004711", "photo ", "left out", "subject 17"])
def test_what_can_be_no_word_of_the_page_is_nowhere(pages, name):
    assert name in unescape(pages[0]) and name not in unescape(pages[1])


def test_the_worst_group_is_said_by_its_hash(pages):
    said = r"parts with 10 images or more is cat, subject {}: it is right"
    assert re.search(said.format("17"), unescape(pages[0]))
    assert re.search(said.format("group [0-9a-f]{10}"), pages[1])


def test_sentences_and_the_command_can_still_be_read(pages):
    said = unescape(pages[1])
    assert "has 17 images, 3 of a cat" in said and "seed=7" in said
    assert said.count("python scripts/train.py") == 3 and "How good the answers to" in said


def test_a_name_is_hashed_the_same_wherever_it_stands(tmp_path):
    names = HashedNames(tmp_path, ["17", "a", "anna"], ["17/x y.png"], classes=["anna"])
    once = names.group("17")
    assert names.part("", {"class": "anna", "column": "age", "value": "17"}) == f"anna, age {once}"
    assert names.scrub("/data/17/rows.csv") == f"/data/{once}/rows.csv"
    assert names.path("17") == once and names.scrub("'17'") == f"'{once}'"
    assert names.scrub("17 of a class anna") == "17 of a class anna"
    image = names.image("17/x y.png")
    assert names.scrub("m.csv row 3 (17/x y.png), gone.") == f"m.csv row 3 ({image}), gone."
    assert names.scrub("17/x y.png and 17/z.jpg.") == f"{image} and {names.image('17/z.jpg')}."
