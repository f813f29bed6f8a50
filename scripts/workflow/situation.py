"""gate=auto: gate, extras and mask source as the experiment of the data's situation has them."""

import logging
from dataclasses import replace
from typing import Any

from front.conf_tree import CONF
from omegaconf import OmegaConf

from datamodules.tables.table import ImageTable
from lightning_modules.networks.gates.auto import choose_gate
from workflow.call import Call
from workflow.recipe import settle_mixing

log = logging.getLogger(__name__)
EXTRAS = ("swap", "mask_jitter", "roi_dropout", "mixup", "cutmix")
# of the training images, where nobody says otherwise
DROPOUT = {"HintGate": 0.3, "full": 0.1}


def settle_situation(config: dict[str, Any], table: ImageTable, call: Call) -> ImageTable:
    """Replace ``gate=auto`` and what is null in the extras by the values to run with, in place.

    What the command line sets stays as it is.

    Args:
        config: Of the run, plain.
        table: The images.
        call: What was typed.

    Returns:
        The table, with the ROIs of the test laid aside where the situation says so.
    """
    if config["gate"]["_target_"].endswith("choose_gate"):
        table = _choose(config, table, call)
    fill_extras(config)
    settle_mixing(config, call.overrides)
    return table


def _choose(config: dict[str, Any], table: ImageTable, call: Call) -> ImageTable:
    options = {key: value for key, value in config["gate"].items() if key != "_target_"}
    situation, reason = choose_gate(table.roi_share(), **options)
    experiment = _load(f"experiment/{situation}")
    _check_policy(config["gate"]["roi_missing"], situation, reason)
    files = dict(one.popitem() for one in experiment["defaults"])
    for group in ("gate", "extras"):
        chosen = _load(f"{group}/{files[f'override /{group}']}")
        untouched = _load(f"{group}/{'auto' if group == 'gate' else 'default'}")
        own = {k: v for k, v in config[group].items() if k in chosen and v != untouched[k]}
        config[group] = chosen | own | {"_target_": chosen["_target_"]}
    config["control"] = config["control"] or experiment.get("control", False)
    log.info(
        "gate=auto chose %s (%s, as experiment=%s): %s.",
        files["override /gate"],
        describe_extras(config["extras"]),
        situation,
        reason,
    )
    at_test = experiment.get("data", {}).get("roi_at_test", True)
    if at_test or any(word.startswith("data.roi_at_test=") for word in call.overrides):
        return table
    config["data"]["roi_at_test"] = False
    if table.annotated[table.splits != "train"].any():
        log.info(
            "ROIs of validation and test images only measure (data.roi_at_test=false), as where "
            "nobody draws them; data.roi_at_test=true gates by them."
        )
    return replace(table, roi_at_test=False)


def _check_policy(roi_missing: str | None, situation: str, reason: str) -> None:
    """Refuse a policy for images without ROI that the chosen gate does not have."""
    allowed = ("error", "full", "abstain") if situation == "roi_given" else ("predict", "abstain")
    if roi_missing is not None and roi_missing not in allowed:
        raise ValueError(
            f"gate.roi_missing={roi_missing}: gate=auto takes experiment={situation} ({reason}), "
            f"whose gate has {' or '.join(allowed)}. Leave it out, or name the gate."
        )


def _load(name: str) -> dict[str, Any]:
    return OmegaConf.to_container(OmegaConf.load(CONF / f"{name}.yaml"))


def fill_extras(config: dict[str, Any]) -> None:
    """What is null becomes nothing; ROI dropout what images without ROI ask for."""
    extras, gate = config["extras"], config["gate"]
    if extras["roi_dropout"] is None:
        name = gate["_target_"].rpartition(".")[2]
        extras["roi_dropout"] = DROPOUT.get(name, DROPOUT.get(gate.get("roi_missing"), 0.0))
    for key in ("swap", "mask_jitter"):
        extras[key] = 0 if extras[key] is None else extras[key]


def describe_extras(extras: dict[str, Any]) -> str:
    """Name the extras that are on."""
    on = [f"{key} {extras[key]}" for key in EXTRAS if extras.get(key)]
    return ", ".join(on) or "no extras"
