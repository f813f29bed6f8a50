"""Train, test, and write down what came of it."""

import logging
import shlex
from pathlib import Path
from typing import Any

from lightning.pytorch import Trainer
from omegaconf import OmegaConf

from datamodules.table import ImageTable
from lightning_modules.callbacks import BestCheckpoint, History, Predictions
from lightning_modules.callbacks.status import write_status
from lightning_modules.evaluation.slices import measure_groups
from lightning_modules.evaluation.summary import summarize
from lightning_modules.roi_classifier import ROIClassifier
from lightning_modules.run_files import write_csv, write_json, write_text
from workflow.journal import Journal
from workflow.objects import Objects, build_objects, make_trainer
from workflow.places import make_run_folder, remember_latest
from workflow.plan import Plan

log = logging.getLogger(__name__)
# words of a command that another run does not share
DIFFERENT = ("gate=", "gate.", "seed=", "out=", "name=")


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
        _train_and_test(plan, objects, folder, resume_from)
    except BaseException:
        journal.keep_traceback()
        if (folder / "checkpoints" / "last.ckpt").is_file():
            log.info(
                "Go on with this run: python scripts/train.py %s", shlex.quote(f"resume={folder}")
            )
        raise


def _open_folder(plan: Plan, resume_from: Path | None) -> Path:
    if resume_from is not None:
        folder = resume_from.parents[1]
        remember_latest(folder)
        _write_config(plan, folder)
        return folder
    out = plan.config["out"]
    folder = make_run_folder(plan.name, plan.call.sweep_folder if out is None else out)
    _write_config(plan, folder)
    command = shlex.join(["python", "scripts/train.py", *plan.call.overrides])
    write_text(folder / "command.txt", command + "\n")
    _write_split(plan.table, folder)
    return folder


def _train_and_test(plan: Plan, objects: Objects, folder: Path, resume_from: Path | None) -> None:
    trainer = make_trainer(plan, objects.callbacks, folder)
    try:
        trainer.fit(objects.model, objects.data, ckpt_path=resume_from, weights_only=True)
        metrics = _training_metrics(trainer)
        if plan.config["test"] and trainer.limit_test_batches:
            metrics |= _test(plan, objects, trainer, folder)
    except SystemExit:
        # Lightning leaves by exit status 1 when somebody presses Ctrl-C
        raise KeyboardInterrupt from None
    write_json(folder / "metrics.json", metrics)
    scores = {name: metrics.get(name) for name in ("val_macro_f1", "test_macro_f1")}
    write_status(trainer, "finished", trainer.current_epoch, scores)
    log.info("Everything about this run is in %s", folder)


def _write_split(table: ImageTable, folder: Path) -> None:
    columns = {
        "id": table.ids.to_pylist(),
        "split": table.splits.tolist(),
        "label": [table.class_names[label] for label in table.labels],
    }
    if table.groups is not None:
        columns["group"] = table.groups.tolist()
    rows = zip(*columns.values(), strict=True)
    write_csv(folder / "split.csv", [dict(zip(columns, row, strict=True)) for row in rows])


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


def _test(plan: Plan, objects: Objects, trainer: Trainer, folder: Path) -> dict[str, Any]:
    """Test the best checkpoint and keep its table of predictions."""
    best = folder / "checkpoints" / "best.ckpt"
    model = ROIClassifier.load_from_checkpoint(best) if best.is_file() else objects.model
    log.info("Testing %s.", "the best checkpoint" if best.is_file() else "the model as it is")
    trainer.test(model, objects.data, verbose=False)
    metrics: dict[str, Any] = {
        name: float(value)
        for name, value in trainer.callback_metrics.items()
        if name.startswith("test_")
    }
    predictions = next(c.table for c in trainer.callbacks if isinstance(c, Predictions))
    metrics |= measure_groups(predictions, plan.options.slice_by, plan.options.pair_by)
    metrics["test_confusion_matrix"] = predictions.confusion()
    metrics["test_mask_roi_area_ratio"] = predictions.area_ratio
    promise = model.network.gate.promise
    metrics["gate_promise"] = promise.value
    _say_metrics(metrics, predictions.class_names, plan.caveat)
    for sentence in summarize(predictions, metrics, promise, plan.caveat):
        log.info(sentence)
    log.info(_say_next(plan))
    return metrics


def _say_metrics(metrics: dict[str, Any], class_names: list[str], caveat: str | None) -> None:
    log.info("Test metrics%s", f" ({caveat})" if caveat else "")
    for name, value in sorted(metrics.items()):
        if name.startswith("test_") and isinstance(value, float):
            log.info("  %-40s %.4f", name, value)
    width = max(len(name) for name in class_names)
    log.info(
        "Confusion matrix (a row a true class, a column a predicted one: %s)",
        ", ".join(class_names),
    )
    for name, counts in zip(class_names, metrics["test_confusion_matrix"], strict=True):
        log.info("  %s %s", name.ljust(width), "".join(f"{count:8d}" for count in counts))


def _say_next(plan: Plan) -> str:
    """The run that would tell most about this one."""
    if not plan.gated and any(share < 1 for share in plan.table.roi_share().values()):
        return (
            "Next: give every image a ROI (column mask or box, or data.masks) and try gate=pixel."
        )
    kept = [word for word in plan.call.overrides if not word.startswith(DIFFERENT)]
    gate, purpose = ("none", "the control without a gate") if plan.gated else ("pixel", "a gate")
    return f"Next, {purpose}: {shlex.join(['python', 'scripts/train.py', *kept, f'gate={gate}'])}"
