"""Any timm model as a classifier: its features are its own, its last layer is new."""

import difflib

import timm
import torch
from timm.data import resolve_data_config
from torch import Tensor, nn

from lightning_modules.networks.weights import create_model, find_head


class Backbone(nn.Module):
    """A timm model with a new head.

    Args:
        num_classes: Outputs of the head.
        image_size: Height and width of the input; None: what the model was trained with.
        backbone: Name in timm, with or without the tag of its weights.
        pretrained: True loads timm's weights from the hub, a path loads a .safetensors or .pth file
            (tensors only), False starts from scratch.
        dropout: Before the last layer, in [0, 1).
        freeze_backbone: Train the head only; normalisation keeps its statistics.

    Shape: image (B, 3, H, W), normalised -> logits (B, C)

    Raises:
        ValueError: The name is unknown, or the weights cannot be had or do not fit.
    """

    def __init__(
        self,
        num_classes: int,
        image_size: tuple[int, int] | None = None,
        *,
        backbone: str = "resnet10t",
        pretrained: bool | str = False,
        dropout: float = 0.0,
        freeze_backbone: bool = False,
    ) -> None:
        super().__init__()
        if not 0 <= dropout < 1:
            raise ValueError(f"model.dropout is {dropout}, expected a probability below 1.")
        if dropout and freeze_backbone:
            raise ValueError(
                "model.dropout has no effect with model.freeze_backbone=true, which keeps all but "
                "the last layer in evaluation: leave one of them out."
            )
        _check_name(backbone)
        net = create_model(backbone, pretrained, num_classes, dropout, image_size)
        # the layout that convolutions are fastest in, on CPUs and GPUs alike
        self.net = net.to(memory_format=torch.channels_last)
        _start_head_small(self.head)
        config = resolve_data_config({}, model=self.net)
        self.image_size = tuple(image_size or config["input_size"][1:])
        self.mean, self.std = tuple(config["mean"]), tuple(config["std"])
        self.interpolation = config["interpolation"]
        self.freeze_backbone = freeze_backbone
        if freeze_backbone:
            self.net.requires_grad_(False)
            self.head.requires_grad_(True)
            self.train(self.training)

    @property
    def head(self) -> nn.Module:
        """The last layer, which is new (distilled models have two)."""
        return find_head(self.net)

    def train(self, mode: bool = True) -> "Backbone":
        """Switch to training; a frozen backbone stays in eval mode, its head does not."""
        super().train(mode)
        if self.freeze_backbone:
            self.net.eval()
            self.head.train(mode)
        return self

    def forward(self, image: Tensor) -> Tensor:
        """Return the logits."""
        return self.net(image.contiguous(memory_format=torch.channels_last))


def _start_head_small(head: nn.Module) -> None:
    """Let the new layer start undecided; some of timm's begin with logits in the tens."""
    for layer in head.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            nn.init.normal_(layer.weight, std=0.01)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def _check_name(name: str) -> None:
    base, _, tag = name.partition(".")
    if name.startswith(("hf-hub:", "hf_hub:", "local-dir:")):
        return
    if timm.is_model(base):
        tags = [known.partition(".")[2] for known in timm.list_pretrained(f"{base}.*")]
        if tag and tag not in tags:
            raise ValueError(
                f"model.backbone={name}: timm {timm.__version__} has no weights {tag!r} of {base}. "
                f"Known: {', '.join(tags) or 'none'}."
            )
        return
    near = difflib.get_close_matches(name, timm.list_models(), n=4, cutoff=0.5)
    hint = f" Did you mean {', '.join(near)}?" if near else ""
    raise ValueError(f"model.backbone={name} is not a model of timm {timm.__version__}.{hint}")
