"""The plan of a run: what is known, checked and decided before torch is imported."""

import copy
import logging
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import hydra
import numpy as np
from front.conf_tree import CONF
from omegaconf import DictConfig, OmegaConf

from datamodules.checks.duplicates import check_duplicates
from datamodules.checks.file_check import FileCheck, check_files
from datamodules.checks.mask_only import MaskOnly
from datamodules.checks.small_val import find_small_val
from datamodules.loading.cache_folder import WORDS
from datamodules.loading.imbalance import EQUAL, count_images, describe_imbalance, settle_imbalance
from datamodules.loading.sequences import check_sequences, describe_sequences, find_sequences
from datamodules.options import DataOptions
from datamodules.tables.table import ImageTable
from lightning_modules.architecture import check_backbone
from lightning_modules.checkpoint_file import check_file
from workflow.call import Call
from workflow.devices.early import check_devices
from workflow.feature_request import settle_features
from workflow.finding.proposals import say_proposals
from workflow.finding.roi_rules import check_empty, check_roi, report_mask_only
from workflow.finding.shortcut_hints import report_hints
from workflow.gate_names import name_gate
from workflow.places import OUTPUTS, find_checkpoint
from workflow.request import check_request
from workflow.resuming.config_hash import PATHS, hash_config
from workflow.resuming.run_config import load_config
from workflow.situation import fill_extras, settle_situation

log = logging.getLogger(__name__)
# gates that show the whole image: a run behind one is never called gated
OPEN_GATES = ("NoGate", "HintGate", "AttentionGate", "GuideGate")
NO_GROUPS = "no groups known: frames of one subject may stand on both sides"


@dataclass
class Plan:
    """A checked run.

    Args:
        config: Resolved, plain, with the gate decided.
        options: What the user said of the data.
        table: Its images.
        call: How it was asked for.
        mask_only: How well the masks alone tell the label; None: there are too few.
        unseen: Whether the groups of the test are known to be none of those trained on.
        tested: Split that the tested images are of; "": of several.
        content: (rows,) uint64 hash of each image's pixels.
        bad: Images that were left out: id, path and reason of each.
        num_trained: Of the tested images, those that the model was trained on.
        hints: How well the class is told by what is no part of it; see ``report_hints``.
    """

    config: dict[str, Any]
    options: DataOptions
    table: ImageTable
    call: Call
    mask_only: MaskOnly | None = None
    unseen: bool = True
    tested: str = "test"
    content: np.ndarray | None = None
    bad: list[dict[str, str]] = field(default_factory=list)
    num_trained: int = 0
    hints: list[dict[str, Any]] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Of the run: as asked, else the experiment, else <data>_<gate>."""
        if self.config["name"] is not None:
            return self.config["name"]
        if self.call.experiment is not None:
            return self.call.experiment
        data = type(self.options).__name__.removesuffix("Data").lower()
        return f"{data}_{self.gate}"

    @property
    def gate(self) -> str:
        """Name of the gate as conf/gate has it."""
        gate = self.config["gate"]
        return name_gate(gate["_target_"], bool(gate.get("unsupervised")))

    @property
    def gated(self) -> bool:
        """Whether the gate hides anything."""
        return not self.config["gate"]["_target_"].endswith(OPEN_GATES)

    @property
    def caveat(self) -> str | None:
        """What is to be said beside every score."""
        parts = [NO_GROUPS] if self.table.groups is None else []
        if self.num_trained:
            parts.append(f"{self.num_trained} of the tested images were trained on")
        if self.bad:
            parts.append(f"{self.num_bad_images} bad images left out")
        return "; ".join(parts) or None

    @property
    def num_bad_images(self) -> int:
        """Images that were left out; one may be bad in several ways."""
        return len({one["id"] for one in self.bad})


def control_of(plan: Plan) -> Plan:
    """The plan of the plain model by the same settings: no gate, nothing that needs a ROI."""
    none = {
        group: OmegaConf.to_container(OmegaConf.load(CONF / group / f"{file}.yaml"))
        for group, file in (("gate", "none"), ("extras", "default"))
    }
    config = copy.deepcopy(plan.config) | none | {"control": False, "costs": False}
    # what needs no ROI is the same
    config["extras"] |= {name: plan.config["extras"].get(name, 0.0) for name in ("mixup", "cutmix")}
    fill_extras(config)
    return replace(plan, config=config)


def make_plan(cfg: DictConfig, call: Call) -> Plan:
    """Read and check the data, decide the gate, and say what was decided.

    Args:
        cfg: The composed configuration.
        call: How it was asked for.

    Raises:
        ValueError: The data has mistakes.
    """
    config = OmegaConf.to_container(cfg, resolve=True)
    config.setdefault("config_hash", hash_config(config))  # a resumed run keeps its own
    check_request(config, call)
    _settle_start(config, call)
    check_devices(config)
    for key in PATHS & config["data"].keys():
        if config["data"][key] is not None:  # the run is gone back to from any folder
            config["data"][key] = _make_absolute(config["data"][key])
    if config["data"].get("cache", "auto") not in WORDS:
        config["data"]["cache"] = _make_absolute(config["data"]["cache"])
    options = instantiate(cfg.data)
    settle_imbalance(config["loss"], options.imbalance)
    table = options.read(cfg.seed)
    for note in table.notes:
        log.info(note)
    _say_counts(table)
    _say_epoch(table, options, config["loss"])
    table = settle_situation(config, table, call)
    settle_features(config, call.resuming)
    check_roi(config, table)
    files = read_files(table, options)
    content = files.found.images["content"]
    for note in check_duplicates(files.table, content, options.allow_duplicates):
        log.warning(note)
    if files.table.groups is None:
        for note in say_proposals(files.table, files.found, call.overrides):
            log.info(note)
    warn_of_small_val(config, files.table)
    check_empty(config, files.table, files.empty)
    mask_only = report_mask_only(files.table, config["seed"])
    plan = Plan(config, options, files.table, call, mask_only, content=content, bad=files.bad)
    plan.hints = report_hints(plan.table, files.found, config["seed"], plan.gated)
    return plan


def _settle_start(config: dict[str, Any], call: Call) -> None:
    """Find the checkpoint that a new run starts from, before anything is read or imported."""
    if call.resuming or config["init_from"] is None:
        return
    if call.sweep_folder is not None and config["init_from"] == "latest":
        raise ValueError(
            "init_from=latest would be another run for each job of a sweep: name the run or file."
        )
    file = find_checkpoint(config["init_from"], config["which"])
    check_file(file)
    run = file.parents[1] / "config.yaml"  # what else the checkpoint says is read with torch
    backbone = OmegaConf.select(load_config(run), "model.backbone") if run.is_file() else None
    if backbone is not None:
        check_backbone(backbone, config["model"]["backbone"], file)
    config["init_from"] = str(file)


def memory_file() -> Path:
    """What is remembered of decoded files."""
    return OUTPUTS / "cache" / "decoded.parquet"


def read_files(table: ImageTable, options: DataOptions) -> FileCheck:
    """Decode what was not decoded before, and say what came of it; see ``check_files``."""
    files = check_files(table, memory_file(), options.on_bad_image)
    for note in files.notes:
        log.warning(note)
    return files


def warn_of_small_val(config: dict[str, Any], table: ImageTable) -> None:
    """Warn where the callbacks that choose by validation have too little to choose by."""
    users = [
        f"callbacks.{name}"
        for name, callback in config["callbacks"].items()
        if str((callback or {}).get("monitor")).startswith("val_")
    ]
    found = find_small_val(table, users)
    if found is not None:
        log.warning(found)


def _make_absolute(path: str | list[str]) -> str | list[str]:
    if isinstance(path, list):
        return [_make_absolute(one) for one in path]
    return str(Path(path).expanduser().resolve())


def instantiate(config: DictConfig | dict[str, Any], *supplied: Any) -> Any:  # noqa: ANN401
    """Build what a configuration names; the one place where Hydra does."""
    return hydra.utils.instantiate(config, *supplied, _convert_="all", _recursive_=False)


def _say_counts(table: ImageTable) -> None:
    width = max(len(name) for name in table.class_names)
    log.info("%d images of %s:", len(table), table.name)
    counted = table.counts()
    for index, name in enumerate(table.class_names):
        counts = "  ".join(f"{split} {n[index]}" for split, n in counted.items())
        positive = "  (positive class)" if name == table.positive_class else ""
        log.info("  %s  %s%s", name.ljust(width), counts, positive)


def _say_epoch(table: ImageTable, options: DataOptions, loss: dict[str, Any]) -> None:
    """What an epoch shows of the training images, and what is done about rare classes."""
    check_sequences(table)
    sequences = find_sequences(table, table.rows_of("train"), options.frames_per_sequence)
    if sequences is not None:
        log.info(describe_sequences(sequences))
    counts = count_images(table, sequences)
    if options.imbalance != "none" or max(counts) > EQUAL * min(counts):
        log.info(describe_imbalance(counts, table.class_names, options.imbalance, loss))
