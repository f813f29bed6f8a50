"""Train, test, and write down what came of it."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
from front.outcome import judge

from datamodules.tables.codes import Codes
from lightning_modules.callbacks.status import update_status
from lightning_modules.evaluation.examples.sections import remove_sections
from lightning_modules.non_finite.message import NonFinite
from lightning_modules.run_files import remove_leftovers, write_bytes, write_json, write_text
from lightning_modules.stop_signals import Stopped, StopSignals
from workflow.costs import measure_run
from workflow.devices.distribution import train
from workflow.devices.trainers import make_trainer
from workflow.evaluating.requirements import demand, read_required, read_results
from workflow.evaluating.testing import calibrate_best, say_beside, test_best
from workflow.failures import explain
from workflow.journal import Journal
from workflow.loggers import finish_loggers
from workflow.objects import Objects, build_objects
from workflow.places import find_last, make_run_folder, remember_latest
from workflow.plan import Plan, control_of
from workflow.reporting.report import report
from workflow.resuming.lock import lock_run, release
from workflow.resuming.run_config import write_config
from workflow.resuming.slurm import requeue
from workflow.split_file import warn_of_changed, write_quarantine
from workflow.sweep import write_study
from workflow.training import read_metrics
from workflow.typed import join_words, quote_word

log = logging.getLogger(__name__)


def run(plan: Plan, journal: Journal, resume_from: Path | None) -> None:
    """Run a plan: build, train, test, write.

    Args:
        plan: What to run.
        journal: What is said goes to its log.
        resume_from: ``last.ckpt`` of the run to go on with, which may not be there yet; None starts
            a new run.
    """
    begun = resume_from is not None and resume_from.is_file()
    objects = build_objects(plan, resume_from if begun else None)
    if plan.config["dry_run"]:
        log.info("dry_run: all is checked and built; nothing was trained or written.")
        return
    folder = _open_folder(plan, resume_from)
    journal.write_to(folder / "log.txt")
    log.info("Run folder: %s", folder)
    try:
        with StopSignals():
            _run_in(folder, plan, objects, journal, resumed=resume_from is not None)
    except (Stopped, KeyboardInterrupt, SystemExit) as error:
        # Lightning leaves by SystemExit where no handler turns Ctrl-C into Stopped
        stop = error if isinstance(error, Stopped) else Stopped("SIGINT")
        _end(folder, journal, "stopped", str(stop))
        requeue(stop.name)
        finish_loggers(objects.loggers, plan, folder, "stopped")
        raise KeyboardInterrupt(f"{stop}.") from error
    except Exception as error:
        failure = explain(error, plan, folder)
        goes_on = not isinstance(error, NonFinite)
        reason = judge(failure).message if failure is error else str(failure)
        _end(folder, journal, "failed", reason, goes_on)
        finish_loggers(objects.loggers, plan, folder, "failed")
        if failure is error:
            raise
        raise failure from error
    finally:
        release()
    demand(read_required(plan.config.get("require")), read_results(folder), folder, str(folder))


def _run_in(folder: Path, plan: Plan, objects: Objects, journal: Journal, resumed: bool) -> None:
    metrics = _train_and_test(plan, objects, folder)
    if plan.config["control"] and plan.gate != "none":
        _train_control(plan, metrics, folder)
    said = ("val_macro_f1", "test_macro_f1", "num_bad_images")
    scores = {name: metrics.get(name) for name in said}
    update_status(folder, {"state": "finished", "reason": None} | scores)
    report(plan, objects.model, folder, journal)
    finish_loggers(objects.loggers, plan, folder, "finished", metrics)
    log.info("Everything about this run is in %s", folder)
    if resumed and (folder.parent / "study.md").is_file():
        write_study(folder.parent)


def _end(folder: Path, journal: Journal, state: str, reason: str, goes_on: bool = True) -> None:
    """Write down how a run ended before its time, and say how it goes on."""
    journal.keep_traceback()
    try:
        update_status(folder, {"state": state, "reason": reason.partition("\n")[0]})
    except (OSError, ValueError) as error:  # a full disk, half a file: it ends by something else
        log.warning("status.json could not be written: %s", error)
    if goes_on:
        log.info("Go on with this run: python scripts/train.py %s", quote_word(f"resume={folder}"))


def _open_folder(plan: Plan, resume_from: Path | None) -> Path:
    if resume_from is not None:
        folder = resume_from.parents[1]
        lock_run(folder)
        remove_leftovers(folder)
        remember_latest(folder)
        rows = np.arange(len(plan.table))
        warn_of_changed(folder / "split.csv", plan.table, plan.content, rows)
    else:
        out = plan.config["out"]
        folder = make_run_folder(plan.name, plan.call.sweep_folder if out is None else out)
        lock_run(folder)
        command = join_words(["python", "scripts/train.py", *plan.call.overrides])
        write_text(folder / "command.txt", command + "\n")
        _write_split(plan, folder)
        write_quarantine(plan, folder)
    # last: from here on the folder is a run that can be gone on with
    write_config(folder, plan.config)
    return folder


def _train_control(plan: Plan, metrics: dict[str, Any], folder: Path) -> None:
    """Train and test the plain model by the same settings, and put its scores beside."""
    log.info("control=true: now the plain model, by the same settings.")
    control, own = control_of(plan), folder / "control"
    own.mkdir(exist_ok=True)
    write_config(own, control.config)
    objects = build_objects(control, find_last(own))
    plain = _train_and_test(control, objects, own)
    finish_loggers(objects.loggers, control, own, "finished", plain)
    say_beside(f"gate={plan.gate}", "gate=none", metrics, plain)
    metrics |= {f"control_{name}": value for name, value in plain.items()}
    write_json(folder / "metrics.json", metrics)


def _train_and_test(plan: Plan, objects: Objects, folder: Path) -> dict[str, Any]:
    """Train, test, write metrics.json and return the metrics."""
    train(plan, objects, folder)
    metrics: dict[str, Any] = read_metrics(folder)
    trainer = make_trainer(plan, objects.callbacks, folder)
    if plan.config["test"] and trainer.limit_test_batches:
        metrics |= test_best(plan, objects, trainer, folder)
    else:
        _forget_test(folder)
        if trainer.limit_test_batches:
            calibrate_best(plan, objects, trainer, folder)
    metrics["num_bad_images"] = plan.num_bad_images
    if plan.config.get("init_from") is not None:
        # of the test, by the weights that the run began with
        metrics["num_trained_images"] = plan.num_trained
    write_json(folder / "metrics.json", metrics)
    if plan.config["costs"]:
        metrics |= measure_run(plan, objects, trainer.strategy.root_device)
        write_json(folder / "metrics.json", metrics)
    return metrics


def _forget_test(folder: Path) -> None:
    """Remove what a run that was trained on said in a test before: its model is another now."""
    if (folder / "predictions.csv").is_file():
        log.info("test=false: the answers of an earlier state of the model are removed.")
        (folder / "predictions.csv").unlink()
        remove_sections(folder)


def _write_split(plan: Plan, folder: Path) -> None:
    table = plan.table
    coded = {"split": table.splits, "label": Codes(table.labels, pa.array(table.class_names))}
    if table.groups is not None:
        coded["group"] = table.groups
    columns = {"id": table.ids} | {name: codes.to_arrow() for name, codes in coded.items()}
    columns["content"] = pa.array(plan.content)
    text = pa.BufferOutputStream()
    pa.csv.write_csv(pa.table(columns), text)
    write_bytes(folder / "split.csv", text.getvalue())
