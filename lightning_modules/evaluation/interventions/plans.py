"""Which changes are made to which images of a sample."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lightning_modules.evaluation.interventions.changes import (
    FAR,
    MASK_ONLY,
    NEXT,
    NO_ROI,
    SAME,
    Change,
    distractor_changes,
)

# multiples of it spread evenly over [0, 1), however many are taken
GOLDEN = (5**0.5 - 1) / 2


@dataclass(frozen=True)
class Plan:
    """Two changes that are made to the same images, and the weight of these among all plans."""

    changes: tuple[Change, ...]
    weight: float


# under a full mask: what it would see of another background
WHOLE_PLANS = (Plan((NEXT,), 1),)


def make_plans(num_classes: int, distractor_names: Sequence[str]) -> list[Plan]:
    """What is done to a sample; three fifths of it are shown on other backgrounds."""
    others = (NEXT,) if num_classes == 2 else (NEXT, FAR)
    plans = [Plan((SAME, other), 3 / len(others)) for other in others]
    plans.append(Plan((NO_ROI, MASK_ONLY), 1))
    pairs = [distractor_changes(name, index) for index, name in enumerate(distractor_names)]
    return plans + [Plan(pair, 1 / len(pairs)) for pair in pairs]


def choose_plans(plans: Sequence[Plan], rank: Tensor, share: float) -> Tensor:
    """Index of each image's plan (B,), in shares of the plans' weights.

    Args:
        plans: To choose from.
        rank: (B,) number of each image within its class.
        share: Moves every image's place in [0, 1) on by that much, to another plan.
    """
    weights = torch.tensor([plan.weight for plan in plans], device=rank.device).double()
    ends = (weights / weights.sum()).cumsum(0)[:-1]
    return torch.bucketize((rank.double() * GOLDEN + share) % 1, ends)
