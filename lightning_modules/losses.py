"""The loss: logits and labels to one number a sample, averaged by weight."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from lightning_modules.networks.across import across


class CrossEntropy(nn.Module):
    """Softmax cross-entropy, averaged over the weights of the samples.

    Two changes of it are for classes of unequal size (``data.imbalance``). Focal loss takes
    ``(1 - p)^gamma`` times the loss of a class answered with probability p, so that what is
    answered well hardly counts (Lin et al. 2017, "Focal Loss for Dense Object Detection", eq. 4).
    Logit adjustment adds ``tau`` times the logarithm of a class's share to its logit, in training
    alone, so that the logits themselves favour none (Menon et al. 2021, "Long-tail learning via
    logit adjustment", eq. 10).

    Args:
        class_weights: (C,) at least 0; None: all classes alike.
        class_counts: (C,) images of each class in training, above 0; None: not known.
        label_smoothing: Share in [0, 1) of the target spread over all classes (Szegedy et al.
            2016, "Rethinking the Inception Architecture", section 7).
        gamma: Of the focal loss, at least 0; None and 0: cross-entropy.
        tau: Of the logit adjustment, at least 0; None and 0: none. Needs ``class_counts``.

    Shape: logits (B, C), target (B,) class indices or (B, C) shares that sum to 1, weight (B,) or
    None -> scalar
    """

    def __init__(
        self,
        class_weights: Sequence[float] | None = None,
        class_counts: Sequence[float] | None = None,
        *,
        label_smoothing: float = 0.0,
        gamma: float | None = None,
        tau: float | None = None,
    ) -> None:
        super().__init__()
        if not 0 <= label_smoothing < 1:
            raise ValueError(
                f"loss.label_smoothing is {label_smoothing}, expected a share below 1."
            )
        self.label_smoothing = label_smoothing
        self.gamma = _check("gamma", gamma)
        weights = None if class_weights is None else torch.tensor(class_weights)
        self.register_buffer("class_weights", weights, persistent=False)
        offsets = _offsets(_check("tau", tau), class_counts)
        self.register_buffer("offsets", offsets, persistent=False)

    def forward(self, logits: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
        """Return the weighted mean."""
        logits = logits.float()
        if self.offsets is not None and self.training:
            logits = logits + self.offsets
        if target.ndim == 1 and not self.gamma:
            losses = functional.cross_entropy(
                logits, target, reduction="none", label_smoothing=self.label_smoothing
            )
        else:
            losses = self._by_class(logits)
        if target.ndim == 1:
            losses = losses if losses.ndim == 1 else losses.gather(1, target[:, None])[:, 0]
            weights = torch.ones_like(losses) if weight is None else weight
            if self.class_weights is not None:
                weights = weights * self.class_weights[target]
        else:
            weights = target if weight is None else target * weight[:, None]
            if self.class_weights is not None:
                weights = weights * self.class_weights
        # a batch whose weights are all 0 must give 0, not NaN
        total = across(weights.sum()).clamp_min(torch.finfo(losses.dtype).tiny)
        return (losses * weights).sum() / total

    def _by_class(self, logits: Tensor) -> Tensor:
        """What an image would cost if its label were each class, (B, C)."""
        log_probs = logits.log_softmax(dim=1)
        losses = -log_probs
        if self.gamma:
            # the derivative of 0^gamma is infinite for gamma below 1
            tiny = torch.finfo(losses.dtype).eps
            losses = losses * (-torch.expm1(log_probs)).clamp_min(tiny) ** self.gamma
        smoothed = losses.mean(dim=1, keepdim=True)
        return torch.lerp(losses, smoothed.expand_as(losses), self.label_smoothing)


def _check(name: str, value: float | None) -> float:
    value = 0.0 if value is None else value
    if not 0 <= value < math.inf:
        raise ValueError(f"loss.{name} is {value}, expected a number from 0 up.")
    return float(value)


def _offsets(tau: float, class_counts: Sequence[float] | None) -> Tensor | None:
    if not tau:
        return None
    if class_counts is None or min(class_counts) <= 0:
        raise ValueError(
            f"loss.tau is {tau}, and the images of each class are {class_counts}: logit adjustment "
            "needs some of every class (data.imbalance=logit_adjustment counts them)."
        )
    counts = torch.tensor(class_counts, dtype=torch.float64)
    return (tau * (counts / counts.sum()).log()).float()
