"""resume=: go on with a run by its own configuration."""

import json
import shlex
from dataclasses import replace
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from datamodules.problems import raise_problems
from workflow.call import Call
from workflow.places import find_checkpoint

# keys that concern this call and not the run
OF_THE_CALL = ("resume", "resume_allow", "dry_run", "test", "traceback", "debug")


def resume_config(cfg: DictConfig, call: Call) -> tuple[DictConfig, Call, Path]:
    """Find the run and its configuration, changed where that is allowed.

    Args:
        cfg: The composed configuration of this call.
        call: What was typed.

    Returns:
        The configuration to run by, the call that once started the run, and its ``last.ckpt``.

    Raises:
        ValueError: There is no such run, or the command line asks for what the run is not.
    """
    checkpoint = find_checkpoint(cfg.resume)
    if checkpoint.name != "last.ckpt":
        raise ValueError(
            f"resume={cfg.resume}: a run goes on from last.ckpt, not from {checkpoint.name}."
        )
    own = OmegaConf.load(checkpoint.parents[1] / "config.yaml")
    problems = []
    for override in call.overrides:
        key, _, _ = override.lstrip("+~").partition("=")
        if key in OF_THE_CALL:
            continue
        asked, held = _select(cfg, key), _select(own, key)
        if asked == held:
            continue
        if key in cfg.resume_allow:
            OmegaConf.update(own, key, asked)
        else:
            problems.append(
                f"{key} is {held!r} in that run and {asked!r} on the command line. Leave it out, "
                f"start a new run, or list it in resume_allow"
            )
    raise_problems(problems, f"resume={cfg.resume}: a run goes on by its own configuration")
    _check_unfinished(checkpoint.parents[1], own)
    own.test, own.dry_run, own.traceback = cfg.test, cfg.dry_run, cfg.traceback
    command = (checkpoint.parents[1] / "command.txt").read_text(encoding="utf-8")
    return own, replace(call, overrides=shlex.split(command)[2:]), checkpoint


def _check_unfinished(folder: Path, own: DictConfig) -> None:
    status = folder / "status.json"
    content = json.loads(status.read_text(encoding="utf-8")) if status.is_file() else {}
    if content.get("state") == "finished" and content["epoch"] >= own.trainer.max_epochs:
        raise ValueError(
            f"The run {folder} is finished ({content['epoch']} epochs). To train it longer, add "
            f"trainer.max_epochs={2 * content['epoch']}."
        )


def _select(cfg: DictConfig, key: str) -> object:
    value = OmegaConf.select(cfg, key.replace("/", ".").split("@")[0])
    return OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
