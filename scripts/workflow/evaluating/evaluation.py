"""evaluate.py: a trained model, whose ever, on images that it may never have seen."""

import logging
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from lightning_modules.callbacks import Predictions
from lightning_modules.evaluation.calibration_file import write_calibration
from lightning_modules.evaluation.predictions import PredictionTable
from lightning_modules.evaluation.robustness.names import choose_slices
from lightning_modules.run_files import write_json, write_text
from workflow.call import Call
from workflow.devices.trainers import count_devices, make_trainer
from workflow.evaluating.beyond_images import measure_beyond
from workflow.evaluating.early import check_columns
from workflow.evaluating.examined import Examined, plan_foreign, plan_own
from workflow.evaluating.label_errors import list_label_errors
from workflow.evaluating.ready import Ready, prepare
from workflow.evaluating.request import check_evaluation
from workflow.evaluating.requirements import demand
from workflow.evaluating.robustness import measure_robustness
from workflow.evaluating.set_scores import Scoring, measure_parts
from workflow.evaluating.shared_test import make_data
from workflow.evaluating.testing import test_model
from workflow.journal import Journal
from workflow.objects import Objects, quieten
from workflow.places import make_new, open_out
from workflow.plan import Plan
from workflow.reporting.report import report
from workflow.split_file import write_quarantine
from workflow.typed import join_words

log = logging.getLogger(__name__)


def evaluate(cfg: DictConfig, call: Call, journal: Journal) -> None:
    """Evaluate as asked; everything goes into a folder of its own.

    Raises:
        ValueError: There is no such model, or it does not go with the data.
    """
    quieten()
    asked = OmegaConf.to_container(cfg, resolve=True)
    required = check_evaluation(asked, call)
    plan, examined = plan_foreign(asked, call) if asked["backbone"] else plan_own(asked, call)
    check_columns(plan.table.name, plan.table.columns.column_names, ("by", asked["by"]))
    ready = prepare(plan, examined, asked, call)
    folder = open_results(asked, examined)
    journal.write_to(folder / "log.txt")
    metrics, table = measure(ready, folder)
    if asked["by"] is not None:
        slices = (plan.options.slice_by, plan.options.pair_by)
        scoring = Scoring(*slices, ready.beyond, ready.frozen.calibration)
        metrics |= measure_parts(scoring, table, asked["by"], folder)
        write_json(folder / "metrics.json", metrics)
    report(plan, examined.model, folder, journal, examined.folder.parent)
    log.info("Everything about this evaluation is in %s", folder)
    demand(required, metrics, folder, str(examined.file))


def open_results(asked: dict[str, Any], examined: Examined) -> Path:
    """Make the folder of the results."""
    out = asked["out"]
    return make_new(examined.folder) if out is None else open_out(out, "Name another folder.")


def measure(ready: Ready, folder: Path) -> tuple[dict[str, Any], PredictionTable]:
    """Test, ask, and write all that belongs to one set of images into a folder."""
    plan, asked, examined = ready.plan, ready.asked, ready.examined
    calibration, named = ready.frozen.calibration, ready.frozen.file
    _say_start(plan, examined, folder)
    used = asked | {"ckpt": str(examined.file), "data": plan.config["data"]}
    used["calibration"] = None if named is None else str(named)
    write_text(folder / "config.yaml", OmegaConf.to_yaml(OmegaConf.create(used)))
    command = join_words(["python", "scripts/evaluate.py", *ready.call.overrides])
    write_text(folder / "command.txt", command + "\n")
    write_quarantine(plan, folder)
    trainer, data = make_trainer(plan, [], folder), make_data(plan, examined.model)
    try:
        num_processes = count_devices(asked["trainer"])
        objects = Objects(examined.model, data, [], num_processes=num_processes)
        if calibration is not None:
            write_calibration(calibration, folder)
        metrics = test_model(plan, objects, trainer, calibration)
        slices = choose_slices(asked["slices"])
        metrics |= measure_robustness(objects, trainer, slices, asked["slice_images"], folder)
    except SystemExit:
        # Lightning leaves by exit status 1 when somebody presses Ctrl-C
        raise KeyboardInterrupt from None
    table = next(c.table for c in trainer.callbacks if isinstance(c, Predictions))
    metrics |= measure_beyond(ready.beyond, table, calibration, folder)
    if asked["label_errors"]:
        metrics |= list_label_errors(folder, plan.num_trained)
    metrics |= {"num_bad_images": plan.num_bad_images, "num_trained_images": plan.num_trained}
    metrics["num_left_out_images"] = sum(plan.table.left_out.values())
    write_json(folder / "metrics.json", metrics)
    return metrics, table


def _say_start(plan: Plan, examined: Examined, folder: Path) -> None:
    table = plan.table
    counts = zip(table.class_names, table.counts()["test"], strict=True)
    gate = examined.model.network.gate
    log.info(
        "%s behind %s (promise %s), %s, on %d %simages of %s: %s.",
        examined.model.hparams.model["backbone"],
        type(gate).__name__,
        gate.promise.name,
        examined.file,
        len(table.rows_of("test")),
        f"{plan.tested} " if plan.tested else "",
        table.name,
        ", ".join(f"{number} {name}" for name, number in counts),
    )
    log.info("Results: %s", folder)
