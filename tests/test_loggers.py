"""What a run logs elsewhere is what its own files say, and whatever goes wrong costs it nothing."""

import csv
import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from in_process import train_in_process
from same_run import find_differences
from small_data import make_shapes

from lightning_modules.loggers.run_logger import About, RunLogger, flatten
from lightning_modules.loggers.run_loggers import RunLoggers

ALL = ("tensorboard", "mlflow", "wandb")
LOGGED = f"logger=[{','.join(ALL)}]"
STEPS = 6  # two epochs of three
WORDS = ("gate=pixel", "interventions=none", "trainer.log_every_n_steps=1")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """An outputs/ of these tests alone: MLflow's store is one of all runs."""
    import workflow.places
    import workflow.plan

    folder = tmp_path_factory.mktemp("logged")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workflow.places, "OUTPUTS", folder)
        patch.setattr(workflow.plan, "OUTPUTS", folder)
        for name in ("MLFLOW_TRACKING_URI", "WANDB_MODE"):
            patch.delenv(name, raising=False)
        yield folder


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return make_shapes(tmp_path_factory.mktemp("shapes"))


@pytest.fixture(scope="module")
def logged(images, store):
    return train_in_process(images, store / "runs" / "shapes" / "one", *WORDS, LOGGED)


def read_csv(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def scalars_of(folder):
    """Tag -> [(step, value), ...] as TensorBoard shows them."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder / "tensorboard"), size_guidance={"scalars": 0})
    events.Reload()
    return {
        tag: [(one.step, one.value) for one in events.Scalars(tag)]
        for tag in events.Tags()["scalars"]
    }


def mlflow_run(folder, store):
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{store / 'mlflow.db'}")
    identity = json.loads((folder / "loggers.json").read_text())["mlflow"]
    return client, client.get_run(identity)


def history_in_mlflow(folder, store, name):
    client, run = mlflow_run(folder, store)
    return [(one.step, one.value) for one in client.get_metric_history(run.info.run_id, name)]


def read_leveldb_log(content):
    """Records of a file in LevelDB's log format, as W&B writes it behind seven bytes of its own.

    Blocks of 32 KiB; before each part of a record: checksum (4), length (2), and whether it is the
    whole (1), the first (2), a middle (3) or the last part (4).
    """
    place, record = 7, b""
    while place < len(content):
        left = 32768 - place % 32768
        if left < 7:
            place += left
            continue
        length, kind = int.from_bytes(content[place + 4 : place + 6], "little"), content[place + 6]
        record += content[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):
            yield record
            record = b""


def records_of(folder):
    """Session -> what its .wandb file holds."""
    from wandb.proto.wandb_internal_pb2 import Record

    files = sorted((folder / "wandb").glob("offline-run-*/*.wandb"))
    return {
        path: [Record.FromString(one) for one in read_leveldb_log(path.read_bytes())]
        for path in files
    }


def history_in_wandb(folder, name):
    points = []
    for records in records_of(folder).values():
        for record in records:
            if record.WhichOneof("record_type") != "history":
                continue
            row = {
                ".".join([item.key, *item.nested_key]).strip("."): json.loads(item.value_json)
                for item in record.history.item
            }
            if name in row:
                points.append((row["trainer/global_step"], row[name]))
    return points


def epochs_of(folder, name):
    return [(int(row["step"]), float(row[name])) for row in read_csv(folder / "history.csv")]


@pytest.mark.parametrize("name", ["train_loss", "val_macro_f1", "val_f1_disc"])
def test_every_logger_has_the_epochs_of_the_history(logged, store, name):
    told = [pytest.approx(pair, abs=1e-6) for pair in epochs_of(logged, name)]
    assert scalars_of(logged)[name] == told
    assert history_in_mlflow(logged, store, name) == told
    assert history_in_wandb(logged, name) == told


def test_every_logger_has_loss_and_learning_rate_of_every_step(logged, store):
    for name in ("train_loss_step", "lr"):
        in_files = scalars_of(logged)[name]
        assert [step for step, _ in in_files] == list(range(1, STEPS + 1))
        told = [pytest.approx(pair, rel=1e-5) for pair in in_files]
        assert history_in_mlflow(logged, store, name) == told
        assert history_in_wandb(logged, name) == told


def test_the_mean_of_the_steps_is_the_loss_of_the_epoch(logged):
    steps = [value for _, value in scalars_of(logged)["train_loss_step"]]
    # twelve images in batches of four
    means = [sum(steps[:3]) / 3, sum(steps[3:]) / 3]
    assert means == pytest.approx([value for _, value in epochs_of(logged, "train_loss")], abs=1e-5)


def test_the_learning_rate_is_the_one_that_a_step_was_taken_with(logged):
    import torch

    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], 0.001, momentum=0.9)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 0.001, STEPS, pct_start=0.3, cycle_momentum=False
    )
    rates = []
    for _ in range(STEPS):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    logged_rates = [value for _, value in scalars_of(logged)["lr"]]
    assert max(logged_rates) == pytest.approx(max(rates), rel=0.3)
    assert logged_rates[0] == pytest.approx(float(read_csv(logged / "history.csv")[0]["lr"]))


def test_every_logger_has_the_test_as_metrics_json_has_it(logged, store):
    metrics = json.loads((logged / "metrics.json").read_text())
    _, run = mlflow_run(logged, store)
    for name in ("test_accuracy", "test_macro_f1", "test_loss", "best_val_macro_f1"):
        told = [pytest.approx((STEPS, metrics[name]), rel=1e-5)]
        assert scalars_of(logged)[name] == told
        assert history_in_wandb(logged, name) == told
        assert run.data.metrics[name] == pytest.approx(metrics[name], rel=1e-5)


def test_every_logger_has_the_configuration(logged, store):
    config = yaml.safe_load((logged / "config.yaml").read_text())
    _, run = mlflow_run(logged, store)
    assert run.data.params["gate"] == "PixelGate"
    assert run.data.params["optimizer.lr"] == str(config["optimizer"]["lr"])
    assert run.data.params["data.manifest"] == config["data"]["manifest"]
    (records,) = records_of(logged).values()
    told = {
        item.key: json.loads(item.value_json)
        for record in records
        for part in (record.run.config.update, record.config.update)
        for item in part
    }
    assert told["gate"] == "PixelGate" and told["optimizer.lr"] == config["optimizer"]["lr"]


def test_tensorboard_has_a_row_of_hyperparameters_and_the_pictures(logged):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.hparams import plugin_data_pb2

    events = EventAccumulator(str(logged / "tensorboard"))
    events.Reload()
    assert set(events.Tags()["images"]) == {"preview", "confusion_matrix"}
    content = events.summary_metadata["_hparams_/session_start_info"].plugin_data.content
    start = plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info
    assert start.hparams["model.backbone"].string_value == "test_resnet"
    assert start.hparams["optimizer.lr"].number_value == 0.001


def test_mlflow_has_files_and_pictures_and_knows_that_the_run_is_finished(logged, store):
    client, run = mlflow_run(logged, store)
    files = {one.path for one in client.list_artifacts(run.info.run_id)}
    pictures = {one.path for one in client.list_artifacts(run.info.run_id, "pictures")}
    assert {"config.yaml", "metrics.json"} <= files
    assert pictures == {"pictures/preview.png", "pictures/confusion_matrix.png"}
    assert run.info.status == "FINISHED" and run.info.run_name == "one"
    assert run.data.tags["folder"] == str(logged)
    assert Path(store / "mlflow_files").is_dir()
    assert "MLFLOW_TRACKING_URI" not in os.environ  # a later run of the process chooses anew


def test_wandb_stays_offline_in_the_run_folder(logged):
    assert len(records_of(logged)) == 1
    media = list((logged / "wandb").glob("offline-run-*/files/media/images/*.png"))
    assert {path.name.rpartition("_")[0].rpartition("_")[0] for path in media} == {
        "preview",
        "confusion_matrix",
    }


def test_training_is_the_same_to_the_bit_with_and_without_loggers(logged, images, store):
    plain = train_in_process(images, store / "runs" / "shapes" / "plain", *WORDS)
    assert not (plain / "loggers.json").exists()
    different = [one for one in find_differences(logged, plain) if "Curves" not in one]
    assert different == []
    assert any("Curves" in one for one in find_differences(logged, plain))


@pytest.fixture(scope="module")
def gone_on(images, store):
    """A run that was killed after its second epoch was logged and before it was saved."""
    folder = store / "runs" / "shapes" / "killed"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("workflow.fit.finish_loggers", lambda *_: None)
        save = "lightning_modules.callbacks.LastCheckpoint._save"
        patch.setattr(save, die_after(1))
        with pytest.raises(KeyboardInterrupt):
            train_in_process(images, folder, *WORDS, LOGGED)
    before = json.loads((folder / "loggers.json").read_text())
    forget_wandb()
    train_in_process(images, folder, f"resume={folder}")
    return folder, before


def die_after(epochs):
    from lightning_modules.callbacks import LastCheckpoint

    save = LastCheckpoint._save

    def hook(self, trainer):
        if trainer.current_epoch >= epochs:
            raise KeyboardInterrupt
        save(self, trainer)

    return hook


def forget_wandb():
    """As the end of a process does."""
    import wandb

    wandb.teardown()


def test_a_killed_run_goes_on_in_the_same_run_of_every_logger(gone_on, store):
    folder, before = gone_on
    assert json.loads((folder / "loggers.json").read_text()) == before
    client, run = mlflow_run(folder, store)
    runs = client.search_runs([run.info.experiment_id])
    assert sum(one.data.tags["folder"] == str(folder) for one in runs) == 1
    assert run.info.status == "FINISHED"
    assert {path.stem for path in records_of(folder)} == {f"run-{before['wandb']}"}


def test_a_killed_run_has_every_step_once(gone_on, logged, store):
    folder, _ = gone_on
    for name in ("train_loss_step", "lr", "val_macro_f1", "test_accuracy"):
        assert scalars_of(folder)[name] == scalars_of(logged)[name]
        assert history_in_mlflow(folder, store, name) == history_in_mlflow(logged, store, name)
        # once more what was taken back, with the same values
        assert set(history_in_wandb(folder, name)) == set(history_in_wandb(logged, name))


def test_a_run_goes_on_with_other_loggers(images, store):
    out = train_in_process(images, store / "runs" / "shapes" / "late", *WORDS, "test=false")
    words = (f"resume={out}", "trainer.max_epochs=3", "logger=tensorboard")
    train_in_process(images, out, *words)
    assert [step for step, _ in scalars_of(out)["train_loss_step"]] == [7, 8, 9]
    train_in_process(images, out, f"resume={out}", "trainer.max_epochs=4", "logger=csv")
    assert [step for step, _ in scalars_of(out)["train_loss_step"]] == [7, 8, 9]
    assert len(read_csv(out / "history.csv")) == 4


def test_an_unreachable_server_costs_a_sentence_and_not_the_run(images, store, monkeypatch, logged):
    server = "logger.mlflow.tracking_uri=http://127.0.0.1:9"
    words = (*WORDS, "logger=mlflow", server)
    for name, value in QUICK.items():
        monkeypatch.setenv(name, value)
    out = train_in_process(images, store / "runs" / "shapes" / "alone", *words)
    assert json.loads((out / "status.json").read_text())["state"] == "finished"
    log = (out / "log.txt").read_text()
    assert "mlflow does not take what this run logs" in log and "Traceback" not in log
    assert "points of the curves are not in mlflow" in log
    assert read_csv(out / "history.csv") == read_csv(logged / "history.csv")


QUICK = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_HTTP_REQUEST_TIMEOUT": "2"}


def test_a_run_that_its_store_has_lost_is_logged_as_a_new_one(logged, store, tmp_path):
    from lightning_modules.loggers import MLflow

    logger = MLflow()
    found = logger.open(About("lost", None, store, {"a": 1}), tmp_path, "0" * 32, 5)
    logger.log_metrics({"a": 1.0}, 5)
    logger.close("stopped", {})
    assert found != "0" * 32
    (tmp_path / "loggers.json").write_text(json.dumps({"mlflow": found}))
    assert mlflow_run(tmp_path, store)[1].info.status == "KILLED"
    assert history_in_mlflow(tmp_path, store, "a") == [(5, 1.0)]


class Fake(RunLogger):
    """Writes down what it gets; fails as long as it is told to."""

    def __init__(self, pictures=True, failing=False):
        super().__init__(pictures)
        self.failing, self.said, self.opened = failing, [], []

    def open(self, about, folder, known, step):
        self._note()
        self.opened.append((known, step))
        return "id"

    def log_metrics(self, metrics, step):
        self._note(("metrics", step))

    def log_picture(self, name, file, step):
        self._note(("picture", name))

    def log_file(self, file, step):
        self._note(("file", file.name))

    def close(self, state, metrics):
        self._note(("close", state))

    def _note(self, what=None):
        if self.failing:
            raise OSError("no space left")
        if what is not None:
            self.said.append(what)


def make_loggers(tmp_path, **fakes):
    return RunLoggers(fakes, About("project", None, tmp_path, {}))


@pytest.fixture
def clock(monkeypatch):
    now = SimpleNamespace(seconds=1000.0)
    for module in ("run_loggers", "member"):
        told = SimpleNamespace(monotonic=lambda: now.seconds)
        monkeypatch.setattr(f"lightning_modules.loggers.{module}.time", told)
    return now


def test_what_a_logger_does_not_take_is_kept_for_later(tmp_path, clock):
    good, bad = Fake(), Fake(failing=True)
    loggers = make_loggers(tmp_path, good=good, bad=bad)
    loggers.open(tmp_path, 1)
    loggers.log_metrics({"a": 1.0}, 1, at_once=True)
    assert good.said == [("metrics", 1)] and bad.said == []
    bad.failing = False
    loggers.log_metrics({"a": 1.0}, 2, at_once=True)
    assert bad.said == []  # it is not asked again at once
    clock.seconds += 61
    loggers.log_metrics({"a": 1.0}, 3, at_once=True)
    assert bad.said == [("metrics", 1), ("metrics", 2), ("metrics", 3)]
    assert good.said == bad.said


def test_a_logger_that_hangs_costs_a_twentieth_of_the_time(tmp_path, clock):
    class Hanging(Fake):
        def open(self, about, folder, known, step):
            clock.seconds += 30
            raise TimeoutError

    hanging, start = Hanging(), clock.seconds
    loggers = make_loggers(tmp_path, hanging=hanging)
    loggers.open(tmp_path, 1)
    lost = clock.seconds - start
    for step in range(2000):
        before = clock.seconds
        loggers.log_metrics({"a": 1.0}, step)
        lost += clock.seconds - before
        clock.seconds += 1
    assert lost / (clock.seconds - start) < 0.07


def test_a_checkpoint_keeps_what_was_not_sent(tmp_path, clock):
    bad, later = Fake(failing=True), Fake()
    first = make_loggers(tmp_path, place=bad)
    first.open(tmp_path, 1)
    first.log_metrics({"a": 1.0}, 4, at_once=True)
    second = make_loggers(tmp_path, place=later)
    second.restore(json.loads(json.dumps(first.state())))
    second.open(tmp_path, 7)
    assert later.said == [("metrics", 4)] and later.opened == [(None, 4)]


def test_a_request_to_stop_is_not_taken_for_a_failure_of_the_logger(tmp_path):
    from lightning_modules.stop_signals import Stopped

    class Interrupted(Fake):
        def log_metrics(self, metrics, step):
            raise Stopped("SIGTERM")

    loggers = make_loggers(tmp_path, place=Interrupted())
    loggers.open(tmp_path, 1)
    with pytest.raises(Stopped):
        loggers.log_metrics({"a": 1.0}, 1, at_once=True)


@pytest.mark.parametrize("pictures", [True, False])
def test_images_of_the_data_stay_where_they_are_if_that_is_asked(tmp_path, pictures):
    fake = Fake(pictures)
    loggers = make_loggers(tmp_path, place=fake)
    loggers.open(tmp_path, 1)
    shown = {"preview": tmp_path / "preview.png", "confusion": tmp_path / "confusion.png"}
    files = [tmp_path / "report.html", tmp_path / "config.yaml"]
    loggers.finish("finished", 6, {"a": 1.0}, shown, files, [shown["preview"], files[0]])
    private = [("picture", "preview"), ("file", "report.html")]
    assert all((one in fake.said) == pictures for one in private)
    assert ("picture", "confusion") in fake.said and ("file", "config.yaml") in fake.said
    assert fake.said[-1] == ("close", "finished")


def test_pictures_of_examples_go_along(tmp_path):
    from workflow.loggers import _find_examples

    place = tmp_path / "examples"
    place.mkdir()
    (place / "a.jpg").write_bytes(b"x")
    pictures = [{"file": "a.jpg", "caption": ""}, {"file": "gone.jpg", "caption": ""}]
    sections = [{"kind": "mistake", "title": "", "examples": [{"id": "a", "pictures": pictures}]}]
    (place / "examples.json").write_text(json.dumps({"sections": sections}))
    assert _find_examples(tmp_path) == {"mistake/00_0": place / "a.jpg"}
    (place / "examples.json").write_text("[")
    assert _find_examples(tmp_path) == {}


@pytest.mark.parametrize(
    ("logger", "package", "extra"),
    [
        ("tensorboard", "tensorboard", "tensorboard"),
        ("mlflow", "mlflow", "mlflow"),
        ("mlflow", "sqlalchemy", "mlflow"),
        ("wandb", "wandb", "wandb"),
    ],
)
def test_a_missing_package_is_said_before_anything_with_the_line_that_installs_it(
    images, store, tmp_path, monkeypatch, logger, package, extra
):
    import workflow.logger_request as request

    find = request.find_spec
    monkeypatch.setattr(request, "find_spec", lambda name: find(name) if name != package else None)
    line = rf'logger={logger} needs the package {package}, .* pip install -e "\.\[{extra}\]"'
    with pytest.raises(ValueError, match=line):
        train_in_process(images, tmp_path / "run", f"logger={logger}")
    assert not (tmp_path / "run").exists()


def test_a_server_needs_no_database_of_its_own(monkeypatch):
    import workflow.logger_request as request

    monkeypatch.setattr(request, "_is_installed", lambda name: name == "mlflow")
    options = {"_target_": "lightning_modules.loggers.MLflow", "tracking_uri": "http://server:1"}
    assert list(request.find_logger_problems({"logger": {"mlflow": options}})) == []


@pytest.mark.parametrize("typed", ["logger=tensorboard,mlflow", "logger=[tensorboard,mlflow]"])
def test_several_loggers_are_chosen_with_and_without_brackets(monkeypatch, typed):
    from front.composition import compose_job, job_problems
    from front.conf_tree import ConfTree
    from front.run import _bracket_lists, parse_arguments

    monkeypatch.setattr(sys, "argv", ["train.py", typed])
    tree = ConfTree()
    arguments = parse_arguments([typed])
    _bracket_lists(arguments, tree.default_choices("train"))
    assert job_problems("train", arguments.overrides, tree) == []
    cfg = compose_job("train", arguments.overrides, tree).cfg
    assert list(cfg.logger) == ["tensorboard", "mlflow"]


def test_where_a_run_is_logged_makes_it_no_other_run():
    from front.composition import compose_job
    from front.conf_tree import ConfTree
    from omegaconf import OmegaConf
    from workflow.resuming.config_hash import hash_config

    configs = [
        OmegaConf.to_container(compose_job("train", words, ConfTree()).cfg, resolve=True)
        for words in ([], ["logger=tensorboard"])
    ]
    assert len({hash_config(config) for config in configs}) == 1


def test_jobs_of_a_sweep_are_runs_of_one_group(tmp_path):
    job = tmp_path / "sweeps" / "study" / "2026-01-01_00-00-00" / "3"
    about = About("study", "study/2026-01-01_00-00-00", tmp_path, {})
    assert about.title(job) == "2026-01-01_00-00-00/3"
    alone = About("study", None, tmp_path, {})
    assert alone.title(tmp_path / "runs" / "study" / "2026") == "2026"
    assert alone.title(tmp_path / "runs" / "study" / "2026" / "control") == "2026/control"


def test_a_configuration_is_flattened_to_plain_values():
    config = {"gate": {"_target_": "a.b.PixelGate", "fill": 0.0}, "seed": 1, "name": None, "x": [1]}
    flat = {"gate": "PixelGate", "gate.fill": 0.0, "seed": 1, "name": "None", "x": "[1]"}
    assert flatten(config) == flat


def test_a_confusion_matrix_is_drawn_darker_where_more_is_right():
    import io

    import numpy as np
    from PIL import Image

    from lightning_modules.evaluation.confusion_picture import draw_confusion

    def mean(counts):
        return np.asarray(Image.open(io.BytesIO(draw_confusion(counts, ["a", "b"])))).mean()

    assert mean([[0, 0], [0, 0]]) > mean([[5, 0], [0, 5]])
    with pytest.raises(ValueError, match="3 classes"):
        draw_confusion([[1, 2], [3, 4]], ["a", "b", "c"])


@pytest.mark.slow
def test_two_processes_log_once_and_the_loss_of_both(logged, images, store):
    # processes that are started know nothing of these tests' outputs/
    server = f"logger.mlflow.tracking_uri=sqlite:///{store / 'mlflow.db'}"
    words = (*WORDS, LOGGED, server, "trainer.devices=2")
    out = train_in_process(images, store / "runs" / "shapes" / "two", *words)
    one, two = scalars_of(logged), scalars_of(out)
    assert [s for s, _ in two["train_loss_step"]] == [s for s, _ in one["train_loss_step"]]
    mean = sum(value for _, value in two["train_loss_step"][:3]) / 3
    assert mean == pytest.approx(epochs_of(out, "train_loss")[0][1], abs=1e-5)
    client, run = mlflow_run(out, store)
    assert run.info.status == "FINISHED" and "test_accuracy" in run.data.metrics
    runs = client.search_runs([run.info.experiment_id])
    assert sum(other.data.tags["folder"] == str(out) for other in runs) == 1


@pytest.mark.slow
def test_a_control_is_a_run_of_its_own(images, store):
    out = train_in_process(
        images, store / "runs" / "shapes" / "both", *WORDS, LOGGED, "control=true"
    )
    identities = [json.loads((f / "loggers.json").read_text()) for f in (out, out / "control")]
    assert identities[0]["mlflow"] != identities[1]["mlflow"]
    assert identities[0]["wandb"] != identities[1]["wandb"]
    for folder, gate in ((out, "PixelGate"), (out / "control", "NoGate")):
        assert mlflow_run(folder, store)[1].data.params["gate"] == gate
        assert [s for s, _ in history_in_wandb(folder, "lr")] == list(range(1, STEPS + 1))
