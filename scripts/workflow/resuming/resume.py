"""resume=: go on with a run by its own configuration."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from front.conf_tree import CONF, GLOBAL_GROUPS
from front.wording import did_you_mean
from omegaconf import DictConfig, OmegaConf

from datamodules.problems import list_some, raise_problems
from datamodules.splitting.splits import fingerprint
from datamodules.tables.codes import Codes
from datamodules.tables.table import ImageTable
from lightning_modules.checkpoint_file import check_file
from lightning_modules.run_reading import find_json
from workflow.call import Call
from workflow.places import find_checkpoint
from workflow.resuming.auto import find_unfinished
from workflow.resuming.config_hash import OF_THE_CALL, PLACES, covers
from workflow.resuming.lock import check_free
from workflow.resuming.run_config import read_config
from workflow.split_file import read_split
from workflow.typed import read_typed

log = logging.getLogger(__name__)
REPORT = ("report",)


def resume_config(cfg: DictConfig, call: Call) -> tuple[DictConfig, Call, Path | None]:
    """Find the run and its configuration, changed where that is allowed.

    Args:
        cfg: The composed configuration of this call.
        call: What was typed.

    Returns:
        The configuration to run by, the call that once started the run, and its ``last.ckpt``,
        which is not there where the run was stopped before it was written: it then starts anew.
        What was given and None where ``resume=auto`` starts a new run.

    Raises:
        ValueError: There is no such run, another process works on it, or the command line asks for
            what the run is not.
    """
    word, auto = cfg.resume, cfg.resume == "auto"
    if call.sweep_folder is not None:
        raise ValueError(
            f"resume={word} is for a single run: leave it out with --multirun, and go on with each "
            "run of a sweep by its own folder."
        )
    if auto:
        found = find_unfinished(cfg)
        if found is None:
            return cfg, call, None
        word = str(found)
    checkpoint = find_checkpoint(word, begun=False)
    folder = checkpoint.parents[1]
    if checkpoint.name != "last.ckpt" or not (folder / "config.yaml").is_file():
        raise ValueError(
            f"resume={word}: a run goes on from checkpoints/last.ckpt in its own folder, and "
            f"{checkpoint} is none. init_from={word} starts a new run from its weights."
        )
    check_free(folder)
    if checkpoint.is_file():
        check_file(checkpoint)
    own = _complete(read_config(checkpoint), cfg)
    words = read_typed(folder)
    epochs = own.trainer.max_epochs
    problems = _change(own, cfg, call, words, auto)
    raise_problems(problems, f"resume={word}: a run goes on by its own configuration")
    _check_length(folder, own.trainer.max_epochs, epochs)
    own.test, own.dry_run, own.traceback = cfg.test, cfg.dry_run, cfg.traceback
    own.require = cfg.require
    own.costs = own.costs or cfg.costs
    return own, replace(call, overrides=words, resuming=True), checkpoint


def _change(
    own: DictConfig, cfg: DictConfig, call: Call, words: list[str], auto: bool
) -> list[str]:
    """Change a run's configuration by what was typed now; what may not be comes back in sentences.

    Args:
        own: Of the run; changed in place.
        cfg: Of this call.
        call: What was typed now.
        words: What was typed when the run was started.
        auto: The run was found by its configuration, which therefore is the same.
    """
    started_with = {word.partition("=")[0]: word for word in words}
    allowed = _read_allowed(cfg.resume_allow)
    problems = list(_find_unknown(allowed, own, cfg))
    allowed += PLACES
    for override in call.overrides:
        key, _, value = override.lstrip("+~").partition("=")
        if covers(REPORT, key):  # of this call, and of the run where nothing is said
            place = key.replace("/", ".")
            OmegaConf.update(own, place, _select(cfg, place), merge=False, force_add=True)
            continue
        if key in OF_THE_CALL or (key == "out" and auto) or (key, value) == ("debug", "traceback"):
            continue
        if started_with.get(override.partition("=")[0]) == override:
            continue  # what was settled since is the run's own
        if key == "init_from" and not auto:
            problems.append(f"{override} starts a new run: leave it out, or leave resume= out")
        elif key in GLOBAL_GROUPS:
            problems.append(f"{override} chooses another configuration; leave it out")
        else:
            problems += _change_key(own, cfg, override, key, covers(allowed, key))
    return problems


def _read_allowed(asked: object) -> list[str]:
    allowed = [asked] if isinstance(asked, str) else asked
    if not isinstance(allowed, Sequence):
        raise ValueError(
            f"resume_allow is {asked!r}, expected a key or a list of keys that may differ, such as "
            "resume_allow=optimizer.lr or resume_allow=[optimizer,trainer.max_epochs]."
        )
    return [str(key) for key in allowed]


def _find_unknown(allowed: list[str], own: DictConfig, cfg: DictConfig) -> Iterator[str]:
    """Keys of ``resume_allow`` that neither configuration has would allow nothing."""
    for key in allowed:
        parent, _, last = key.rpartition(".")
        nodes = [OmegaConf.select(one, parent) if parent else one for one in (own, cfg)]
        siblings = {name for node in nodes if OmegaConf.is_dict(node) for name in node}
        if last not in siblings:
            yield f"resume_allow={key} names no option.{did_you_mean(last, map(str, siblings))}"


def _change_key(
    own: DictConfig, cfg: DictConfig, override: str, key: str, allowed: bool
) -> Iterator[str]:
    place = key.replace("/", ".").split("@")[0]
    asked, held = _select(cfg, place), _select(own, place)
    if asked == held:
        return
    if not allowed and (isinstance(asked, dict) or isinstance(held, dict)):
        yield (
            f"{override} chooses another {place} than the run has. Leave it out, start a new run, "
            f"or list it: resume_allow={place}"
        )
    elif not allowed:
        yield (
            f"{place} is {held!r} in that run and {asked!r} on the command line. Leave it out, "
            f"start a new run, or list it: resume_allow={place}"
        )
    else:
        log.info("resume: %s was %r, is now %r.", place, held, asked)
        OmegaConf.update(own, place, asked, merge=False, force_add=True)
        if asked is None and override.startswith("~"):
            parent, _, last = place.rpartition(".")
            del (OmegaConf.select(own, parent) if parent else own)[last]


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
    if "logger" not in own:
        own.logger = {}
    if "interventions" not in own:
        own.interventions = cfg.interventions
    for group in ("scores", "report"):
        if group not in own:
            own[group] = cfg[group]
    return own


def check_same_split(table: ImageTable, folder: Path) -> None:
    """A run goes on with the images that it has, each in its own split.

    Raises:
        ValueError: The data has changed since: a made split would mix training and test.
    """
    then = read_split(folder)
    _check_same_labels(table, then, folder)
    before = fingerprint(then["id"], Codes.encode(then["split"]))
    if before != table.fingerprint:
        raise ValueError(
            f"The data of {folder} has changed: {then.num_rows} images then, {len(table)} now, or "
            "another split of them. A run goes on with the same images only; start a new one."
        )


def _check_same_labels(table: ImageTable, then: pa.Table, folder: Path) -> None:
    if "label" not in then.column_names:
        return
    labels = Codes(table.labels, pa.array(table.class_names)).to_arrow().cast(pa.string())
    where = pc.index_in(table.ids.combine_chunks(), value_set=then["id"].combine_chunks())
    before = then["label"].combine_chunks().take(where)
    differs = pc.fill_null(pc.not_equal(before, labels), False)
    changed = table.ids.filter(differs).to_pylist()
    if changed:
        raise ValueError(
            f"The labels of {len(changed)} images have changed since {folder} was started (the "
            f"table, or data.corrections): {list_some(changed, 3)}. A run goes on with the same "
            "labels only; start a new one."
        )


def _check_length(folder: Path, max_epochs: int, before: int) -> None:
    """A finished run goes on where it is made longer; none ends before where it is."""
    try:
        status = find_json(folder / "status.json")
        done, finished = int(status["epoch"]), status["state"] == "finished"
    except (ValueError, KeyError, TypeError):
        return  # nobody wrote how far it is
    if finished and max_epochs <= max(before, done):
        raise ValueError(
            f"The run {folder} is finished ({done} epochs). To train it longer, add "
            f"trainer.max_epochs={2 * done}."
        )
    if max_epochs < done:
        raise ValueError(
            f"trainer.max_epochs is {max_epochs}, and the run {folder} has trained {done} epochs "
            f"already: expected {done} or more."
        )


def _select(cfg: DictConfig, place: str) -> object:
    value = OmegaConf.select(cfg, place)
    return OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
