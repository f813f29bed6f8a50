"""How a command was called: what was typed, and where Hydra lays out a sweep."""

from dataclasses import dataclass
from pathlib import Path

from front.conf_tree import CONF, ConfTree
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode


@dataclass(frozen=True)
class Call:
    """What Hydra knows of this job.

    Args:
        overrides: Of the command line.
        experiment: The experiment file that was chosen, if any.
        sweep_folder: Of this job within a sweep; None: a single run.
        resuming: Whether it goes on with a run.
    """

    overrides: list[str]
    experiment: str | None
    sweep_folder: Path | None
    resuming: bool = False


def read_call() -> Call:
    """Read the call of the job that is running."""
    hydra = HydraConfig.get()
    in_sweep = hydra.mode == RunMode.MULTIRUN
    folder = Path(hydra.sweep.dir) / hydra.sweep.subdir if in_sweep else None
    experiment = hydra.runtime.choices.get("experiment")
    return Call(list(hydra.overrides.task), experiment, folder)


def read_tree() -> ConfTree:
    """The configuration files of the job that is running, with those of --config-dir."""
    if not HydraConfig.initialized():
        return ConfTree()
    found = [one for one in HydraConfig.get().runtime.config_sources if one.schema == "file"]
    others = [Path(one.path) for one in found if Path(one.path) != CONF]
    return ConfTree((*others, CONF))
