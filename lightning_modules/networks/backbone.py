"""Any timm model as a classifier: its features are its own, its last layer is new."""

import difflib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import timm
import torch
from timm.data import resolve_data_config
from timm.models import get_pretrained_cfg
from torch import Tensor, nn

from lightning_modules.networks.weights import create_model, find_head

# names of models that are described outside of timm
ELSEWHERE = ("hf-hub:", "hf_hub:", "local-dir:")


class Backbone(nn.Module):
    """A timm model with a new head.

    Args:
        num_classes: Outputs of the head.
        image_size: Height and width of the input; None: what the model was trained with.
        backbone: Name in timm, with or without the tag of its weights.
        pretrained: True loads timm's weights from the hub, a path loads a .safetensors or .pth file
            (tensors only), False starts from scratch.
        dropout: Before the last layer, in [0, 1).
        drop_path: Share in [0, 1) of the images for which the last block is left out in training,
            less for those before it (Huang et al. 2016, "Deep Networks with Stochastic Depth").
        freeze_backbone: Train the head only; normalisation keeps its statistics.
        freeze_epochs: Do so in the first epochs, then train all (``start_epoch``).
        compile: Train through torch.compile; answers outside of training, and the names of the
            weights, stay as they are.

    Shape: image (B, 3, H, W), normalised -> logits (B, C)

    Raises:
        ValueError: The name is unknown, the weights cannot be had or do not fit, or options are out
            of their range or have no effect together.
    """

    def __init__(
        self,
        num_classes: int,
        image_size: tuple[int, int] | None = None,
        *,
        backbone: str = "resnet10t",
        pretrained: bool | str = False,
        dropout: float = 0.0,
        drop_path: float = 0.0,
        freeze_backbone: bool = False,
        freeze_epochs: int = 0,
        compile: bool = False,
    ) -> None:
        super().__init__()
        _check_options(dropout, drop_path, freeze_backbone, freeze_epochs)
        _check_name(backbone)
        net = create_model(backbone, pretrained, num_classes, dropout, drop_path, image_size)
        # the layout that convolutions are fastest in, on CPUs and GPUs alike
        self.net = net.to(memory_format=torch.channels_last)
        _start_head_small(self.head)
        config = expected_input(backbone)
        self.image_size = tuple(image_size or config["input_size"][1:])
        self.mean, self.std = tuple(config["mean"]), tuple(config["std"])
        self.interpolation = config["interpolation"]
        self.freeze_backbone, self.freeze_epochs = freeze_backbone, freeze_epochs
        self.frozen = False
        self._watch: Callable[[Tensor], Tensor] | None = None
        # dynamic: the code for a batch must not depend on the sizes seen before it (exact resume)
        self._compiled = torch.compile(self.net.forward_features, dynamic=True) if compile else None
        if freeze_backbone:
            self._freeze(True)

    @property
    def head(self) -> nn.Module:
        """The last layer, which is new (distilled models have two)."""
        return find_head(self.net)

    def train(self, mode: bool = True) -> "Backbone":
        """Switch to training; a frozen backbone stays in eval mode, its head does not."""
        super().train(mode)
        if self.frozen:
            self.net.eval()
            self.head.train(mode)
        return self

    def start_epoch(self, epoch: int) -> None:
        """Train the head alone in the first ``freeze_epochs``, all from then on; epochs from 0.

        It may be called at any batch. The optimizer is to have all parameters from the start: those
        that get no gradient are neither moved nor decayed.
        """
        if self.freeze_epochs and self.frozen != (epoch < self.freeze_epochs):
            self._freeze(epoch < self.freeze_epochs)

    def _freeze(self, frozen: bool) -> None:
        self.frozen = frozen
        self.net.requires_grad_(not frozen)
        self.head.requires_grad_(True)
        self.train(self.training)

    @property
    def compiles(self) -> bool:
        """Whether training goes through torch.compile."""
        return self._compiled is not None

    def __getstate__(self) -> dict[str, Any]:
        """Leave compiled code behind: that of a copy would go on with the original's weights."""
        return super().__getstate__() | {"_compiled": None}

    @property
    def num_features(self) -> int:
        """Width of the last feature map."""
        return self.net.num_features

    def forward(self, image: Tensor) -> Tensor:
        """Return the logits."""
        return self.classify(self.features(image))

    def features(self, image: Tensor) -> Tensor:
        """Return the last feature map, (B, D, h, w), (B, h, w, D) or tokens (B, N, D)."""
        compiled = self.training and self._compiled is not None
        forward = self._compiled if compiled else self.net.forward_features
        features = forward(image.contiguous(memory_format=torch.channels_last))
        return features if self._watch is None else self._watch(features)

    @contextmanager
    def watch_features(self, change: Callable[[Tensor], Tensor] | None = None) -> Iterator[list]:
        """Collect the feature maps that are made meanwhile, with their graph.

        What ``change`` returns of a map takes its place.
        """
        watched = []

        def watch(features: Tensor) -> Tensor:
            features = features if change is None else change(features)
            watched.append(features)
            return features

        self._watch = watch
        try:
            yield watched
        finally:
            self._watch = None

    def classify(self, features: Tensor) -> Tensor:
        """Pool a feature map and return the logits."""
        return self.net.forward_head(features)

    def embed(self, features: Tensor) -> Tensor:
        """Pool a feature map to what the last layer reads, (B, E)."""
        return self.net.forward_head(features, pre_logits=True)

    @cached_property
    def averages(self) -> bool:
        """Whether the mean of its last map alone counts, so that weighing cells weighs the mean.

        Found once, by a map and its own mean in every cell: heads that take a maximum or compute
        before they pool tell them apart.
        """
        training, device = self.training, next(self.parameters()).device
        self.eval()
        try:
            with torch.no_grad():
                return self._reads_means(torch.zeros(1, 3, *self.image_size, device=device))
        finally:
            self.train(training)

    def _reads_means(self, image: Tensor) -> bool:
        features = self.features(image)
        if features.ndim != 4 or self.num_features not in (features.shape[1], features.shape[3]):
            return False
        draw = torch.rand(features.shape, generator=torch.Generator().manual_seed(0)) - 0.5
        draw = draw.to(features)
        channels_first = draw.shape[1] == self.num_features
        level = draw.mean(dim=(2, 3) if channels_first else (1, 2), keepdim=True).expand_as(draw)
        return torch.allclose(self.embed(draw), self.embed(level), rtol=1e-3, atol=1e-4)

    def as_map(self, features: Tensor) -> Tensor:
        """View a feature map as (B, D, h, w), whatever its layout.

        Raises:
            ValueError: The backbone makes tokens.
        """
        if features.ndim != 4:
            raise ValueError(
                f"{type(self.net).__name__} makes {features.ndim - 1}-dimensional tokens instead "
                "of a feature map."
            )
        channels_first = features.shape[1] == self.num_features
        return features if channels_first else features.permute(0, 3, 1, 2)

    def weigh(self, features: Tensor, weights: Tensor) -> Tensor:
        """Multiply a feature map by weights (B, 1, h, w) and keep its layout."""
        weighed = self.as_map(features) * weights
        channels_first = features.shape[1] == self.num_features
        return weighed if channels_first else weighed.permute(0, 2, 3, 1)


def native_size(name: str) -> tuple[int, int]:
    """Height and width that a timm model was trained with, without building it.

    Raises:
        ValueError: The name is unknown.
    """
    return tuple(expected_input(name)["input_size"][1:])


def expected_input(name: str) -> dict[str, Any]:
    """Size, mean, std and interpolation that a timm model expects, without building it.

    Raises:
        ValueError: The name is unknown.
    """
    _check_name(name)
    if name.startswith(ELSEWHERE):
        return resolve_data_config({}, model=timm.create_model(name))
    return resolve_data_config({}, pretrained_cfg=get_pretrained_cfg(name).to_dict())


def _check_options(
    dropout: float, drop_path: float, freeze_backbone: bool, freeze_epochs: int
) -> None:
    """Refuse what is out of range, and what has no effect beside something else."""
    for name, share in (("dropout", dropout), ("drop_path", drop_path)):
        if not 0 <= share < 1:
            raise ValueError(f"model.{name} is {share}, expected a probability below 1.")
        if share and freeze_backbone:
            raise ValueError(
                f"model.{name} has no effect with model.freeze_backbone=true, which keeps all but "
                "the last layer in evaluation: leave one of them out."
            )
    if freeze_epochs < 0:
        raise ValueError(f"model.freeze_epochs is {freeze_epochs}, expected 0 or more epochs.")
    if freeze_epochs and freeze_backbone:
        raise ValueError(
            "model.freeze_epochs thaws the backbone after so many epochs and "
            "model.freeze_backbone=true never does: leave one of them out."
        )


def _start_head_small(head: nn.Module) -> None:
    """Let the new layer start undecided; some of timm's begin with logits in the tens."""
    for layer in head.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            nn.init.normal_(layer.weight, std=0.01)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def _check_name(name: str) -> None:
    base, _, tag = name.partition(".")
    if name.startswith(ELSEWHERE):
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
