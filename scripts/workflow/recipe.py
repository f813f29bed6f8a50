"""How the network is trained: what cannot be, and the line that says it; without torch."""

import logging
import math
from collections.abc import Iterator
from typing import Any

log = logging.getLogger(__name__)
# gates that serve mixtures of images, as their classes say by ``mixes``
MIXING_GATES = ("NoGate", "PixelGate", "TokenGate", "TwoStageGate")
AVERAGES = {
    "ema": "moving average of the weights (decay {decay:g})",
    "swa": "mean of the weights over the last {last_share:.0%} of the run",
}
MIXTURES = ("mixup", "cutmix")
# what the parts that are built with torch refuse too, 10 s later; null is each part's own choice
RANGES = {
    "average.decay": (lambda value: 0 <= value < 1, "0 or more and below 1"),
    "average.last_share": (lambda value: 0 < value <= 1, "above 0 and up to 1"),
    "optimizer.lr": (lambda value: 0 < value < math.inf, "a finite number above 0"),
    "optimizer.weight_decay": (lambda value: value >= 0, "0 or more"),
    "optimizer.momentum": (lambda value: 0 <= value < 1, "0 or more and below 1"),
    "optimizer.layer_decay": (lambda value: 0 < value <= 1, "a factor above 0 and up to 1"),
    "model.dropout": (lambda value: 0 <= value < 1, "a probability below 1"),
    "model.drop_path": (lambda value: 0 <= value < 1, "a probability below 1"),
    "model.freeze_epochs": (lambda value: value >= 0, "0 or more epochs"),
    "loss.label_smoothing": (lambda value: 0 <= value < 1, "a share below 1"),
    "extras.mixup": (lambda value: value >= 0, "0 (off) or a number above"),
    "extras.cutmix": (lambda value: value >= 0, "0 (off) or a number above"),
    "callbacks.last.every_n_steps": (lambda value: value > 0, "a number above 0, or null"),
    "callbacks.last.every_n_minutes": (lambda value: value > 0, "a number above 0, or null"),
    "callbacks.early_stopping.patience": (lambda value: value >= 0, "0 or more epochs"),
    "callbacks.duration.num_steps": (lambda value: value > 0, "at least 1"),
    "callbacks.preview.num_images": (lambda value: value > 0, "at least 1"),
}


def find_recipe_problems(config: dict[str, Any]) -> Iterator[str]:
    """Find numbers out of range, and options that make no sense together."""
    for key, (fits, expected) in RANGES.items():
        value: Any = config
        for name in key.split("."):
            value = (value or {}).get(name)  # a callback may be switched off
        if value is not None and not fits(value):
            yield f"{key} is {value}, expected {expected}"
    model, num_epochs = config["model"], config["trainer"].get("max_epochs") or 0
    frozen = model.get("freeze_epochs", 0)
    if 0 < num_epochs <= frozen:
        yield (
            f"model.freeze_epochs is {frozen} of {num_epochs} epochs (trainer.max_epochs), so the "
            "backbone would never train: expected fewer, or model.freeze_backbone=true instead"
        )
    decay = config["optimizer"].get("layer_decay")
    if decay is not None and model.get("freeze_backbone"):
        yield (
            f"optimizer.layer_decay is {decay}, which has no effect with "
            "model.freeze_backbone=true: leave one of them out"
        )


def settle_mixing(config: dict[str, Any], overrides: list[str]) -> None:
    """Mix no images behind a gate that has no answer to mixtures, unless they were asked for.

    A recipe is for any gate and data; what is typed stays, and the gate refuses it.

    Args:
        config: Of the run, plain, the gate decided; the extras may change.
        overrides: Of the command line.
    """
    gate, extras = config["gate"], config["extras"]
    mixes = gate["_target_"].endswith(MIXING_GATES) and not gate.get("unsupervised")
    typed = {word.partition("=")[0] for word in overrides}
    chosen = [n for n in MIXTURES if extras.get(n) and f"extras.{n}" not in typed]
    if chosen and not mixes:
        extras |= dict.fromkeys(chosen, 0.0)
        name = gate["_target_"].rpartition(".")[2]
        log.info("No %s: %s has no answer to mixtures of images.", " and ".join(chosen), name)


def say_recipe(config: dict[str, Any]) -> None:
    """Say in a line how the network is trained, and what of it makes little sense."""
    log.info("Training: %s.", ", ".join(_describe(config)))
    if not config["callbacks"].get("last"):
        log.warning(
            "callbacks.last is null: no last.ckpt is written, and a run that is stopped cannot go "
            "on from where it was."
        )
    model = config["model"]
    if model.get("freeze_epochs") and not model["pretrained"]:
        log.warning(
            "model.freeze_epochs=%d freezes a backbone of random weights, and is for pretrained "
            "ones (model.pretrained=true, or a file).",
            model["freeze_epochs"],
        )


def _describe(config: dict[str, Any]) -> Iterator[str]:
    model, optimizer, trainer = config["model"], config["optimizer"], config["trainer"]
    schedule = config["scheduler"]["_target_"].rpartition(".")[2]
    yield f"{trainer['max_epochs']} epochs of {optimizer['name']}"
    yield f"lr {optimizer['lr']:g} ({schedule})"
    told = {
        "layer decay": optimizer.get("layer_decay"),
        "label smoothing": config["loss"].get("label_smoothing"),
        "drop path": model.get("drop_path"),
        "head alone in the first epochs:": model.get("freeze_epochs"),
    }
    yield from (f"{name} {value:g}" for name, value in told.items() if value)
    if trainer.get("precision") not in ("32-true", 32, "32"):
        yield f"precision {trainer['precision']}"
    if model.get("compile"):
        yield "compiled (the first steps take minutes)"
    kind = config["average"]["_target_"].rpartition(".")[2]
    if kind != "no_average":
        yield f"{AVERAGES[kind].format(**config['average'])}, which validation and test use"
