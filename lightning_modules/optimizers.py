"""Optimizers by name, through timm's factory."""

from timm.optim import create_optimizer_v2
from torch import nn
from torch.optim import Optimizer


def build_optimizer(
    network: nn.Module,
    *,
    name: str = "adamw",
    lr: float = 1e-3,
    weight_decay: float = 0.05,
    momentum: float = 0.9,
    layer_decay: float | None = None,
) -> Optimizer:
    """Build an optimizer over the parameters that train; biases and norms are not decayed.

    Args:
        network: Whose parameters.
        name: As timm knows it: adamw, sgd, lamb, lion, muon, ...
        lr: Learning rate, above 0.
        weight_decay: At least 0.
        momentum: In [0, 1); ignored by optimizers that have none.
        layer_decay: Factor in (0, 1] of the rate from each layer of the backbone to the one before
            it; the head, and all that is not the backbone's, has the full rate (Clark et al. 2020,
            "ELECTRA", section 3.1; Bao et al. 2022, "BEiT"). None: one rate for all.

    Raises:
        ValueError: A value is out of range, or timm does not know the name.
    """
    if not lr > 0:
        raise ValueError(f"optimizer.lr is {lr}, expected a number above 0.")
    if weight_decay < 0:
        raise ValueError(f"optimizer.weight_decay is {weight_decay}, expected 0 or more.")
    if not 0 <= momentum < 1:
        raise ValueError(f"optimizer.momentum is {momentum}, expected 0 or more and below 1.")
    if layer_decay is not None and not 0 < layer_decay <= 1:
        raise ValueError(
            f"optimizer.layer_decay is {layer_decay}, expected a factor above 0 and up to 1."
        )
    options = {"lr": lr, "weight_decay": weight_decay, "momentum": momentum}
    try:
        optimizer = create_optimizer_v2(network, opt=name, layer_decay=layer_decay, **options)
    except ValueError as error:
        raise ValueError(f"optimizer.name={name} cannot be built: {error}.") from error
    for group in optimizer.param_groups:  # timm leaves this to its own schedulers
        group["lr"] = lr * group.get("lr_scale", 1.0)
    return optimizer
