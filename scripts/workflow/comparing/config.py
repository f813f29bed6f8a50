"""How the models that are compared were made, by the files in their folders."""

from pathlib import Path
from typing import Any

from front.conf_tree import GLOBAL_GROUPS
from omegaconf import OmegaConf

from workflow.resuming.run_config import load_config
from workflow.typed import read_typed


def read_config(folder: Path) -> dict[str, Any]:
    """How the model of a run or an evaluation was made; its data are those it answered for.

    The files that were chosen for all parts together, such as a recipe, stand beside them.
    """
    config = _read(folder / "config.yaml")
    if config.get("predictions") is not None:
        return _read_given(Path(config["predictions"]), config)
    if "ckpt" not in config or "optimizer" in config:
        return config | _chosen_files(folder)
    file = Path(config["ckpt"])
    trained = file.parent.parent
    own = {"data": config["data"], "ckpt": file.stem}
    if config.get("backbone") is not None or not (trained / "config.yaml").is_file():
        return own | {"model": {"backbone": config.get("backbone")}, "ckpt": file.name}
    return _read(trained / "config.yaml") | _chosen_files(trained) | own


def _read_given(file: Path, config: dict[str, Any]) -> dict[str, Any]:
    """Of answers in a table: that of the run which the table is of, else its name."""
    own = {"data": config["data"]}
    if (file.parent / "config.yaml").is_file():
        return read_config(file.parent) | own
    return own | {"predictions": file.parent.name if file.stem == "predictions" else file.stem}


def _chosen_files(folder: Path) -> dict[str, str]:
    """``recipe``, ``experiment`` and their like, as they were typed."""
    typed = dict(word.lstrip("+").split("=", 1) for word in read_typed(folder) if "=" in word)
    return {group: typed[group] for group in GLOBAL_GROUPS if group in typed}


def _read(file: Path) -> dict[str, Any]:
    return OmegaConf.to_container(load_config(file))
