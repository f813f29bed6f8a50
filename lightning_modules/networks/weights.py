"""Where a backbone's weights come from: nowhere, the hub, or a file."""

import logging
from pathlib import Path

import timm
import torch
from timm.layers import DropPath
from torch import nn

log = logging.getLogger(__name__)

# share of weights that a file may lack: fixed position embeddings are in no file
TOLERATED = 0.1


def create_model(
    name: str,
    pretrained: bool | str,
    num_classes: int,
    dropout: float,
    drop_path: float,
    image_size: tuple[int, int] | None,
) -> nn.Module:
    """Create a timm model with a head for ``num_classes``.

    Args:
        name: In timm.
        pretrained: True: the hub's weights; a path: those of a file; False: from scratch.
        num_classes: Outputs of the head.
        dropout: Before the head, in [0, 1).
        drop_path: Stochastic depth, in [0, 1).
        image_size: Height and width of the input; None: what the model was trained with.

    Raises:
        ValueError: The weights cannot be had, are those of another model, or the model has no
            stochastic depth.
    """
    arguments: dict[str, object] = {"num_classes": num_classes, "drop_rate": dropout}
    if drop_path:
        _check_drop_path(name)
        arguments["drop_path_rate"] = drop_path
    fixed = getattr(timm.models.get_pretrained_cfg(name), "fixed_input_size", False)
    if image_size is not None and fixed:
        arguments["img_size"] = tuple(image_size)
    if isinstance(pretrained, str):
        return _load_file(name, Path(pretrained), arguments)
    if not pretrained:
        return timm.create_model(name, **arguments)
    log.info("Weights of %s: from the hub, or from where it keeps them on this machine.", name)
    hub = logging.getLogger("huggingface_hub")
    level = hub.level
    hub.setLevel(logging.ERROR)  # a dozen lines of retries; what came of them is raised
    try:
        return timm.create_model(name, pretrained=True, **arguments)
    except Exception as error:  # whatever the hub's client, the network or the disk raise
        raise ValueError(
            f"The weights of {name} could not be fetched from the hub ({_first_line(error)}). "
            "Without a network give a file, model.pretrained=path/to/weights.safetensors, or start "
            "from scratch, model.pretrained=false."
        ) from error
    finally:
        hub.setLevel(level)


def _check_drop_path(name: str) -> None:
    """Refuse a model that has no stochastic depth, or takes the option and leaves it at that."""
    try:
        with torch.device("meta"):
            net = timm.create_model(name, drop_path_rate=0.5)
    except TypeError:  # of a constructor that has no such argument
        net = None
    if net is None or not any(isinstance(module, DropPath) for module in net.modules()):
        raise ValueError(
            f"model.drop_path: {name} has no blocks that timm could leave out. Set "
            "model.drop_path=0, or choose another backbone (resnet, efficientnet, convnext, vit, "
            "swin, ... have)."
        )


def _load_file(name: str, file: Path, arguments: dict[str, object]) -> nn.Module:
    if not file.is_file():
        raise ValueError(
            f"model.pretrained: there is no file {file}. "
            "Expected true, false or the path of a .safetensors or .pth file."
        )
    overlay = {"file": str(file), "custom_load": False}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        fresh = timm.create_model(name, **arguments)
        torch.manual_seed(0)
        try:
            net = timm.create_model(
                name, pretrained=True, pretrained_cfg_overlay=overlay, **arguments
            )
        except Exception as error:  # a broken file raises whatever its reader does
            raise ValueError(
                f"model.pretrained={file} does not hold weights of {name}: {_first_line(error)}"
            ) from error
    _check_loaded(net, fresh, f"model.pretrained={file} does not hold weights of {name}")
    return net


def _check_loaded(net: nn.Module, fresh: nn.Module, refusal: str) -> None:
    """Refuse a file that leaves weights as they start: timm only warns of it.

    Args:
        net: The model that the file was loaded into.
        fresh: The same model, from the same seed, without the file.
        refusal: Beginning of the message.
    """
    head = {id(parameter) for parameter in find_head(net).parameters()}
    start = dict(fresh.named_parameters())
    weights = [(k, p) for k, p in net.named_parameters() if p.ndim > 1 and id(p) not in head]
    untouched = [name for name, weight in weights if torch.equal(weight, start[name])]
    if len(untouched) > TOLERATED * len(weights):
        raise ValueError(
            f"{refusal}: it leaves {len(untouched)} of {len(weights)} weights as they start, "
            f"such as {untouched[0]}."
        )


def find_head(net: nn.Module) -> nn.Module:
    """Last layer of a timm model; distilled models have several, which come as a list."""
    head = net.get_classifier()
    return nn.ModuleList(head) if isinstance(head, tuple | list) else head


def _first_line(error: Exception) -> str:
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__
