"""resume=auto: the newest unfinished run with the same configuration, or a new one."""

import logging
import re
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from lightning_modules.run_reading import find_json, read_text
from workflow.places import list_runs
from workflow.resuming.config_hash import PATHS, hash_config
from workflow.resuming.lock import check_free
from workflow.resuming.older import without_new
from workflow.resuming.run_config import load_config

log = logging.getLogger(__name__)


def find_unfinished(cfg: DictConfig) -> Path | None:
    """Find the run to go on with.

    Args:
        cfg: The composed configuration of this call.

    Returns:
        Its folder; None: a new run is to be started.

    Raises:
        ValueError: Another process works on it.
    """
    config: dict[str, Any] = OmegaConf.to_container(cfg, resolve=True)
    wanted = hash_config(config)
    folders = list_runs() if config["out"] is None else [Path(config["out"]).resolve()]
    for folder in folders:
        if not _is_unfinished(folder, config, wanted):
            continue
        check_free(folder)
        log.info("resume=auto: going on with %s", folder)
        return folder
    log.info("resume=auto: no unfinished run has this configuration; a new one starts.")
    return None


def _is_unfinished(folder: Path, config: dict[str, Any], wanted: str) -> bool:
    file = folder / "config.yaml"
    status = find_json(folder / "status.json")  # none: it was ended before it wrote one
    if status.get("state") == "finished" or not file.is_file():
        return False
    try:
        held = re.search(r"^config_hash: '?(\w+)", read_text(file), re.MULTILINE)
        own = {} if held is None else OmegaConf.to_container(load_config(file))
    except ValueError:
        log.info("resume=auto: %s is damaged, so its run is passed over.", file)
        return False
    if held is None or not isinstance(own.get("data"), dict):
        return False
    # options that there were not yet when the run was started change nothing
    if held[1] != wanted and held[1] != hash_config(without_new(config, own)):
        return False
    return _has_same_data(own["data"], config["data"])


def _has_same_data(own: dict[str, Any], asked: dict[str, Any]) -> bool:
    """Whether paths are the same, or those of the run are gone: its data was moved."""
    for key in PATHS & asked.keys():
        then, now = own.get(key), asked[key]
        if then is None or now is None:
            if then != now:
                return False
        elif not isinstance(then, str) or not isinstance(now, str):
            if then != [str(Path(one).expanduser().resolve()) for one in list(now)]:
                return False
        elif then != str(Path(now).expanduser().resolve()) and Path(then).exists():
            return False
    return True
