"""init_from=: the weights of a checkpoint as the start of another classifier."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lightning_modules.architecture import check_backbone
from lightning_modules.averaging import has_average, pick_weights
from lightning_modules.checkpoint import open_checkpoint
from lightning_modules.checkpoint_content import name_some
from lightning_modules.roi_classifier import ROIClassifier

NETWORK, BACKBONE, GATE = "network.", "network.backbone.", "network.gate."


def take_weights(model: ROIClassifier, path: Path) -> tuple[dict[str, Any], list[str]]:
    """Start a classifier from the weights of a checkpoint, the averaged ones where there are some.

    Taken is what agrees in name and shape. The last layer is taken for the same classes, its rows
    put in their order; for other classes it starts anew. The gate's own weights are taken where the
    regions are the same.

    Args:
        model: Changed in place.
        path: Of a checkpoint or its twin.

    Returns:
        What the checkpoint remembers of its origin, and what was done, in sentences.

    Raises:
        ValueError: It cannot be opened, has another backbone or another size of input that its
            backbone is tied to, or weights that are no numbers.
    """
    checkpoint = open_checkpoint(path)
    then, state = checkpoint["hyper_parameters"], checkpoint["state_dict"]
    check_backbone(then["model"]["backbone"], model.hparams.model["backbone"], path)
    given = {k: v for k, v in pick_weights(state).items() if k.startswith(NETWORK)}
    broken = [k for k, v in given.items() if v.is_floating_point() and not v.isfinite().all()]
    if broken:
        raise ValueError(f"init_from={path}: weights are NaN or infinite, {name_some(broken)}.")
    said = _settle_classes(model, then, given)
    if list(then["region_names"]) != list(model.hparams.region_names):
        given = {name: value for name, value in given.items() if not name.startswith(GATE)}
    own = {k: v for k, v in model.state_dict().items() if k.startswith(NETWORK)}
    fits = {k: v for k, v in given.items() if k in own and v.shape == own[k].shape}
    _check_fits(model, then, given, fits, path)
    model.load_state_dict(fits, strict=False)
    which = "averaged weights" if has_average(state) else "weights"
    said.insert(0, f"init_from: {len(fits)} of {len(own)} {which} of the network are of {path}.")
    said += _say_rest("start anew, for it has none that fit", own.keys() - fits.keys())
    said += _say_rest("of it have no place here and are left out", given.keys() - fits.keys())
    return then.get("record") or {}, said


def _settle_classes(
    model: ROIClassifier, then: dict[str, Any], given: dict[str, Tensor]
) -> list[str]:
    """Put the last layer's rows in the order of this run's classes, or take the layer out."""
    before, now = list(then["class_names"]), list(model.hparams.class_names)
    own = {id(parameter) for parameter in model.network.backbone.head.parameters()}
    head = [k for k, parameter in model.named_parameters() if id(parameter) in own and k in given]
    if before == now:
        return []
    if set(before) == set(now) and all(given[name].shape[0] == len(now) for name in head):
        order = torch.tensor([before.index(name) for name in now])
        given |= {name: given[name][order] for name in head}
        return [
            f"The classes stood in another order ({', '.join(before)}; now {', '.join(now)}): the "
            "last layer's rows were put in that of now."
        ]
    for name in head:
        del given[name]
    return [
        f"The last layer starts anew: the classes were {', '.join(before)}, now they are "
        f"{', '.join(now)}."
    ]


def _check_fits(
    model: ROIClassifier,
    then: dict[str, Any],
    given: dict[str, Tensor],
    fits: dict[str, Tensor],
    path: Path,
) -> None:
    """A backbone that is taken in part only would be worse than it looks."""
    own = model.state_dict()
    wrong = [k for k in given if k.startswith(BACKBONE) and k in own and k not in fits]
    before, now = then.get("image_size"), list(model.image_size)
    tied = before is not None and list(before) != now
    if wrong and (tied or then["gate"].get("_target_") == model.hparams.gate["_target_"]):
        hint = f" Its input was {before}, here it is {now}: set data.image_size." if tied else ""
        shapes = [f"{k} is {tuple(given[k].shape)}, here {tuple(own[k].shape)}" for k in wrong]
        raise ValueError(f"init_from={path} does not fit: {name_some(shapes)}.{hint}")


def _say_rest(what: str, names: Iterable[str]) -> list[str]:
    parts = Counter(".".join(name.split(".")[1:3]) for name in sorted(names))
    listed = ", ".join(f"{part} ({count})" for part, count in parts.items())
    return [f"Weights that {what}: {listed}."] if listed else []
