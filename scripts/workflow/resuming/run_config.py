"""config.yaml of a run: written with a seal, so that a run goes on by what it was trained with."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from datamodules.problems import raise_problems
from lightning_modules.run_files import write_text
from lightning_modules.run_reading import RESTORE, read_text
from workflow.resuming.config_hash import hash_content

SEAL = "# what stands above, as it was written: "
ABSENT = "not there"
NEEDED = ("data", "model", "gate", "optimizer", "trainer")  # in the file of every run


def write_config(folder: Path, config: dict[str, Any]) -> None:
    """Write config.yaml; its last line tells later whether its values are still the run's own."""
    text = OmegaConf.to_yaml(OmegaConf.create(config))
    write_text(folder / "config.yaml", f"{text}{SEAL}{_hash(text)}\n")


def read_config(checkpoint: Path) -> DictConfig:
    """Read the configuration of a run to go on with, as it was trained.

    Args:
        checkpoint: The run's ``last.ckpt``, which need not be there.

    Raises:
        ValueError: Somebody has changed a value since.
    """
    path = checkpoint.parents[1] / "config.yaml"
    config, text = load_config(path), read_text(path)
    missing = [name for name in NEEDED if name not in config]
    if missing:
        raise ValueError(f"{path} lacks {', '.join(missing)}. {RESTORE}")
    seals = [line for line in text.splitlines() if line.startswith(SEAL)]
    if seals and seals[-1].removeprefix(SEAL).strip() != _hash(text):
        raise_problems(
            list(_name_changes(path, checkpoint)),
            f"{path}, which was edited after the run had written it; a run goes on by its own "
            "configuration (undo that, and type what is to change: resume_allow=KEY KEY=VALUE)",
        )
    return config


def load_config(path: Path) -> DictConfig:
    """Read a configuration that was written.

    Raises:
        ValueError: The file holds none; the message names it.
    """
    try:
        found = OmegaConf.create(read_text(path))
    except (YAMLError, OmegaConfBaseException) as error:
        raise ValueError(f"{path} is no YAML ({error}). {RESTORE}") from error
    if not isinstance(found, DictConfig) or all(value is None for value in found.values()):
        raise ValueError(f"{path} holds no options. {RESTORE}")
    return found


def _hash(text: str) -> str:
    return hash_content(OmegaConf.to_container(OmegaConf.create(text)))


def _name_changes(path: Path, checkpoint: Path) -> Iterator[str]:
    """What is not as in the checkpoint; torch is imported, the run cannot go on anyway."""
    from lightning_modules.checkpoint import open_checkpoint

    trained: dict[str, Any] = {}
    if checkpoint.is_file():
        record = open_checkpoint(checkpoint)["hyper_parameters"].get("record") or {}
        trained = record.get("config") or {}
    now = _flatten(OmegaConf.to_container(load_config(path)))
    then = _flatten(trained)
    differing = [key for key in {**then, **now} if now.get(key, ABSENT) != then.get(key, ABSENT)]
    if not trained or not differing:
        yield "which values is not known, as there is no checkpoint yet that would tell"
        return
    for key in differing:
        yield f"{key} is {now.get(key, ABSENT)!r} there and was {then.get(key, ABSENT)!r}"


def _flatten(node: dict[Any, Any], above: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in node.items():
        place = f"{above}{key}"
        flat |= (
            _flatten(value, f"{place}.") if isinstance(value, dict) and value else {place: value}
        )
    return flat
