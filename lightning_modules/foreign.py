"""Classifiers that were trained elsewhere with timm, wrapped to be examined."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from timm.models import load_state_dict
from torch import Tensor

from lightning_modules.networks.backbone import native_size
from lightning_modules.roi_classifier import ROIClassifier

MOST_NAMED = 3


def wrap_timm(
    file: Path,
    model: dict[str, Any],
    parts: dict[str, dict[str, Any]],
    class_names: Sequence[str],
    region_names: Sequence[str],
    image_size: Sequence[int] | None,
) -> ROIClassifier:
    """Load weights, head included, into a plain classifier without a gate.

    Args:
        file: ``.safetensors``, or what ``torch.save`` wrote of a state dict, opened with
            ``weights_only``; timm's training checkpoints and Lightning's are looked into.
        model: Backbone, as in conf/model.
        parts: Gate, loss, optimizer and scheduler, as in conf.
        class_names: In the order of the checkpoint's outputs.
        region_names: Of the data.
        image_size: Height and width of the input; None: the backbone's own.

    Raises:
        ValueError: The file cannot be opened, or does not hold all weights of that model.
    """
    try:
        native_size(model["backbone"])
    except ValueError as error:
        raise ValueError(str(error).replace("model.backbone", "backbone", 1)) from error
    classifier = ROIClassifier(
        class_names=list(class_names),
        region_names=list(region_names),
        model=model | {"pretrained": False},
        image_size=image_size,
        **parts,
    )
    net, name = classifier.network.backbone.net, model["backbone"]
    weights = _strip_prefix(_read(file), set(net.state_dict()))
    expected = net.state_dict()
    problems = [f"{key} is missing" for key in expected if key not in weights]
    problems += [f"{key} is unknown" for key in weights if key not in expected]
    problems += [
        f"{key} is {tuple(weights[key].shape)}, expected {tuple(value.shape)}"
        for key, value in expected.items()
        if key in weights and weights[key].shape != value.shape
    ]
    if problems:
        more = f", and {len(problems) - MOST_NAMED} more" if len(problems) > MOST_NAMED else ""
        raise ValueError(
            f"ckpt={file} does not hold the weights of {name} with {len(class_names)} classes "
            f"({', '.join(class_names)}): {'; '.join(problems[:MOST_NAMED])}{more}. Give the "
            "backbone and the classes that it was trained with."
        )
    net.load_state_dict(weights)
    return classifier.eval()


def _read(file: Path) -> dict[str, Tensor]:
    try:
        weights = load_state_dict(str(file), weights_only=True)
    except Exception as error:  # whatever the readers of the two formats raise
        reason = (str(error).strip() or type(error).__name__).splitlines()[0].partition(". ")[0]
        raise ValueError(
            f"ckpt={file} cannot be opened as weights alone. Expected what torch.save wrote of "
            "model.state_dict(), or a .safetensors file; a whole model carries code, which is "
            f"never run ({reason})."
        ) from error
    if not all(isinstance(value, Tensor) for value in weights.values()):
        raise ValueError(f"ckpt={file} holds more than weights; give a state dict.")
    return weights


def _strip_prefix(weights: dict[str, Tensor], known: set[str]) -> dict[str, Tensor]:
    """Take off what wrappers put before every name (``model.``, ``net.``)."""
    stripped = weights
    while stripped and not known & set(stripped):
        heads = {name.partition(".")[0] for name in stripped}
        if len(heads) > 1:
            return weights
        stripped = {name.partition(".")[2]: value for name, value in stripped.items()}
    return stripped
