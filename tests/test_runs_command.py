"""outputs/ can be read: what lies there is listed, found and compared, whatever state it is in."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from front.composition import compose_job
from front.conf_tree import ConfTree
from omegaconf import OmegaConf
from workflow.places import find_run
from workflow.runs.about import read_about
from workflow.runs.best import best_runs, is_lower_better
from workflow.runs.filters import read_words
from workflow.runs.folders import list_records
from workflow.runs.listing import list_runs
from workflow.runs.records import read_run
from workflow.runs.show import show_run
from workflow.runs.text_table import Column, lay_out

ROOT = Path(__file__).parents[1]
TREE = ConfTree()


def config_of(*overrides):
    """The text of config.yaml as a run with these overrides has it, but for what data decides."""
    cfg = compose_job("train", ["data=drivers", *overrides], TREE).cfg
    return OmegaConf.to_yaml(cfg, resolve=True)


CONFIG = config_of("gate=pixel", "model.backbone=resnet18", "seed=3")


def make_run(folder, state="finished", metrics=None, config=CONFIG, **status):
    """A folder as a run leaves it behind."""
    folder.mkdir(parents=True)
    if config is not None:
        (folder / "config.yaml").write_text(config)
    (folder / "command.txt").write_text("python scripts/train.py gate=pixel\n")
    status = {"state": state, "reason": None, "epoch": 6, "max_epochs": 6} | status
    (folder / "status.json").write_text(json.dumps(status))
    if metrics is not None:
        (folder / "metrics.json").write_text(json.dumps(metrics))
    return folder


def scores(val, test):
    interval = {"test_macro_f1_low": test - 0.1, "test_macro_f1_high": test + 0.05}
    return {"best_val_macro_f1": val, "test_macro_f1": test, "test_loss": 1 - test} | interval


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An outputs/ with two good runs, a sweep of two jobs and an evaluation."""
    monkeypatch.setattr("workflow.places.OUTPUTS", tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    runs = tmp_path / "runs"
    old = make_run(runs / "drivers" / "2026-01-01_10-00-00", metrics=scores(0.9, 0.6))
    make_run(runs / "drivers" / "2026-01-02_10-00-00", metrics=scores(0.8, 0.7))
    sweep = tmp_path / "sweeps" / "study" / "2026-01-03_00-00-00"
    make_run(sweep / "0", metrics=scores(0.7, 0.8))
    make_run(sweep / "1", "failed", reason="CUDA out of memory")
    evaluation = old / "evaluations" / "2026-01-04_00-00-00"
    evaluation.mkdir(parents=True)
    (evaluation / "config.yaml").write_text("data:\n  _target_: datamodules.AsTrained\n")
    (evaluation / "metrics.json").write_text('{"test_macro_f1": 0.5, "num_bad_images": 0}')
    return tmp_path


def names(found):
    return [one["name"] for one in found]


def test_everything_is_listed_the_newest_run_first(place):
    text, found = list_runs([], False)
    runs = [one["name"] for one in found if one["kind"] == "run"]
    assert runs == ["drivers/2026-01-02_10-00-00", "drivers/2026-01-01_10-00-00"]
    assert text.index(runs[0]) < text.index(runs[1])
    assert "0.700 (0.600 to 0.750)" in text and "pixel" in text and "resnet18" in text
    assert "study/2026-01-03_00-00-00" in text and "1 finished, 1 failed" in text
    assert "drivers/2026-01-01_10-00-00/evaluations/2026-01-04_00-00-00" in text


@pytest.mark.parametrize("gate", [name for name in TREE.choices("gate") if name != "auto"])
def test_gate_backbone_and_seed_are_read_as_a_parser_would(tmp_path, gate):
    file = tmp_path / "config.yaml"
    file.write_text(config_of(f"gate={gate}", "model.backbone=vit_tiny_patch16_224", "seed=7"))
    about, parsed = read_about(file), yaml.safe_load(file.read_text())
    assert about["gate"] == gate
    assert about["backbone"] == parsed["model"]["backbone"]
    assert about["seed"] == str(parsed["seed"]) == "7"
    assert about["data"] == "drivers"
    assert about["epochs"] == str(parsed["trainer"]["max_epochs"])


@pytest.mark.parametrize("state", ["running", "trained"])
def test_a_run_that_says_it_runs_and_holds_no_lock_was_killed(place, state):
    folder = make_run(place / "runs" / "x" / "2026-02-01_00-00-00", state)
    (folder / ".lock").write_text("{}")
    assert read_run(folder).state == "killed"
    assert "resume=x/2026-02-01_00-00-00" in show_run("x")[0]


def test_a_run_whose_lock_is_held_by_another_process_is_running(place):
    folder = make_run(place / "runs" / "x" / "2026-02-01_00-00-00", "running")
    code = (
        "import sys; sys.path[:0] = ['scripts', '.']\n"
        "from pathlib import Path; from workflow.resuming.lock import lock_run\n"
        "lock_run(Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(folder)]
    holder = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "held\n"
    assert read_run(folder).state == "running"
    holder.kill()
    holder.wait()
    assert read_run(folder).state == "killed"


def damage(folder, what):
    if what == "cut status":
        (folder / "status.json").write_text('{"state": "fin')
    if what == "binary metrics":
        (folder / "metrics.json").write_bytes(b"\xff\xfe\x00")
    if what == "list for status":
        (folder / "status.json").write_text("[1]")
    if what == "garbage config":
        (folder / "config.yaml").write_bytes(b"\xff: [\n\t- {")
    if what == "nothing":
        for path in folder.iterdir():
            path.unlink()
    if what == "folder for status":
        (folder / "status.json").unlink()
        (folder / "status.json").mkdir()


@pytest.mark.parametrize(
    ("what", "state"),
    [
        ("cut status", "broken"),
        ("binary metrics", "broken"),
        ("list for status", "broken"),
        ("folder for status", "broken"),
        ("nothing", "broken"),
        ("garbage config", "finished"),
    ],
)
def test_a_broken_folder_is_listed_as_such(place, what, state):
    folder = make_run(place / "runs" / "hurt" / "2026-02-01_00-00-00", metrics=scores(0.5, 0.5))
    damage(folder, what)
    text, found = list_runs([], False)
    (hurt,) = [one for one in found if one["name"].startswith("hurt/")]
    assert hurt["state"] == state
    assert "hurt/2026-02-01_00-00-00" in text
    best_runs([], False)
    if what != "nothing":
        show_run("hurt/2026-02-01_00-00-00")


def test_a_file_among_the_runs_is_no_run(place):
    (place / "runs" / "notes.txt").write_text("x")
    (place / "runs" / "drivers" / "notes.txt").write_text("x")
    assert len(list_runs([], False)[1]) == 5


@pytest.mark.parametrize(
    ("words", "count"),
    [
        (["state=failed"], 1),
        (["gate=pixel"], 5),
        (["gate=none"], 0),
        (["name=drivers"], 3),
        (["name=study/*"], 2),
        (["kind=evaluation"], 1),
        (["name=drivers", "kind=run", "seed=3"], 2),
    ],
)
def test_filters_keep_what_they_say(place, words, count):
    text, found = list_runs(words, False)
    assert len(found) == count
    if not count:
        assert "There are:\n  gate: pixel" in text


def test_the_best_comes_first_by_the_direction_of_the_metric(place):
    _, by_test = best_runs(["metric=test_macro_f1"], False)
    _, by_val = best_runs([], False)
    _, by_loss = best_runs(["metric=test_loss"], False)
    job, new, old = "study/2026-01-03_00-00-00/0", *names(by_test)[1:]
    assert names(by_test) == [job, new, old] == names(by_loss)
    assert names(by_val) == [old, new, job]


def test_choosing_by_the_test_split_is_warned_of_and_by_validation_not(place):
    assert "choose on the test split" in best_runs(["metric=test_macro_f1"], False)[0]
    assert "choose on the test split" not in best_runs(["metric=best_val_macro_f1"], False)[0]


@pytest.mark.parametrize(
    ("metric", "lower"),
    [
        ("val_loss", True),
        ("test_flip_rate", True),
        ("test_background_gap", True),
        ("test_ece", True),
        ("test_macro_f1", False),
        ("test_precedence", False),
        ("test_auroc", False),
    ],
)
def test_less_is_better_of_losses_flips_gaps_and_errors(metric, lower):
    assert is_lower_better(metric) == lower


def test_a_metric_that_no_run_has_is_refused_with_the_nearest(place):
    with pytest.raises(ValueError, match=r"no run has it. Did you mean .*test_macro_f1"):
        best_runs(["metric=test_makro_f1"], False)


def test_wrong_filters_are_named_together():
    with pytest.raises(ValueError, match=r"(?s)gaet=1 .*'gate'.*latest is no filter"):
        read_words(["gaet=1", "latest"])


def test_a_filter_that_is_named_twice_is_refused():
    with pytest.raises(ValueError, match="seed=0 and seed=1: name it once"):
        read_words(["seed=0", "seed=1"])


def test_a_folder_elsewhere_is_no_sweep_and_no_run(place, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    with pytest.raises(ValueError, match="is neither 'latest'"):
        show_run(str(elsewhere))
    sweep = next(path for path in (place / "sweeps").glob("*/*") if path.is_dir())
    assert show_run(str(sweep))[1] == show_run(sweep.relative_to(place / "sweeps").as_posix())[1]


def test_one_run_is_told_whole(place):
    folder = place / "runs" / "drivers" / "2026-01-02_10-00-00"
    (folder / "split.csv").write_text(
        "id,split,label,group\na,train,x,1\nb,train,y,2\nc,val,x,3\nd,test,x,4\n"
    )
    (folder / "timing.csv").write_text("epoch,seconds\n0,100\n1,50.5\n")
    worst = {"test_worst_group": "night", "test_worst_group_accuracy": 0.25, "test_flip_rate": 0.1}
    (folder / "metrics.json").write_text(json.dumps(scores(0.8, 0.7) | worst))
    text, found = show_run("drivers")
    assert "train 2 of 2 groups, val 1 of 1 groups, test 1 of 1 groups" in text
    assert "trained for 3 min" in text and "6 of 6 epochs" in text
    assert "night: accuracy 0.250" in text and "10.0 % of answers change" in text
    assert "0.700 (0.600 to 0.750)" in text and "python scripts/train.py gate=pixel" in text
    assert found["split"]["train"] == {"images": 2, "groups": 2}


def test_why_a_run_failed_is_said(place):
    assert "CUDA out of memory" in show_run("study/2026-01-03_00-00-00/1")[0]


def test_a_sweep_an_evaluation_and_a_control_are_shown_too(place):
    assert names(show_run("study")[1]) == names(show_run("study/2026-01-03_00-00-00")[1])
    assert len(show_run("study")[1]) == 2
    evaluation = "drivers/2026-01-01_10-00-00/evaluations/2026-01-04_00-00-00"
    text, found = show_run(evaluation)
    assert found["kind"] == "evaluation" and found["test"] == 0.5 and "resume=" not in text
    run = place / "runs" / "drivers" / "2026-01-02_10-00-00"
    make_run(run / "control", "trained")
    assert show_run("drivers/2026-01-02_10-00-00/control")[1]["state"] == "finished"
    assert len(list_runs(["kind=run"], False)[1]) == 2


def test_a_run_is_found_as_it_is_listed(place):
    for record in list_records():
        if record.kind != "evaluation":
            assert find_run(record.name) == record.folder.resolve()


@pytest.mark.parametrize("width", [40, 80, 120])
def test_no_line_is_wider_than_the_terminal(place, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    lines = list_runs(["kind=run"], False)[0].splitlines()
    table = lines[1:]
    assert max(map(len, table)) <= width
    assert all("finished" in line for line in table[1:]) or width < 80


def test_what_matters_least_gives_way_first():
    columns = [
        Column("name", ["a" * 20], 8, 12, "start"),
        Column("gate", ["pixel"], 4),
        Column("reason", ["because " * 5], 1, 10),
    ]
    assert "because because" in lay_out(columns, None)
    assert lay_out(columns, 50).splitlines()[1].endswith("...")
    assert lay_out(columns, 30).splitlines() == ["name                  gate", f"{'a' * 20}  pixel"]
    assert lay_out(columns, 15).splitlines()[1] == "..." + "a" * 12


def type_command(*words, code=""):
    start = (
        "import sys; sys.path[:0] = ['scripts', '.']\n"
        "sys.modules['torch'] = sys.modules['hydra'] = sys.modules['yaml'] = None\n"
    )
    command = [sys.executable, "-c", f"{start}{code}\nimport runs; sys.exit(runs.main())", *words]
    env = os.environ | {"COLUMNS": "100"}
    return subprocess.run(command, cwd=ROOT, capture_output=True, encoding="cp1252", env=env)


def at(place):
    return (
        f"import workflow.places, pathlib; workflow.places.OUTPUTS = pathlib.Path({str(place)!r})"
    )


def test_the_command_needs_neither_torch_nor_hydra_nor_yaml(place):
    ended = type_command("--json", code=at(place))
    assert ended.returncode == 0, ended.stderr
    assert len(json.loads(ended.stdout)) == 5
    for words in (["show", "drivers"], ["best"], ["state=failed"]):
        ended = type_command(*words, code=at(place))
        assert (ended.returncode == 0 and "drivers" in ended.stdout) or words == ["state=failed"]


def test_a_mistake_ends_with_2_and_no_run_with_a_sentence(place, tmp_path):
    for words in (["show", "nobody"], ["show"], ["best", "metric=x"], ["stat=failed"]):
        ended = type_command(*words, code=at(place))
        assert ended.returncode == 2 and "Traceback" not in ended.stderr
    ended = type_command(code=at(tmp_path / "empty"))
    assert ended.returncode == 0 and "python scripts/train.py" in ended.stdout


def test_names_that_a_console_cannot_print_end_nothing(place):
    make_run(place / "runs" / "Łódź" / "2026-02-01_00-00-00", "failed", reason="日本")
    code = f"{at(place)}\nsys.stdout.reconfigure(encoding='cp1252')"
    for words in ([], ["--json"], ["show", "Łódź"]):
        assert type_command(*words, code=code).returncode == 0
