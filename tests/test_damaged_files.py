"""Files of a run that were damaged, or saved by another program: named, or read all the same."""

import pytest
from compared import make_pair, make_table, write_run
from report_folder import make_folder
from report_folder import make_table as make_reported
from workflow.comparing.sources import find_sources, read_variants
from workflow.resuming.run_config import read_config, write_config

from lightning_modules.callbacks.status import update_status
from lightning_modules.evaluation.predictions_file import read_predictions
from lightning_modules.evaluation.report import ReportOptions, write_report
from lightning_modules.evaluation.requirements.file import read_requirements
from lightning_modules.run_reading import read_json

DAMAGES = {
    "bytes": lambda _: bytes(range(256)),
    "another encoding": lambda content: content.decode().encode("utf-16"),
    "a list": lambda _: b"- [1, 2]",
    "null": lambda _: b"null",
    "nothing": lambda _: b"",
    "half a quote": lambda _: b"python train.py 'a",
}
# what makes no difference: no table of names is needed, a list is a command as well
HARMLESS = {("command.txt", "a list"), ("command.txt", "null"), ("command.txt", "nothing")}


@pytest.fixture
def runs(tmp_path):
    first, second = make_pair()
    return write_run(tmp_path / "first", first), write_run(tmp_path / "second", second)


def compare(runs):
    sources = find_sources([str(run) for run in runs], "test")
    return read_variants(sources, "test")


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", ["predictions.csv", "config.yaml", "metrics.json", "command.txt"])
def test_a_comparison_names_the_file_that_is_damaged(runs, name, damage):
    file = runs[1] / name
    file.write_bytes(DAMAGES[damage](file.read_bytes()))
    if (name, damage) in HARMLESS:
        assert len(compare(runs)) == 2
        return
    with pytest.raises(ValueError, match="second") as caught:
        compare(runs)
    assert str(file) in str(caught.value)


def test_a_folder_by_two_names_is_not_compared_with_itself(runs):
    other = runs[0].parent / "second" / ".." / "first"
    with pytest.raises(ValueError, match="are the same folder: name it once"):
        compare((runs[0], other))


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_status_costs_no_comparison_and_is_written_anew(runs, damage):
    file = runs[1] / "status.json"
    file.write_bytes(DAMAGES[damage](file.read_bytes()))
    assert len(compare(runs)) == 2
    update_status(runs[1], {"state": "failed"})
    assert read_json(file) == {"state": "failed"}


@pytest.mark.parametrize(
    "change",
    [
        lambda content: b"\xef\xbb\xbf" + content,
        lambda content: content.replace(b"\n", b"\r\n"),
    ],
)
def test_what_editors_do_to_a_file_is_read_all_the_same(tmp_path, change):
    first, _ = make_pair()
    numbered = make_table(first.labels, first.logits, first.groups)
    numbered.ids[:] = [f"{row:04d}" for row in range(len(numbered))]
    run = write_run(tmp_path / "first", numbered, words="seed=1", test_accuracy=0.5)
    for file in run.iterdir():
        file.write_bytes(change(file.read_bytes()))
    found = read_predictions(run / "predictions.csv")
    assert found.ids == numbered.ids
    assert (found.logits == numbered.logits).all()
    assert read_json(run / "metrics.json") == {"test_accuracy": 0.5}


@pytest.mark.parametrize("name", ["history.csv", "timing.csv", "facts.json", "config.yaml"])
@pytest.mark.parametrize("content", [b"a,b\n1,x\n", bytes(range(256)), b"[1, 2]\n3"])
def test_a_report_names_the_file_that_is_damaged(tmp_path, name, content):
    folder = make_folder(tmp_path / "run", make_reported())
    (folder / name).write_bytes(content)
    with pytest.raises(ValueError, match=name):
        write_report(folder, ReportOptions())


def test_requirements_in_another_encoding_are_named(tmp_path):
    file = tmp_path / "gate.yaml"
    file.write_text("accuracy: {min: 0.5}", encoding="utf-16")
    with pytest.raises(ValueError, match=r"gate.yaml is no text in UTF-8"):
        read_requirements(file)


def test_an_empty_picture_is_left_out_of_the_report(tmp_path):
    folder = make_folder(tmp_path / "run", make_reported())
    whole = write_report(folder, ReportOptions()).read_text()
    (folder / "preview.png").write_bytes(b"")
    for picture in (folder / "examples").glob("*.jpg"):
        picture.write_bytes(b"")
    page = write_report(folder, ReportOptions()).read_text()
    assert page.count('base64,"') == 0
    assert page.count("data:image/jpeg") < whole.count("data:image/jpeg")


def test_a_run_whose_configuration_is_cut_does_not_go_on(tmp_path):
    whole = {"data": {}, "model": {}, "gate": {}, "optimizer": {"lr": 0.1}, "trainer": {"a": 1}}
    write_config(tmp_path, whole)
    file, last = tmp_path / "config.yaml", tmp_path / "checkpoints" / "last.ckpt"
    assert read_config(last) == whole
    text = file.read_text()
    file.write_text(text[: text.index("trainer")])
    with pytest.raises(ValueError, match=r"config.yaml lacks trainer. It is cut"):
        read_config(last)
