"""The Trainer of a run: alone on one device, or as one of several processes."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from front.processes import Process
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import TQDMProgressBar
from lightning.pytorch.plugins.environments import LightningEnvironment, TorchElasticEnvironment
from lightning.pytorch.strategies import Strategy

from lightning_modules.callbacks import DurationEstimate, EpochLines, Predictions, Preview
from lightning_modules.checkpoint_io import SafeCheckpointIO
from lightning_modules.strategies import Replicated
from workflow.plan import Plan, instantiate

SINGLE = Process()
ALONE = {"devices": 1, "num_nodes": 1, "strategy": "auto", "sync_batchnorm": False}


def make_trainer(
    plan: Plan, callbacks: Sequence[Callback], folder: Path, process: Process = SINGLE
) -> Trainer:
    """Build Lightning's Trainer for a run folder.

    Args:
        plan: Of the run.
        callbacks: Beside those of every run.
        folder: Of the run.
        process: Of those that train together; by default one alone, on one device.
    """
    strategy = plan.config["trainer"].get("strategy")
    if process.several and isinstance(strategy, dict) and strategy["_target_"].endswith("Sharded"):
        # none of these has all of the model for itself
        callbacks = [c for c in callbacks if not isinstance(c, Preview | DurationEstimate)]
    on_terminal = sys.stdout.isatty() and process.rank == 0
    shown = [EpochLines(plan.caveat), Predictions(), *([TQDMProgressBar()] if on_terminal else [])]
    owned = {
        "default_root_dir": str(folder),
        "logger": False,
        "enable_progress_bar": on_terminal,
        "enable_model_summary": False,
        "callbacks": [*shown, *callbacks],
    }
    return build_trainer(plan.config["trainer"], process, owned)


def build_trainer(config: dict[str, Any], process: Process, owned: dict[str, Any]) -> Trainer:
    """Build a Trainer as one of several processes, or as the only one.

    Which process it is Lightning is told, and does not guess: within a job of SLURM it would take
    over what is done about signals.

    Args:
        config: As in conf/trainer.
        process: Which it is.
        owned: Arguments of the project's own.
    """
    chosen = config["devices"] if isinstance(config["devices"], list) else None
    if not process.several:
        alone = ALONE | ({"devices": chosen[:1]} if chosen else {})
        alone["plugins"] = [LightningEnvironment(), SafeCheckpointIO()]
        return instantiate(config | alone | owned)
    together = {
        "devices": chosen or process.num_local,
        "num_nodes": process.num_machines,
        "strategy": build_strategy(config),
        # torch has none for the CPU
        "sync_batchnorm": config.get("sync_batchnorm", True) and not on_cpu(config),
        "use_distributed_sampler": False,
        "plugins": [TorchElasticEnvironment(), SafeCheckpointIO()],
    }
    return instantiate(config | together | owned)


def build_strategy(config: dict[str, Any]) -> Strategy:
    """How several devices train: as configured, else each with the whole model."""
    strategy = config.get("strategy", "auto")
    return instantiate(strategy) if isinstance(strategy, dict) else Replicated()


def on_cpu(config: dict[str, Any]) -> bool:
    """Whether a trainer's configuration means the CPU of this machine."""
    automatic = config["accelerator"] == "auto" and not torch.cuda.is_available()
    return config["accelerator"] == "cpu" or automatic


def count_devices(config: dict[str, Any]) -> int:
    """Devices of this machine that a trainer's configuration asks for."""
    asked = {name: config[name] for name in ("accelerator", "devices")}
    return Trainer(**asked, logger=False, plugins=[LightningEnvironment()]).num_devices
