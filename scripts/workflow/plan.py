"""The plan of a run: what is known, checked and decided before torch is imported."""

import logging
from dataclasses import dataclass
from typing import Any

import hydra
import numpy as np
from omegaconf import DictConfig, OmegaConf

from datamodules.file_check import check_files
from datamodules.options import DataOptions
from datamodules.problems import list_some
from datamodules.table import ImageTable
from workflow.call import Call
from workflow.places import OUTPUTS
from workflow.request import check_request
from workflow.situation import settle_situation

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
    """

    config: dict[str, Any]
    options: DataOptions
    table: ImageTable
    call: Call

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
        name = self.config["gate"]["_target_"].rpartition(".")[2].removesuffix("Gate")
        return {"No": "none", "TwoStage": "two_stage"}.get(name, name.lower())

    @property
    def gated(self) -> bool:
        """Whether the gate hides anything."""
        return not self.config["gate"]["_target_"].endswith(OPEN_GATES)

    @property
    def caveat(self) -> str | None:
        """What is to be said beside every score."""
        return NO_GROUPS if self.table.groups is None else None


def make_plan(cfg: DictConfig, call: Call) -> Plan:
    """Read and check the data, decide the gate, and say what was decided.

    Args:
        cfg: The composed configuration.
        call: How it was asked for.

    Raises:
        ValueError: The data has mistakes.
    """
    config = OmegaConf.to_container(cfg, resolve=True)
    check_request(config, call)
    options = instantiate(cfg.data)
    table = options.read(cfg.seed)
    for note in table.notes:
        log.info(note)
    _say_counts(table)
    table = settle_situation(config, table, call)
    _check_roi(config["gate"], table)
    for note in check_files(table, OUTPUTS / "cache" / "decoded.parquet"):
        log.warning(note)
    return Plan(config, options, table, call)


def instantiate(config: DictConfig | dict[str, Any], *supplied: Any) -> Any:  # noqa: ANN401
    """Build what a configuration names; the one place where Hydra does."""
    return hydra.utils.instantiate(config, *supplied, _convert_="all", _recursive_=False)


def _say_counts(table: ImageTable) -> None:
    width = max(len(name) for name in table.class_names)
    log.info("%d images of %s:", len(table), table.name)
    for index, name in enumerate(table.class_names):
        counts = "  ".join(f"{split} {n[index]}" for split, n in table.counts().items())
        positive = "  (positive class)" if name == table.positive_class else ""
        log.info("  %s  %s%s", name.ljust(width), counts, positive)


def _check_roi(gate: dict[str, Any], table: ImageTable) -> None:
    """Images without ROI stop a gate that has no answer for them, before any work."""
    if gate.get("roi_missing") != "error":
        return
    missing = [table.row_name(row) for row in np.flatnonzero(~table.has_roi().any(axis=1)).tolist()]
    if missing:
        raise ValueError(
            f"{len(missing)} of {len(table)} images have no ROI, which the gate needs: "
            f"{list_some(missing, 3)}. Complete the masks or boxes, set gate.roi_missing=full to "
            "show such images whole, or gate=none."
        )
