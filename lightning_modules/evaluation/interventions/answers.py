"""Ask a network about images as they are and changed, in batches of the same shape."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lightning_modules.evaluation.interventions.changes import (
    FAR,
    MASK_ONLY,
    NEXT,
    NO_ROI,
    SAME,
    Change,
    Subject,
    distractor_changes,
)
from lightning_modules.evaluation.interventions.donors import Donors
from lightning_modules.evaluation.mask_quality import iou
from lightning_modules.networks import ROINetwork
from lightning_modules.networks.gates.base import NetworkOutput
from lightning_modules.networks.mask_source import MaskOrigin, join_regions
from lightning_modules.objective import run_network

# multiples of it spread evenly over [0, 1), however many are taken
GOLDEN = (5**0.5 - 1) / 2
# one batch in so many does without its second changes: all is to cost less than three evaluations
SKIPPED = 4


@dataclass(frozen=True)
class Plan:
    """Two changes that are made to the same images, and the weight of these among all plans."""

    changes: tuple[Change, ...]
    weight: float


def make_plans(num_classes: int, distractor_names: Sequence[str]) -> list[Plan]:
    """What is done to a sample; three fifths of it are shown on other backgrounds."""
    others = (NEXT,) if num_classes == 2 else (NEXT, FAR)
    plans = [Plan((SAME, other), 3 / len(others)) for other in others]
    plans.append(Plan((NO_ROI, MASK_ONLY), 1))
    pairs = [distractor_changes(name, index) for index, name in enumerate(distractor_names)]
    return plans + [Plan(pair, 1 / len(pairs)) for pair in pairs]


class Recorded:
    """Columns of what was said, a row an image; grows batch by batch."""

    def __init__(self) -> None:
        self.parts: list[tuple[np.ndarray, ...]] = []

    def add(self, *columns: Tensor) -> None:
        """Append rows."""
        self.parts.append(tuple(column.float().cpu().numpy() for column in columns))

    @property
    def num_rows(self) -> int:
        """Of all batches."""
        return sum(len(part[0]) for part in self.parts)

    def columns(self) -> tuple[np.ndarray, ...]:
        """All rows, column by column."""
        return tuple(map(np.concatenate, zip(*self.parts, strict=True)))


@dataclass
class Answers:
    """What a network said of a sample.

    ``as_they_are``: label (N,), logits (N, C). ``changed``: by the change's name: label, logits
    before, logits after, and how well the predicted masks before and after agree (IoU; NaN: none
    was predicted). Images without an answer, and those that cannot be changed, are in neither.
    """

    as_they_are: Recorded = field(default_factory=Recorded)
    changed: dict[str, Recorded] = field(default_factory=dict)


@dataclass
class Interviewer:
    """Asks a network about changed images.

    Args:
        network: In evaluation mode.
        donors: On the network's device.
        plans: What is done; every image gets one plan a round.
        unit_of: Group of each id, as a number.
        num_classes: Of the network.
        rounds: Each costs as many forward passes as a plan has changes.
        seed: Of who gets which plan and donor.
        whole: Show every image with a mask that is true everywhere.
        context: Of each forward pass (mixed precision).
    """

    network: ROINetwork
    donors: Donors
    plans: list[Plan]
    unit_of: Mapping[str, int]
    num_classes: int
    rounds: int
    seed: int
    whole: bool = False
    context: Callable[[], AbstractContextManager] = nullcontext

    def ask(self, batches: Iterable[dict[str, Any]]) -> Answers:
        """Ask about the images of all batches."""
        device = self.donors.image.device
        generator = torch.Generator().manual_seed(self.seed)
        ranks = [0] * self.num_classes
        answers = Answers()
        for number, batch in enumerate(batches):
            batch = {k: v.to(device) if isinstance(v, Tensor) else v for k, v in batch.items()}
            batch["mask"] = join_regions(batch["roi"], batch["annotated"])
            batch["unit"] = torch.tensor([self.unit_of[i] for i in batch["id"]], device=device)
            before = self._answer(batch, batch["image"])
            usable = _changeable(batch) & _answered(before)
            answers.as_they_are.add(batch["label"][usable], before.logits[usable])
            rank = _count_up(batch["label"], ranks)
            for turn in range(self.rounds):
                chosen = self._choose_plans(rank, turn)
                for slot, changes in enumerate(zip(*(p.changes for p in self.plans), strict=True)):
                    if slot and number % SKIPPED == SKIPPED - 1:
                        continue
                    image, made = self._change(batch, changes, chosen, generator)
                    after = self._answer(batch, image)
                    made = made & usable & _answered(after)
                    columns = batch["label"], before.logits, after.logits, _agreement(before, after)
                    for index, change in enumerate(changes):
                        rows = made & (chosen == index)
                        record = answers.changed.setdefault(change.name, Recorded())
                        record.add(*(column[rows] for column in columns))
        return answers

    def _answer(self, batch: dict[str, Any], image: Tensor) -> NetworkOutput:
        shown = batch | {"image": image}
        if self.whole:
            shown |= {name: torch.ones_like(batch[name]) for name in ("roi", "has_roi")}
        with torch.inference_mode(), self.context():
            return run_network(self.network, shown)

    def _choose_plans(self, rank: Tensor, turn: int) -> Tensor:
        """Index of each image's plan (B,): within every class by the weights of the plans."""
        weights = torch.tensor([plan.weight for plan in self.plans], device=rank.device)
        ends = (weights / weights.sum()).cumsum(0)[:-1]
        return torch.bucketize((rank * GOLDEN + turn / self.rounds) % 1, ends)

    def _change(
        self,
        batch: dict[str, Any],
        changes: Sequence[Change],
        chosen: Tensor,
        generator: torch.Generator,
    ) -> tuple[Tensor, Tensor]:
        """Images (B, 3, H, W), each changed by its plan, and where that could be done (B,) bool."""
        image = batch["image"].clone()
        made = torch.zeros(len(image), dtype=torch.bool, device=image.device)
        for index, change in enumerate(changes):
            rows = (chosen == index).nonzero()[:, 0]
            donor = self._find_donors(batch, change, rows, generator)
            rows, donor = rows[donor >= 0], donor[donor >= 0]
            if len(rows):
                plane = _distractor(batch, change)
                subject = Subject(image[rows], batch["mask"][rows], plane[rows])
                image[rows] = change.edit(subject, self.donors, donor)
                made[rows] = True
        return image, made

    def _find_donors(
        self, batch: dict[str, Any], change: Change, rows: Tensor, generator: torch.Generator
    ) -> Tensor:
        """Donor of each row; -1 where there is none, or nothing that could be changed."""
        if change.donor is None:
            outside = _distractor(batch, change)[rows] & ~batch["mask"][rows]
            nothing = ~outside.flatten(1).any(dim=1)
            return torch.where(nothing & (change.distractor is not None), -1, 0)
        having = None
        if change.distractor is not None:
            having = self.donors.distractors[:, change.distractor].flatten(1).any(dim=1)
        label, unit = batch["label"][rows], batch["unit"][rows]
        return self.donors.choose(change.donor, label, unit, self.num_classes, generator, having)


def _distractor(batch: dict[str, Any], change: Change) -> Tensor:
    """What a change is about beside the ROI, (B, 1, H, W) bool; nothing if it names nothing."""
    if change.distractor is None:
        return torch.zeros_like(batch["mask"])
    return batch["distractors"][:, change.distractor, None]


def _changeable(batch: dict[str, Any]) -> Tensor:
    """Images (B,) bool whose whole ROI is known, and which have a ROI and a background."""
    mask = batch["mask"].flatten(1)
    return batch["annotated"].all(dim=1) & mask.any(dim=1) & ~mask.all(dim=1)


def _answered(output: NetworkOutput) -> Tensor:
    return output.origin != MaskOrigin.ABSTAIN


def _agreement(before: NetworkOutput, after: NetworkOutput) -> Tensor:
    """IoU (B,) of the masks that a locator predicts; NaN where it was not asked."""
    if before.mask_logits is None or after.mask_logits is None:
        return torch.full_like(before.logits[:, 0], torch.nan)
    return iou(before.mask_logits > 0, after.mask_logits > 0)


def _count_up(labels: Tensor, ranks: list[int]) -> Tensor:
    """How many images of its class came before each one, (B,); ``ranks`` goes on counting."""
    counted = []
    for label in labels.tolist():
        counted.append(ranks[label])
        ranks[label] += 1
    return torch.tensor(counted, device=labels.device)
