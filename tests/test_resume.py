"""resume=: what may change, which run auto finds, and that no two work in one folder."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from front.composition import compose_job
from front.conf_tree import ConfTree
from in_process import train_in_process
from omegaconf import OmegaConf
from workflow.call import Call
from workflow.resuming.config_hash import hash_config
from workflow.resuming.lock import check_free, lock_run, release
from workflow.resuming.resume import resume_config
from workflow.resuming.run_config import load_config, write_config
from workflow.typed import read_typed

ROOT = Path(__file__).parents[1]


def compose(words):
    """The configuration of a command line, as it is hashed."""
    cfg = compose_job("train", list(words), ConfTree()).cfg
    return OmegaConf.to_container(cfg, resolve=True)


def ask(*words):
    """What a command line resumes: configuration and checkpoint."""
    cfg = compose_job("train", list(words), ConfTree()).cfg
    own, _, checkpoint = resume_config(cfg, Call(list(words), None, None))
    return own, checkpoint


@pytest.fixture
def stopped(trained, tmp_path):
    """A run of two epochs of which one is done."""
    run = Path(shutil.copytree(trained, tmp_path / "stopped"))
    (run / "status.json").write_text(json.dumps({"state": "stopped", "epoch": 1}))
    return run


@pytest.mark.parametrize(
    "word",
    ["data.num_workers=3", "trainer.accelerator=gpu", "data.cache=off", "trainer.devices=2"],
)
def test_where_it_is_computed_may_change(stopped, word):
    key, _, value = word.partition("=")
    own, _ = ask(f"resume={stopped}", word)
    assert str(OmegaConf.select(own, key)) in (value, "False")


def test_a_misspelled_key_in_resume_allow_is_named(stopped):
    with pytest.raises(ValueError, match="2 problems") as caught:
        ask(f"resume={stopped}", "resume_allow=[optimzer,optimizer.rl,trainer.max_epochs]")
    assert "resume_allow=optimzer names no option. Did you mean 'optimizer'?" in str(caught.value)
    assert "resume_allow=optimizer.rl names no option" in str(caught.value)


@pytest.mark.parametrize("value", ["5", "null"])
def test_resume_allow_that_is_no_list_of_keys_is_refused(stopped, value):
    with pytest.raises(ValueError, match="expected a key or a list of keys"):
        ask(f"resume={stopped}", f"resume_allow={value}")


def test_keys_that_differ_are_refused_all_together_unless_they_are_allowed(stopped):
    words = ["optimizer.lr=0.5", "optimizer=sgd", "+trainer.val_check_interval=0.5"]
    words += ["~callbacks.early_stopping", "data.slice_by=[pair]"]
    with pytest.raises(ValueError, match="5 problems") as caught:
        ask(f"resume={stopped}", *words)
    for key in ("optimizer.lr", "optimizer", "trainer.val_check_interval", "data.slice_by"):
        assert f"resume_allow={key}" in str(caught.value)
    allowed = "resume_allow=[optimizer,trainer,callbacks,data.slice_by]"
    own, _ = ask(f"resume={stopped}", allowed, *words)
    assert own.optimizer.name == "sgd" and own.optimizer.lr == 0.5
    assert own.trainer.val_check_interval == 0.5
    assert "early_stopping" not in own.callbacks
    assert own.data.slice_by == ["pair"]


@pytest.mark.parametrize("word", ["auto", "latest"])
def test_a_sweep_resumes_no_single_run(stopped, tmp_path, word):
    cfg = compose_job("train", [f"resume={word}"], ConfTree()).cfg
    with pytest.raises(ValueError, match=f"resume={word} is for a single run"):
        resume_config(cfg, Call([], None, tmp_path))


def test_a_report_shows_what_this_call_says_and_else_what_the_run_said(stopped):
    own, _ = ask(f"resume={stopped}")
    assert own.report.write  # as it was started
    own, _ = ask(f"resume={stopped}", "report.images=false")
    assert (own.report.write, own.report.images) == (True, False)
    own, _ = ask(f"resume={stopped}", "report=none", "report.hash_groups=true")
    assert (own.report.write, own.report.hash_groups) == (False, True)


def test_a_run_from_before_there_were_scores_and_reports_goes_on(shapes, stopped):
    file = stopped / "config.yaml"
    config = OmegaConf.to_container(OmegaConf.load(file))
    for name in ("scores", "report", "logger", "require"):
        config.pop(name)
    for name in ("corrections", "class_map"):
        config["data"].pop(name)
    file.write_text(OmegaConf.to_yaml(config))  # without its seal
    written = ("checkpoints/calibration.json", "val_predictions.csv", "facts.json", "report.html")
    for path in written:
        (stopped / path).unlink(missing_ok=True)
    train_in_process(shapes, stopped, f"resume={stopped}", "trainer.max_epochs=3")
    assert json.loads((stopped / "status.json").read_text())["state"] == "finished"
    assert [path for path in written if not (stopped / path).is_file()] == []


def test_answers_of_an_earlier_state_do_not_stay_beside_a_later_one(shapes, stopped):
    assert (stopped / "predictions.csv").is_file()
    train_in_process(shapes, stopped, f"resume={stopped}", "trainer.max_epochs=3", "test=false")
    assert not (stopped / "predictions.csv").exists() and not (stopped / "examples").exists()
    page = (stopped / "report.html").read_text()
    assert "Nothing can be said of a model that was not tested" in page


def test_a_configuration_edited_by_hand_is_refused_and_a_comment_is_not(stopped):
    file = stopped / "config.yaml"
    written = file.read_text()
    file.write_text(f"# my first run\n{written}")
    ask(f"resume={stopped}")
    file.write_text(written.replace("seed: 0", "seed: 7"))
    with pytest.raises(ValueError, match=r"which was edited .*:\n  seed is 7 there and was 0"):
        ask(f"resume={stopped}")
    shutil.rmtree(stopped / "checkpoints")
    with pytest.raises(ValueError, match=r"which was edited .*:\n  which values is not known"):
        ask(f"resume={stopped}")


def test_a_run_cannot_be_made_shorter_than_it_is(stopped):
    (stopped / "status.json").write_text(json.dumps({"state": "stopped", "epoch": 2}))
    with pytest.raises(ValueError, match="has trained 2 epochs already: expected 2 or more"):
        ask(f"resume={stopped}", "trainer.max_epochs=1")


def test_a_cut_checkpoint_is_no_place_to_go_on_from(stopped):
    last = stopped / "checkpoints" / "last.ckpt"
    last.write_bytes(last.read_bytes()[:9000])
    with pytest.raises(ValueError, match="it was cut or damaged"):
        ask(f"resume={stopped}")


def test_a_run_without_a_checkpoint_starts_anew_in_its_folder(stopped):
    shutil.rmtree(stopped / "checkpoints")
    _, checkpoint = ask(f"resume={stopped}")
    assert checkpoint == stopped.resolve() / "checkpoints" / "last.ckpt"
    assert not checkpoint.exists()


def test_the_hash_leaves_out_where_it_is_computed_and_nothing_that_is_learned():
    def hashed(*words):
        cfg = compose_job("train", ["data=manifest", *words], ConfTree()).cfg
        return hash_config(OmegaConf.to_container(cfg, resolve=True))

    base = hashed("data.manifest=a.csv")
    same = ["data.manifest=b.csv", "data.num_workers=7", "trainer.devices=4", "resume=auto"]
    assert hashed(*same) == base
    for word in ("seed=1", "optimizer.lr=0.1", "gate=none", "trainer.max_epochs=9"):
        assert hashed("data.manifest=a.csv", word) != base


def typed(manifest, *words):
    quick = ["data=manifest", f"data.manifest={manifest}", "data.image_size=32", "seed=5"]
    quick += ["model.backbone=test_resnet", "trainer.max_epochs=2", "resume=auto"]
    return [*quick, "data.batch_size=4", "data.num_workers=0", "trainer.accelerator=cpu", *words]


@pytest.fixture
def run_of_auto(shapes, outputs):
    """A run that was started by resume=auto and has finished."""
    out = outputs / "runs" / "auto" / "first"
    if not out.exists():
        train_in_process(shapes, out, "seed=5")
    return out


def set_state(run, state):
    (run / "status.json").write_text(json.dumps({"state": state, "epoch": 1}))


def test_auto_goes_on_with_the_unfinished_run_of_this_configuration(run_of_auto, shapes, tmp_path):
    set_state(run_of_auto, "finished")
    assert ask(*typed(shapes))[1] is None
    set_state(run_of_auto, "running")
    own, checkpoint = ask(*typed(shapes, "data.num_workers=2"))
    assert checkpoint == run_of_auto / "checkpoints" / "last.ckpt"
    assert own.data.num_workers == 2
    assert ask(*typed(shapes, "optimizer.lr=0.7"))[1] is None
    other = shutil.copy(shapes, tmp_path / "manifest.csv")
    assert ask(*typed(other))[1] is None  # other data, and that of the run is still there


def write_as_older(run, *absent):
    """The configuration of a run as it would be had some options not been there yet."""
    config = OmegaConf.to_container(OmegaConf.load(run / "config.yaml"))
    composed = compose(read_typed(run))
    for key in absent:
        *parents, last = key.split(".")
        for node in (config, composed):
            for name in parents:
                node = node[name]
            del node[last]
    write_config(run, config | {"config_hash": hash_config(composed)})


def test_auto_finds_a_run_of_before_options_that_hold_their_default(run_of_auto, shapes, tmp_path):
    run = Path(shutil.copytree(run_of_auto, tmp_path / "run"))
    set_state(run, "running")
    new = ("costs", "average", "data.class_map", "model.drop_path", "loss.label_smoothing")
    write_as_older(run, *new)
    held = load_config(run / "config.yaml").config_hash
    assert held != hash_config(compose(read_typed(run)))
    own, checkpoint = ask(*typed(shapes, f"out={run}"))
    assert checkpoint == run.resolve() / "checkpoints" / "last.ckpt"
    assert own.config_hash == held
    # what has another value now is another run, whether or not it was there then
    for other in ("model.drop_path=0.1", "loss.label_smoothing=0.2", "optimizer.lr=0.7"):
        assert ask(*typed(shapes, f"out={run}", other))[1] is None


@pytest.mark.parametrize("damage", ["binary", "without data", "words for data"])
def test_auto_passes_over_a_run_whose_configuration_is_damaged(
    run_of_auto, shapes, tmp_path, damage
):
    run = Path(shutil.copytree(run_of_auto, tmp_path / "run"))
    set_state(run, "running")
    text = (run / "config.yaml").read_bytes()
    seal = f"config_hash: {load_config(run / 'config.yaml').config_hash}\n".encode()
    damaged = {"binary": b"\xff" + text, "without data": seal, "words for data": seal + b"data: x"}
    (run / "config.yaml").write_bytes(damaged[damage])
    assert ask(*typed(shapes, f"out={run}"))[1] is None


def test_auto_starts_a_run_anew_that_never_saved(run_of_auto, shapes, tmp_path):
    run = Path(shutil.copytree(run_of_auto, tmp_path / "run"))
    set_state(run, "running")
    shutil.rmtree(run / "checkpoints")
    _, checkpoint = ask(*typed(shapes, f"out={run}"))
    assert checkpoint == run.resolve() / "checkpoints" / "last.ckpt"


HOLD = """
import sys, time
sys.path[:0] = [{root!r}, {root!r} + "/scripts"]
from pathlib import Path
from types import SimpleNamespace
from workflow.resuming.lock import lock_run
lock_run(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


def test_a_run_in_use_is_refused_until_its_process_is_dead(stopped):
    code = HOLD.format(root=str(ROOT))
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(stopped)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(ValueError, match=f"worked on by process {holder.pid} on"):
            ask(f"resume={stopped}")
        with pytest.raises(ValueError, match="worked on by"):
            lock_run(stopped)
    finally:
        os.kill(holder.pid, signal.SIGTERM if os.name == "nt" else signal.SIGKILL)
        holder.wait()
    assert (stopped / ".lock").is_file()  # what was left behind does not block
    ask(f"resume={stopped}")
    lock_run(stopped)
    check_free(stopped)
    release()
    assert not (stopped / ".lock").exists()


def test_a_lock_that_says_nonsense_does_not_block(stopped):
    (stopped / ".lock").write_text("1" * 10_000)
    ask(f"resume={stopped}")


@pytest.mark.parametrize(
    "words", [["ckpt_path=x"], ["+ckpt_path=x"], ["ckpt=x"], ["+trainer.ckpt_path=x"]]
)
def test_lightnings_one_word_is_answered_by_three(words):
    from front.composition import job_problems

    (problem,) = job_problems("train", words, ConfTree())
    for word in ("resume=", "init_from=", "evaluate.py ckpt="):
        assert word in problem


def test_resume_and_init_from_are_not_one(stopped):
    with pytest.raises(ValueError, match="init_from=latest starts a new run"):
        ask(f"resume={stopped}", "init_from=latest")


def test_the_command_that_is_proposed_next_is_a_new_run():
    from workflow.evaluating.testing import _say_next

    words = ["data=drivers", "resume=auto", "resume_allow=optimizer", "trainer.max_epochs=2"]
    said = _say_next(SimpleNamespace(gate="pixel", gated=True, call=Call(words, None, None)), {})
    assert said.endswith("data=drivers trainer.max_epochs=2 gate=none extras=default")
