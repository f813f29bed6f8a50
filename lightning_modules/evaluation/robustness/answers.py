"""Ask a network about images as they are and corrupted, each before its gate."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor

from lightning_modules.evaluation.interventions.answers import Answers, Recorded, answered
from lightning_modules.evaluation.robustness.corruptions import corrupt
from lightning_modules.evaluation.robustness.names import STRENGTHS
from lightning_modules.networks import ROINetwork
from lightning_modules.networks.gates.base import NetworkOutput
from lightning_modules.objective import run_network


class Colours:
    """Between normalised images and the uint8 pixels that they were, without any loss.

    Args:
        mean: Of each channel, of values in [0, 1].
        std: Of each channel, of values in [0, 1].
    """

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        self.mean = torch.tensor(mean).view(1, 3, 1, 1) * 255
        self.std = torch.tensor(std).view(1, 3, 1, 1) * 255

    def to_pixels(self, image: Tensor) -> Tensor:
        """Undo the normalisation: (B, 3, H, W) uint8 on the CPU."""
        image = image.cpu().float() * self.std + self.mean
        return image.round().clamp(0, 255).to(torch.uint8)

    def to_image(self, pixels: Tensor) -> Tensor:
        """Normalise as the loaders do."""
        return pixels.float().sub_(self.mean).div_(self.std)


class Examiner:
    """Asks a network about corrupted images; the ROI stays where it was.

    Args:
        network: In evaluation mode.
        colours: Of its input.
        unit_of: Group of each id, as a number.
        seed: Of what is random in a corruption.
        context: Of each forward pass (mixed precision).
    """

    def __init__(
        self,
        network: ROINetwork,
        colours: Colours,
        unit_of: Mapping[str, int],
        seed: int,
        context: Callable[[], AbstractContextManager],
    ) -> None:
        self.network, self.colours = network, colours
        self.unit_of, self.seed, self.context = unit_of, seed, context
        self.device = next(network.parameters()).device

    def ask(self, batches: Iterable[Mapping[str, Any]], slices: Sequence[str]) -> Answers:
        """Answers to the images as they are, and to each slice and strength by its name.

        Images that get no answer as they are count nowhere.
        """
        answers, asked = Answers(), 0
        for batch in batches:
            before = self.answer(batch, batch["image"])
            usable = answered(before)
            label = batch["label"].to(self.device)
            number = asked + torch.arange(len(usable), device=self.device)
            unit = torch.tensor([self.unit_of[name] for name in batch["id"]], device=self.device)
            asked += len(usable)
            answers.as_they_are.add(label[usable], before.logits[usable], unit[usable])
            for name, image in self.corrupted(batch, slices):
                after = self.answer(batch, image)
                columns = number, label, before.logits, after.logits, answered(after)
                # how well predicted masks agree is not looked at
                columns = *columns, torch.full_like(number, torch.nan, dtype=torch.float), unit
                record = answers.changed.setdefault(name, Recorded())
                record.add(*(column[usable] for column in columns))
        return answers

    def corrupted(
        self, batch: Mapping[str, Any], slices: Sequence[str]
    ) -> Iterable[tuple[str, Tensor]]:
        """The images of a batch under each slice and strength, normalised, with its name."""
        pixels = self.colours.to_pixels(batch["image"])
        for name in slices:
            for strength in STRENGTHS:
                changed = corrupt(pixels, name, strength, self.seed, batch["id"])
                yield f"{name}_{strength}", self.colours.to_image(changed)

    def answer(self, batch: Mapping[str, Any], image: Tensor) -> NetworkOutput:
        """What the network says of a batch that shows other images."""
        shown = {
            k: v.to(self.device) if isinstance(v, Tensor) else v
            for k, v in (dict(batch) | {"image": image}).items()
        }
        with torch.inference_mode(), self.context():
            return run_network(self.network, shown)
