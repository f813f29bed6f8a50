"""The same image on four backgrounds, its own and three of other images, and its answers."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from lightning_modules.evaluation.interventions.answers import answered, changeable, prepare
from lightning_modules.evaluation.interventions.changes import Subject, swap_background
from lightning_modules.evaluation.interventions.donors import Donors
from lightning_modules.networks import ROINetwork
from lightning_modules.objective import run_network
from lightning_modules.pictures import to_pixels

KINDS = ("same", "next", "far")


class Swapped(NamedTuple):
    """An image on its own background and, after that, on those of others.

    pixels: (V, H, W, 3) uint8; probs: (V, C); classes: (V,) of whose backgrounds they are.
    """

    id: str
    pixels: np.ndarray
    probs: np.ndarray
    classes: list[int]

    @property
    def flips(self) -> bool:
        """Whether any background changes the answer."""
        return len(set(self.probs.argmax(axis=1).tolist())) > 1


def swap_backgrounds(
    network: ROINetwork,
    batches: Iterable[dict[str, Any]],
    donors: Donors,
    unit_of: Mapping[str, int],
    preprocessing: Mapping[str, Any],
    seed: int,
    context: Callable[[], AbstractContextManager] = nullcontext,
) -> list[Swapped]:
    """Show images with ROI and background on those of their own, the next and a further class.

    Of two classes two images lend the next one's. Images without a known ROI, without an answer or
    without a donor of another class are left out.

    Args:
        network: In evaluation mode, on the donors' device.
        batches: As the loaders give them.
        donors: Whose backgrounds.
        unit_of: Group of each id, as a number.
        preprocessing: Mean and std of the images.
        seed: Of who gets which donor.
        context: Of each forward pass.
    """
    generator = torch.Generator().manual_seed(seed)
    swapped = []
    for batch in batches:
        batch = prepare(batch, donors, unit_of)
        before = _answer(network, batch, batch["image"], context)
        usable = (changeable(batch) & answered(before)).tolist()
        images, logits = [batch["image"]], [before.logits]
        chosen = _choose(donors, batch, generator)
        for donor in chosen:
            subject = Subject(batch["image"], batch["mask"], None)
            images.append(swap_background(subject, donors, donor.clamp_min(0)))
            logits.append(_answer(network, batch, images[-1], context).logits)
        pixels = np.stack([to_pixels(image, preprocessing) for image in images], axis=1)
        probs = torch.stack(logits, dim=1).float().softmax(dim=2).cpu().numpy()
        lent = torch.stack([_class_of(donors, donor) for donor in chosen], dim=1).tolist()
        for row, name in enumerate(batch["id"]):
            kept = [0, *(1 + turn for turn, one in enumerate(lent[row]) if one >= 0)]
            classes = [int(batch["label"][row]), *(one for one in lent[row] if one >= 0)]
            if usable[row] and len(set(classes)) > 1:
                swapped.append(Swapped(name, pixels[row, kept], probs[row, kept], classes))
    return swapped


def _choose(donors: Donors, batch: dict[str, Any], generator: torch.Generator) -> list[Tensor]:
    """Donors (B,) of three backgrounds, -1: none."""
    place, unit = batch["place"], batch["unit"]
    if donors.num_classes > 2:
        return [donors.choose(kind, place, unit, generator) for kind in KINDS]
    odd = torch.arange(len(donors.place), device=donors.place.device) % 2 == 1
    # halves of the donors, so that no two of these backgrounds are one
    return [
        donors.choose("same", place, unit, generator),
        *(donors.choose("next", place, unit, generator, half) for half in (odd, ~odd)),
    ]


def _class_of(donors: Donors, donor: Tensor) -> Tensor:
    """Class (B,) of each donor, -1 where there is none."""
    present = (donors.place_of >= 0).nonzero()[:, 0]  # in the order of their places
    return torch.where(donor >= 0, present[donors.place[donor.clamp_min(0)]], -1)


@torch.inference_mode()
def _answer(
    network: ROINetwork,
    batch: dict[str, Any],
    image: Tensor,
    context: Callable[[], AbstractContextManager],
) -> Any:  # noqa: ANN401
    with context():
        return run_network(network, batch | {"image": image})
