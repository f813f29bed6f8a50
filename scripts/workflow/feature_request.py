"""Whether a frozen backbone may see every image once; what is known of it without torch."""

import logging
from collections.abc import Iterator
from typing import Any

from front.processes import this_process

from workflow.devices.request import count_asked
from workflow.situation import EXTRAS

log = logging.getLogger(__name__)
# options of the augmentation that change no image by themselves, and those whose rest is not 0
IDLE, AT_REST = ("_target_", "keep_roi"), {"crop": 1.0}
WHOLE = {"fast_dev_run": False, "limit_train_batches": 1.0, "overfit_batches": 0.0}


def settle_features(config: dict[str, Any], resuming: bool = False) -> None:
    """Decide ``data.cache_features``, in place, as far as the configuration tells.

    Args:
        config: Resolved.
        resuming: Whether it is that of a run which goes on, with what was decided then.

    Raises:
        ValueError: It is asked for and cannot be.
    """
    if not config["model"].get("freeze_backbone"):
        if config["data"].get("cache_features") is True:
            refuse_features(["the backbone is trained (model.freeze_backbone=true freezes it)"])
        config["data"]["cache_features"] = False
        return
    if config["model"].get("pretrained") is False and config.get("init_from") is None:
        log.warning(
            "model.freeze_backbone=true with model.pretrained=false: the last layer learns from "
            "features that nobody trained, which is of little use. Give the backbone weights "
            "(model.pretrained=true, or the path of a file), or train it (freeze_backbone=false)."
        )
    obstacles = list(_find_obstacles(config))
    if obstacles and resuming and config["data"].get("cache_features") is True:
        raise ValueError(
            "This run trains its last layer on what the frozen backbone says of each image, once "
            f"(data.cache_features), which cannot be any more: {'; '.join(obstacles)}. Leave "
            "out what was typed of it beside resume=."
        )
    if obstacles:
        decline_features(config, obstacles)


def decline_features(config: dict[str, Any], obstacles: list[str]) -> None:
    """Switch ``data.cache_features`` off, in place, and say why, unless nobody wants it.

    Raises:
        ValueError: It was asked for.
    """
    wanted = config["data"].get("cache_features", "auto")
    if wanted is True:
        refuse_features(obstacles)
    if wanted == "auto":
        log.info(
            "Every epoch shows every image to the frozen backbone anew (data.cache_features): %s.",
            "; ".join(obstacles),
        )
    config["data"]["cache_features"] = False


def refuse_features(obstacles: list[str]) -> None:
    """Raise what stands in the way of ``data.cache_features=true``."""
    raise ValueError(
        "data.cache_features=true trains the last layer on what it reads of each image, once, "
        f"which cannot be: {'; '.join(obstacles)}. Change that, or leave it at auto."
    )


def _find_obstacles(config: dict[str, Any]) -> Iterator[str]:
    changing = [
        f"augment.{name}={value}"
        for name, value in config["augment"].items()
        if name not in IDLE and value != AT_REST.get(name, 0)
    ]
    if changing:
        yield f"every epoch changes the images ({', '.join(changing)}; augment=none leaves them)"
    drawn = [f"extras.{name}={config['extras'][name]}" for name in EXTRAS if config["extras"][name]]
    if drawn:
        yield f"every epoch draws anew what is shown of them ({', '.join(drawn)}; 0 does not)"
    trainer = config["trainer"]
    cut = [f"trainer.{k}={trainer[k]}" for k, whole in WHOLE.items() if trainer.get(k) != whole]
    if cut:
        yield f"only some of them are trained on ({', '.join(cut)})"
    if this_process().several or count_asked(trainer["devices"]) != 1:
        yield f"several devices train (trainer.devices={trainer['devices']})"
