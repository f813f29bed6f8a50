"""Train, test, and write down what came of it."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
from lightning.pytorch import Trainer
from omegaconf import OmegaConf

from datamodules.tables.codes import Codes
from lightning_modules.callbacks import BestCheckpoint, History
from lightning_modules.callbacks.status import write_status
from lightning_modules.non_finite.message import NonFinite
from lightning_modules.run_files import remove_leftovers, write_bytes, write_json, write_text
from workflow.costs import measure_run
from workflow.failures import raise_explained
from workflow.journal import Journal
from workflow.objects import Objects, build_objects, make_trainer
from workflow.places import make_run_folder, remember_latest
from workflow.plan import Plan, control_of
from workflow.split_file import warn_of_changed, write_quarantine
from workflow.sweep import write_study
from workflow.testing import say_beside, test_best
from workflow.typed import join_words, quote_word

log = logging.getLogger(__name__)


def run(plan: Plan, journal: Journal, resume_from: Path | None) -> None:
    """Run a plan: build, train, test, write.

    Args:
        plan: What to run.
        journal: What is said goes to its log.
        resume_from: ``last.ckpt`` of the run to go on with; None starts a new one.
    """
    objects = build_objects(plan, resuming=resume_from is not None)
    if plan.config["dry_run"]:
        log.info("dry_run: all is checked and built; nothing was trained or written.")
        return
    folder = _open_folder(plan, resume_from)
    journal.write_to(folder / "log.txt")
    log.info("Run folder: %s", folder)
    try:
        metrics = _train_and_test(plan, objects, folder, resume_from)
        if plan.config["control"] and plan.gate != "none":
            _train_control(plan, metrics, folder)
        if resume_from is not None and (folder.parent / "study.md").is_file():
            write_study(folder.parent)
    except BaseException as error:
        journal.keep_traceback()
        if (folder / "control").is_dir():
            log.info("The gated model is whole; the plain one is missing: gate=none extras=default")
        elif (folder / "checkpoints" / "last.ckpt").is_file() and not isinstance(error, NonFinite):
            log.info(
                "Go on with this run: python scripts/train.py %s", quote_word(f"resume={folder}")
            )
        raise_explained(error, plan, folder)


def _open_folder(plan: Plan, resume_from: Path | None) -> Path:
    if resume_from is not None:
        folder = resume_from.parents[1]
        remove_leftovers(folder)
        remember_latest(folder)
        rows = np.arange(len(plan.table))
        warn_of_changed(folder / "split.csv", plan.table, plan.content, rows)
        _write_config(plan, folder)
        return folder
    out = plan.config["out"]
    folder = make_run_folder(plan.name, plan.call.sweep_folder if out is None else out)
    _write_config(plan, folder)
    command = join_words(["python", "scripts/train.py", *plan.call.overrides])
    write_text(folder / "command.txt", command + "\n")
    _write_split(plan, folder)
    write_quarantine(plan, folder)
    return folder


def _train_control(plan: Plan, metrics: dict[str, Any], folder: Path) -> None:
    """Train and test the plain model by the same settings, and put its scores beside."""
    log.info("control=true: now the plain model, by the same settings.")
    control, own = control_of(plan), folder / "control"
    own.mkdir(exist_ok=True)
    _write_config(control, own)
    plain = _train_and_test(control, build_objects(control, resuming=False), own, None)
    say_beside(f"gate={plan.gate}", "gate=none", metrics, plain)
    metrics |= {f"control_{name}": value for name, value in plain.items()}
    write_json(folder / "metrics.json", metrics)


def _train_and_test(
    plan: Plan, objects: Objects, folder: Path, resume_from: Path | None
) -> dict[str, Any]:
    """Train, test, write metrics.json and return the metrics."""
    trainer = make_trainer(plan, objects.callbacks, folder)
    try:
        trainer.fit(objects.model, objects.data, ckpt_path=resume_from, weights_only=True)
        metrics = _training_metrics(trainer)
        if plan.config["test"] and trainer.limit_test_batches:
            metrics |= test_best(plan, objects, trainer, folder)
    except SystemExit:
        # Lightning leaves by exit status 1 when somebody presses Ctrl-C
        raise KeyboardInterrupt from None
    metrics["num_bad_images"] = plan.num_bad_images
    write_json(folder / "metrics.json", metrics)
    if plan.config["costs"]:
        metrics |= measure_run(plan, objects, trainer.strategy.root_device)
        write_json(folder / "metrics.json", metrics)
    said = ("val_macro_f1", "test_macro_f1", "num_bad_images")
    scores = {name: metrics.get(name) for name in said}
    write_status(trainer, "finished", trainer.current_epoch, scores)
    log.info("Everything about this run is in %s", folder)
    return metrics


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


def _write_config(plan: Plan, folder: Path) -> None:
    write_text(folder / "config.yaml", OmegaConf.to_yaml(OmegaConf.create(plan.config)))


def _training_metrics(trainer: Trainer) -> dict[str, float]:
    """Metrics of the last epoch of training, and the best score of the monitor."""
    metrics: dict[str, float] = {}
    for callback in trainer.callbacks:
        if isinstance(callback, History) and callback.rows:
            last = callback.rows[-1]
            metrics |= {k: v for k, v in last.items() if k.startswith(("train_", "val_"))}
        if isinstance(callback, BestCheckpoint) and callback.best_model_score is not None:
            metrics[f"best_{callback.monitor}"] = float(callback.best_model_score)
    return metrics
