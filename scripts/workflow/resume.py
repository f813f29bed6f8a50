"""resume=: go on with a run by its own configuration."""

import json
import shlex
from dataclasses import replace
from pathlib import Path

from front.conf_tree import CONF, GLOBAL_GROUPS
from omegaconf import DictConfig, OmegaConf

from datamodules.problems import raise_problems
from datamodules.splitting.splits import fingerprint
from datamodules.tables.codes import Codes
from datamodules.tables.manifest import read_csv
from datamodules.tables.table import ImageTable
from workflow.call import Call
from workflow.places import find_checkpoint

# keys that concern this call and not the run
OF_THE_CALL = ("resume", "resume_allow", "dry_run", "test", "costs", "traceback")


def resume_config(cfg: DictConfig, call: Call) -> tuple[DictConfig, Call, Path]:
    """Find the run and its configuration, changed where that is allowed.

    Args:
        cfg: The composed configuration of this call.
        call: What was typed.

    Returns:
        The configuration to run by, the call that once started the run, and its ``last.ckpt``,
        which is not there where the run was stopped before it was written: it then starts anew.

    Raises:
        ValueError: There is no such run, or the command line asks for what the run is not.
    """
    checkpoint = find_checkpoint(cfg.resume, begun=False)
    folder = checkpoint.parents[1]
    if checkpoint.name != "last.ckpt" or not (folder / "config.yaml").is_file():
        raise ValueError(
            f"resume={cfg.resume}: a run goes on from checkpoints/last.ckpt in its own folder, and "
            f"{checkpoint} is none."
        )
    own = _complete(OmegaConf.load(folder / "config.yaml"), cfg)
    command = folder / "command.txt"
    words = shlex.split(command.read_text(encoding="utf-8"))[2:] if command.is_file() else []
    started_with = {word.partition("=")[0]: word for word in words}
    epochs = own.trainer.max_epochs
    allowed = [cfg.resume_allow] if isinstance(cfg.resume_allow, str) else list(cfg.resume_allow)
    problems = []
    for override in call.overrides:
        key, _, value = override.lstrip("+~").partition("=")
        if key in OF_THE_CALL or (key, value) == ("debug", "traceback"):
            continue
        if started_with.get(override.partition("=")[0]) == override:
            continue  # what was settled since is the run's own
        if key in GLOBAL_GROUPS:
            problems.append(f"{override} chooses another configuration; leave it out")
            continue
        asked, held = _select(cfg, key), _select(own, key)
        if asked == held:
            continue
        if isinstance(asked, dict):
            problems.append(f"{override} chooses another {key} than the run has; leave it out")
        elif key in allowed:
            OmegaConf.update(own, key, asked)
        else:
            problems.append(
                f"{key} is {held!r} in that run and {asked!r} on the command line. Leave it out, "
                "start a new run, or list it in resume_allow"
            )
    raise_problems(problems, f"resume={cfg.resume}: a run goes on by its own configuration")
    _check_unfinished(folder, own.trainer.max_epochs > epochs)
    own.test, own.dry_run, own.traceback = cfg.test, cfg.dry_run, cfg.traceback
    own.costs = own.costs or cfg.costs
    return own, replace(call, overrides=words), checkpoint


def _complete(own: DictConfig, cfg: DictConfig) -> DictConfig:
    """Add what a run of the first format did not have, as it was then."""
    if "extras" not in own:
        own.extras, own.control = cfg.extras, False
        if own.gate._target_.endswith("PixelGate"):
            own.gate.pooling = "mean"
    if "costs" not in own:
        own.costs = False
    if "average" not in own:
        own.average = OmegaConf.load(CONF / "average" / "none.yaml")
    if "interventions" not in own:
        own.interventions = cfg.interventions
    return own


def check_same_split(table: ImageTable, folder: Path) -> None:
    """A run goes on with the images that it has, each in its own split.

    Raises:
        ValueError: The data has changed since: a made split would mix training and test.
    """
    then = read_csv(folder / "split.csv")
    before = fingerprint(then["id"], Codes.encode(then["split"]))
    if before != table.fingerprint:
        raise ValueError(
            f"The data of {folder} has changed: {then.num_rows} images then, {len(table)} now, or "
            "another split of them. A run goes on with the same images only; start a new one."
        )


def _check_unfinished(folder: Path, made_longer: bool) -> None:
    try:
        status = json.loads((folder / "status.json").read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError):
        return  # nobody wrote that it is finished
    if status.get("state") == "finished" and not made_longer:
        raise ValueError(
            f"The run {folder} is finished ({status['epoch']} epochs). To train it longer, add "
            f"trainer.max_epochs={2 * status['epoch']}."
        )


def _select(cfg: DictConfig, key: str) -> object:
    value = OmegaConf.select(cfg, key.replace("/", ".").split("@")[0])
    return OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
