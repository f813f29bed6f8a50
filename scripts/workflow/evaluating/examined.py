"""The model that an evaluation examines, and the images that it is examined on."""

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
from front.conf_tree import CONF
from omegaconf import OmegaConf

from datamodules.checks.trained_on import TrainedOn
from datamodules.tables.corrections import apply_corrections
from datamodules.tables.table import ImageTable
from lightning_modules.checkpoint import is_checkpoint
from lightning_modules.foreign import wrap_timm
from lightning_modules.roi_classifier import ROIClassifier
from workflow.call import Call
from workflow.evaluating.frozen import check_named
from workflow.evaluating.request import is_as_trained
from workflow.learned import check_learned, read_record
from workflow.places import OUTPUTS, find_checkpoint
from workflow.plan import Plan, instantiate, read_files
from workflow.split_file import warn_of_changed

log = logging.getLogger(__name__)
# what the run said of its images holds for others too, unless it is said anew
KEPT = ("roi_at_test", "window")


@dataclass
class Examined:
    """A model to evaluate.

    Args:
        model: In evaluation mode.
        config: That it was trained by; of a model from elsewhere the parts around it alone.
        file: Its checkpoint.
        folder: Where its evaluations go.
        fingerprint: Of the split that it was trained on; None: not known.
        trained_on: The pixels of its training images; None: not known.
    """

    model: ROIClassifier
    config: dict[str, Any]
    file: Path
    folder: Path
    fingerprint: str | None
    trained_on: TrainedOn | None = None


def plan_own(asked: dict[str, Any], call: Call) -> tuple[Plan, Examined]:
    """A checkpoint of this project, on the images it was trained on or on others.

    Raises:
        ValueError: There is none, its images have changed since, or ``calibration=`` is of others.
    """
    file = find_checkpoint(asked["ckpt"], asked["which"])
    model = ROIClassifier.load_from_checkpoint(file)
    check_named(asked["calibration"], model.hparams.class_names, file)
    record = model.hparams.record or {}
    own = record.get("config", {})
    run = file.parents[1] if (file.parents[1] / "config.yaml").is_file() else file.parent
    examined = Examined(
        model, own, file, run / "evaluations", record.get("split_fingerprint"), read_record(record)
    )
    return plan_images(asked, call, examined), examined


def plan_images(asked: dict[str, Any], call: Call, examined: Examined) -> Plan:
    """The images that are asked for, for a model that is there.

    Raises:
        ValueError: They have mistakes, or have changed since the model was trained.
    """
    data, as_trained, own = asked["data"], is_as_trained(asked["data"]), examined.config
    if as_trained and "data" not in own:
        raise ValueError(f"{examined.file} does not say what it was trained on: choose data=...")
    if as_trained:
        kept = ("_target_", "corrections")  # the split is checked before labels are corrected
        changed = {n: v for n, v in data.items() if v is not None and n not in kept}
        data = own["data"] | changed
    else:
        typed = {word.partition("=")[0] for word in call.overrides}
        kept = {name: own.get("data", {}).get(name, data[name]) for name in KEPT}
        data = data | {n: v for n, v in kept.items() if f"data.{n}" not in typed}
    return _make_plan(asked, call, examined, data, as_trained)


def plan_foreign(asked: dict[str, Any], call: Call) -> tuple[Plan, Examined]:
    """Weights that were trained elsewhere with timm.

    Raises:
        ValueError: There are none, or they are of another model.
    """
    file = Path(asked["ckpt"])
    if not file.is_file():
        raise ValueError(f"ckpt={file}: there is no such file of weights for {asked['backbone']}.")
    if is_checkpoint(file):
        raise ValueError(
            f"{file} is a checkpoint of this project, which knows its backbone, gate and classes: "
            "leave backbone= and classes= out."
        )
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


def _correct(table: ImageTable, content: np.ndarray, file: Path) -> tuple[ImageTable, np.ndarray]:
    """The table with corrected labels, and the pixels' hashes of the rows that are left."""
    corrected = apply_corrections(table, file.expanduser())
    log.info(corrected.notes[-1])
    left = pc.is_in(table.ids, value_set=corrected.ids.combine_chunks())
    return corrected, content[left.to_numpy()]


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
    files = read_files(table, options)
    table, content = files.table, files.found.images["content"]
    if as_trained and examined.fingerprint not in (None, table.fingerprint):
        raise ValueError(
            f"The data of {examined.file} has changed since it was trained, so its test images may "
            "be images that it has learned from. Evaluate it on other data (data=...)."
        )
    if as_trained and asked["data"]["corrections"] is not None:
        data |= {"corrections": asked["data"]["corrections"]}
        table, content = _correct(table, content, Path(data["corrections"]))
    split = asked["split"] or "test"
    chosen = np.ones(len(table), bool) if split == "all" else table.splits == split
    if not chosen.any():
        raise ValueError(f"No image of {table.name} is in the split {split!r} (split=...).")
    # what is left of the test is neither evaluated nor trained on
    table = table.with_test(chosen)
    config = examined.config | {
        "data": data,
        "seed": asked["seed"],
        "control": True,  # no word on what to run next
        "interventions": asked["interventions"],
        "scores": asked["scores"],
        "report": asked["report"],
        "trainer": asked["trainer"],
    }
    own_training = as_trained and split in ("train", "all")
    allowed = asked["allow_trained"] or own_training or (as_trained and options.allow_duplicates)
    split_file = examined.folder.parent / "split.csv"
    num_trained = check_learned(examined.trained_on, split_file, table, content, allowed)
    if as_trained:
        warn_of_changed(split_file, table, content, table.rows_of("test"))
    unseen = as_trained and split in ("val", "test") and not num_trained
    tested = "" if split == "all" else split
    plan = Plan(config, options, table, call, None, unseen, tested)
    return replace(plan, content=content, bad=files.bad, num_trained=num_trained)
