"""evaluate.py: a trained model, whose ever, on images that it may never have seen."""

import logging
import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from front.conf_tree import CONF
from omegaconf import DictConfig, OmegaConf

from datamodules.datamodule import ROIDataModule
from datamodules.file_check import check_files
from datamodules.problems import list_some
from datamodules.table import ImageTable
from datamodules.transforms import Preprocessing
from lightning_modules.foreign import wrap_timm
from lightning_modules.roi_classifier import ROIClassifier
from lightning_modules.run_files import write_json, write_text
from workflow.call import Call
from workflow.journal import Journal
from workflow.objects import Objects, make_trainer, quieten
from workflow.places import OUTPUTS, find_checkpoint, make_new
from workflow.plan import Plan, instantiate
from workflow.request import check_trainer
from workflow.testing import test_model

log = logging.getLogger(__name__)
SPLITS = ("train", "val", "test", "all")


@dataclass
class Examined:
    """A model to evaluate.

    Args:
        model: In evaluation mode.
        config: That it was trained by; of a model from elsewhere the parts around it alone.
        file: Its checkpoint.
        folder: Where its evaluations go.
        fingerprint: Of the split that it was trained on; None: not known.
    """

    model: ROIClassifier
    config: dict[str, Any]
    file: Path
    folder: Path
    fingerprint: str | None


def evaluate(cfg: DictConfig, call: Call, journal: Journal) -> None:
    """Evaluate as asked; everything goes into a folder of its own.

    Raises:
        ValueError: There is no such model, or it does not go with the data.
    """
    quieten()
    asked = OmegaConf.to_container(cfg, resolve=True)
    _check(asked)
    plan, examined = _plan_foreign(asked, call) if asked["backbone"] else _plan_own(asked, call)
    table, model = plan.table, examined.model
    _check_roi(plan, model)
    for note in check_files(table, OUTPUTS / "cache" / "decoded.parquet").notes:
        log.warning(note)
    data = ROIDataModule(
        table, plan.options, Preprocessing(**model.preprocessing), None, plan.config["seed"]
    )
    folder = _make_folder(asked["out"], examined.folder)
    journal.write_to(folder / "log.txt")
    _say_start(plan, examined, folder)
    write_text(folder / "config.yaml", OmegaConf.to_yaml(OmegaConf.create(asked)))
    command = shlex.join(["python", "scripts/evaluate.py", *call.overrides])
    write_text(folder / "command.txt", command + "\n")
    trainer = make_trainer(plan, [], folder)
    try:
        metrics = test_model(plan, Objects(model, data, []), trainer)
    except SystemExit:
        # Lightning leaves by exit status 1 when somebody presses Ctrl-C
        raise KeyboardInterrupt from None
    write_json(folder / "metrics.json", metrics)
    log.info("Everything about this evaluation is in %s", folder)


def _check(asked: dict[str, Any]) -> None:
    if asked["split"] not in (None, *SPLITS):
        raise ValueError(f"split is {asked['split']!r}, expected {', '.join(SPLITS)} or null.")
    if asked["trainer"].get("limit_test_batches") == 0:
        raise ValueError("trainer.limit_test_batches is 0, so nothing would be evaluated.")
    check_trainer(asked)
    instantiate(asked["interventions"])
    if asked["which"] not in ("best", "last"):
        raise ValueError(f"which is {asked['which']!r}, expected best or last.")
    foreign, chosen = asked["backbone"] is not None, "_target_" in asked["data"]
    if foreign and not (chosen and len(asked["classes"]) > 1):
        raise ValueError(
            "backbone= is for weights that were trained elsewhere. They need ckpt=<file>, data=... "
            "and classes=..., the classes in the order of the outputs, such as "
            "'classes=[apple,tomato]'."
        )
    if not foreign and asked["classes"]:
        raise ValueError(
            "classes= goes with backbone=, for weights that were trained elsewhere: a checkpoint "
            "of this project knows its own."
        )


def _plan_own(asked: dict[str, Any], call: Call) -> tuple[Plan, Examined]:
    file = find_checkpoint(asked["ckpt"], asked["which"])
    model = ROIClassifier.load_from_checkpoint(file)
    record = model.hparams.record or {}
    own = record.get("config", {})
    run = file.parents[1] if (file.parents[1] / "config.yaml").is_file() else file.parent
    examined = Examined(model, own, file, run / "evaluations", record.get("split_fingerprint"))
    data = asked["data"]
    as_trained = "_target_" not in data
    if as_trained and "data" not in own:
        raise ValueError(f"{file} does not say what it was trained on: choose data=...")
    if as_trained:
        data = own["data"] | {name: value for name, value in data.items() if value is not None}
    elif not any(word.startswith("data.roi_at_test=") for word in call.overrides):
        data = data | {"roi_at_test": own.get("data", {}).get("roi_at_test", True)}
    plan = _make_plan(asked, call, examined, data, as_trained)
    return plan, examined


def _plan_foreign(asked: dict[str, Any], call: Call) -> tuple[Plan, Examined]:
    file = Path(asked["ckpt"])
    if not file.is_file():
        raise ValueError(f"ckpt={file}: there is no such file of weights for {asked['backbone']}.")
    options = instantiate(asked["data"])
    table = options.read(asked["seed"], [str(name) for name in asked["classes"]])
    parts = {
        group: OmegaConf.to_container(OmegaConf.load(CONF / group / f"{choice}.yaml"))
        for group, choice in (
            ("model", "timm"),
            ("gate", "none"),
            ("loss", "cross_entropy"),
            ("optimizer", "adamw"),
            ("scheduler", "none"),
        )
    }
    backbone = parts.pop("model") | {"backbone": asked["backbone"]}
    model = wrap_timm(file, backbone, parts, table.class_names, table.region_names, options.size)
    examined = Examined(model, parts, file, OUTPUTS / "evaluations", None)
    return _make_plan(asked, call, examined, asked["data"], as_trained=False), examined


def _make_plan(
    asked: dict[str, Any], call: Call, examined: Examined, data: dict[str, Any], as_trained: bool
) -> Plan:
    """The plan of an evaluation: the rows to evaluate are those of the test."""
    data = data | {"image_size": list(examined.model.image_size), "roi_fraction": 1.0}
    options = instantiate(data)
    classes = None if as_trained else examined.model.hparams.class_names
    table = options.read(examined.config.get("seed", 0), classes)
    for note in table.notes:
        log.info(note)
    if as_trained and examined.fingerprint not in (None, table.fingerprint):
        raise ValueError(
            f"The data of {examined.file} has changed since it was trained, so its test images may "
            "be images that it has learned from. Evaluate it on other data (data=...)."
        )
    split = asked["split"] or "test"
    chosen = np.ones(len(table), bool) if split == "all" else table.splits == split
    if not chosen.any():
        raise ValueError(f"No image of {table.name} is in the split {split!r} (split=...).")
    # what is left of the test is neither evaluated nor trained on
    others = np.where(table.splits == "test", "unused", table.splits)
    table = replace(table, splits=np.where(chosen, "test", others))
    config = examined.config | {
        "data": data,
        "seed": asked["seed"],
        "control": True,  # no word on what to run next
        "interventions": asked["interventions"],
        "trainer": asked["trainer"],
    }
    unseen = as_trained and split in ("val", "test")
    return Plan(config, options, table, call, unseen=unseen)


def _check_roi(plan: Plan, model: ROIClassifier) -> None:
    """Stop before the work where the gate has no answer, or not the regions that it cuts out."""
    gate, table, rows = model.network.gate, plan.table, plan.table.rows_of("test")
    missing = rows[~table.has_roi()[rows].any(axis=1)]
    if gate.roi_missing == "error" and len(missing):
        names = list_some([table.row_name(row) for row in missing.tolist()], 3)
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


def _make_folder(out: str | None, parent: Path) -> Path:
    if out is None:
        return make_new(parent)
    folder = Path(out).resolve()
    if (folder / "metrics.json").exists():
        raise ValueError(f"out={out} holds results already. Name another folder.")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _say_start(plan: Plan, examined: Examined, folder: Path) -> None:
    table: ImageTable = plan.table
    counts = zip(table.class_names, table.counts()["test"], strict=True)
    gate = examined.model.network.gate
    log.info(
        "%s behind %s (promise %s), %s, on %d images of %s: %s.",
        examined.model.hparams.model["backbone"],
        type(gate).__name__,
        gate.promise.name,
        examined.file,
        len(table.rows_of("test")),
        table.name,
        ", ".join(f"{number} {name}" for name, number in counts),
    )
    log.info("Results: %s", folder)
