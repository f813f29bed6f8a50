"""Losses: logits and labels to one number a sample, averaged by weight."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional


class CrossEntropy(nn.Module):
    """Softmax cross-entropy, averaged over the weights of the samples.

    Args:
        class_weights: (C,) at least 0; None: all classes alike.
        label_smoothing: Share in [0, 1) of the target spread over all classes (Szegedy et al.
            2016, "Rethinking the Inception Architecture", section 7).

    Shape: logits (B, C), label (B,), weight (B,) or None -> scalar
    """

    def __init__(
        self, class_weights: Sequence[float] | None = None, *, label_smoothing: float = 0.0
    ) -> None:
        super().__init__()
        if not 0 <= label_smoothing < 1:
            raise ValueError(
                f"loss.label_smoothing is {label_smoothing}, expected a share below 1."
            )
        self.label_smoothing = label_smoothing
        weights = None if class_weights is None else torch.tensor(class_weights)
        self.register_buffer("class_weights", weights, persistent=False)

    def forward(self, logits: Tensor, label: Tensor, weight: Tensor | None = None) -> Tensor:
        """Return the weighted mean."""
        losses = functional.cross_entropy(
            logits.float(), label, reduction="none", label_smoothing=self.label_smoothing
        )
        weights = torch.ones_like(losses) if weight is None else weight
        if self.class_weights is not None:
            weights = weights * self.class_weights[label]
        # a batch whose weights are all 0 must give 0, not NaN
        return (losses * weights).sum() / weights.sum().clamp_min(torch.finfo(losses.dtype).tiny)
