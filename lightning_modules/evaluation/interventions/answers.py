"""Ask a network about images as they are and changed, in batches of the same shape."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lightning_modules.evaluation.interventions.changes import Change, Subject
from lightning_modules.evaluation.interventions.donors import Donors
from lightning_modules.evaluation.interventions.plans import Plan, choose_plans
from lightning_modules.evaluation.mask_quality import iou
from lightning_modules.networks import ROINetwork
from lightning_modules.networks.gates.base import NetworkOutput
from lightning_modules.networks.mask_source import MaskOrigin, join_regions
from lightning_modules.objective import run_network

# the second batch of so many does without its second changes: all costs less than three tests
SKIPPED = 3


class Recorded:
    """Columns of what was said, a row an answer; grows batch by batch."""

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
    """What a network said of a sample; images without an answer as they are count nowhere.

    ``as_they_are``: label (N,), logits (N, C), number of the image's group. ``changed``: by the
    change's name: number of the image, label, logits before, logits after, whether there was an
    answer, how well the predicted masks before and after agree (IoU; NaN: none was predicted), and
    number of the image's group.
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
        rounds: Each costs as many forward passes as a plan has changes.
        seed: Of who gets which donor.
        whole: Show every image with a mask that is true everywhere.
        context: Of each forward pass (mixed precision).
    """

    network: ROINetwork
    donors: Donors
    plans: Sequence[Plan]
    unit_of: Mapping[str, int]
    rounds: int
    seed: int
    whole: bool = False
    context: Callable[[], AbstractContextManager] = nullcontext

    def ask(self, batches: Iterable[dict[str, Any]]) -> Answers:
        """Ask about the images of all batches."""
        generator = torch.Generator().manual_seed(self.seed)
        answers, ranks, asked = Answers(), {}, 0
        for number, batch in enumerate(batches):
            batch = prepare(batch, self.donors, self.unit_of)
            before = self._answer(batch, batch["image"])
            usable = changeable(batch) & answered(before)
            columns = batch["label"], before.logits, batch["unit"]
            answers.as_they_are.add(*(column[usable] for column in columns))
            image_number = asked + torch.arange(len(usable), device=usable.device)
            rank = _count_up(batch["label"], ranks)
            asked += len(usable)
            for turn in range(self.rounds):
                chosen = choose_plans(self.plans, rank, turn / self.rounds)
                for slot, changes in enumerate(zip(*(p.changes for p in self.plans), strict=True)):
                    if slot and number % SKIPPED == 1:
                        continue
                    image, made = self._change(batch, changes, chosen, generator)
                    after = self._answer(batch, image)
                    columns = image_number, batch["label"], before.logits, after.logits
                    columns = *columns, answered(after), _agreement(before, after), batch["unit"]
                    for index, change in enumerate(changes):
                        rows = made & usable & (chosen == index)
                        record = answers.changed.setdefault(change.name, Recorded())
                        record.add(*(column[rows] for column in columns))
        return answers

    def _answer(self, batch: dict[str, Any], image: Tensor) -> NetworkOutput:
        shown = batch | {"image": image}
        if self.whole:
            shown |= {name: torch.ones_like(batch[name]) for name in ("roi", "has_roi")}
        with torch.inference_mode(), self.context():
            return run_network(self.network, shown)

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
            if not len(rows):
                continue
            plane = torch.zeros_like(batch["mask"])
            if change.distractor is not None:
                plane = batch["distractors"][:, change.distractor, None]
            changed = change.edit(
                Subject(image[rows], batch["mask"][rows], plane[rows]), self.donors, donor
            )
            # what is not there cannot be erased
            differs = (changed != image[rows]).flatten(1).any(dim=1)
            image[rows] = changed
            made[rows] = differs | (change.distractor is None)
        return image, made

    def _find_donors(
        self, batch: dict[str, Any], change: Change, rows: Tensor, generator: torch.Generator
    ) -> Tensor:
        """Donor of each row; -1 where there is none, 0 where none is needed."""
        if change.donor is None:
            return torch.zeros_like(rows)
        having = None
        if change.distractor is not None:
            having = self.donors.distractors[:, change.distractor].flatten(1).any(dim=1)
        place, unit = batch["place"][rows], batch["unit"][rows]
        return self.donors.choose(change.donor, place, unit, generator, having)


def prepare(batch: dict[str, Any], donors: Donors, unit_of: Mapping[str, int]) -> dict[str, Any]:
    """Bring a batch to the donors' device; ``mask``, ``unit`` and ``place``, the class, are new."""
    device = donors.background.device
    batch = {k: v.to(device) if isinstance(v, Tensor) else v for k, v in batch.items()}
    return batch | {
        "mask": join_regions(batch["roi"], batch["annotated"]),
        "unit": torch.tensor([unit_of[name] for name in batch["id"]], device=device),
        "place": donors.place_of[batch["label"]],
    }


def changeable(batch: dict[str, Any]) -> Tensor:
    """Images (B,) bool whose whole ROI is known, and which have a ROI and a background."""
    mask = batch["mask"].flatten(1)
    return batch["annotated"].all(dim=1) & mask.any(dim=1) & ~mask.all(dim=1)


def answered(output: NetworkOutput) -> Tensor:
    """Images (B,) bool that got an answer."""
    return output.origin != MaskOrigin.ABSTAIN


def _agreement(before: NetworkOutput, after: NetworkOutput) -> Tensor:
    """IoU (B,) of the masks that a locator predicts; NaN where it was not asked."""
    if before.mask_logits is None or after.mask_logits is None:
        return torch.full_like(before.logits[:, 0], torch.nan)
    return iou(before.mask_logits > 0, after.mask_logits > 0)


def _count_up(labels: Tensor, ranks: dict[int, int]) -> Tensor:
    """How many images of its class came before each one, (B,); ``ranks`` goes on counting."""
    counted = []
    for label in labels.tolist():
        counted.append(ranks.get(label, 0))
        ranks[label] = counted[-1] + 1
    return torch.tensor(counted, device=labels.device)
