"""evaluate.py: a trained model, whose ever, on images that it may never have seen."""

import logging
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from datamodules.datamodule import ROIDataModule
from datamodules.loading.transforms import Preprocessing
from datamodules.problems import list_some
from lightning_modules.evaluation.calibration_file import write_calibration
from lightning_modules.evaluation.robustness.names import choose_slices
from lightning_modules.roi_classifier import ROIClassifier
from lightning_modules.run_files import write_json, write_text
from workflow.calibrating import find_calibration
from workflow.call import Call
from workflow.devices import make_trainer
from workflow.evaluation_request import check_evaluation
from workflow.examined import Examined, plan_foreign, plan_own
from workflow.journal import Journal
from workflow.objects import Objects, check_builds, quieten
from workflow.places import find_cache, make_new, open_out
from workflow.plan import Plan
from workflow.reporting import report
from workflow.robustness import measure_robustness
from workflow.split_file import write_quarantine
from workflow.testing import test_model
from workflow.typed import join_words

log = logging.getLogger(__name__)


def evaluate(cfg: DictConfig, call: Call, journal: Journal) -> None:
    """Evaluate as asked; everything goes into a folder of its own.

    Raises:
        ValueError: There is no such model, or it does not go with the data.
    """
    quieten()
    asked = OmegaConf.to_container(cfg, resolve=True)
    check_evaluation(asked, call)
    plan, examined = plan_foreign(asked, call) if asked["backbone"] else plan_own(asked, call)
    table, model = plan.table, examined.model
    _check_roi(plan, model)
    steps, cache = Preprocessing(**model.preprocessing), find_cache(plan.options)
    data = ROIDataModule(table, plan.options, steps, None, plan.config["seed"], cache)
    check_builds(asked["trainer"])
    out = asked["out"]
    folder = make_new(examined.folder) if out is None else open_out(out, "Name another folder.")
    journal.write_to(folder / "log.txt")
    _say_start(plan, examined, folder)
    used = asked | {"ckpt": str(examined.file), "data": plan.config["data"]}
    write_text(folder / "config.yaml", OmegaConf.to_yaml(OmegaConf.create(used)))
    command = join_words(["python", "scripts/evaluate.py", *call.overrides])
    write_text(folder / "command.txt", command + "\n")
    write_quarantine(plan, folder)
    trainer = make_trainer(plan, [], folder)
    try:
        objects = Objects(model, data, [])
        calibration = None if asked["backbone"] else find_calibration(examined.file)
        if calibration is not None:
            write_calibration(calibration, folder)
        metrics = test_model(plan, objects, trainer, calibration)
        slices = choose_slices(asked["slices"])
        metrics |= measure_robustness(objects, trainer, slices, asked["slice_images"], folder)
    except SystemExit:
        # Lightning leaves by exit status 1 when somebody presses Ctrl-C
        raise KeyboardInterrupt from None
    metrics |= {"num_bad_images": plan.num_bad_images, "num_trained_images": plan.num_trained}
    write_json(folder / "metrics.json", metrics)
    report(plan, model, folder, journal)
    log.info("Everything about this evaluation is in %s", folder)


def _check_roi(plan: Plan, model: ROIClassifier) -> None:
    """Stop before the work where the gate has no answer, or not the regions that it cuts out."""
    gate, table, rows = model.network.gate, plan.table, plan.table.rows_of("test")
    missing = rows[~table.has_roi()[rows].any(axis=1)]
    if gate.roi_missing == "error" and len(missing):
        some = [table.row_name(row) for row in missing[:3].tolist()]
        names = list_some(some, 3, len(missing))
        raise ValueError(
            f"{len(missing)} of {len(rows)} images have no ROI, which the model's gate needs "
            f"(gate.roi_missing=error): {names}. Complete the masks or boxes."
        )
    known = list(model.hparams.region_names)
    if gate.weighed and known != list(table.region_names):
        raise ValueError(
            f"The model was trained with the regions {', '.join(known)}, and {table.name} has "
            f"{', '.join(table.region_names)}: give its masks or boxes the same names and order."
        )


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
