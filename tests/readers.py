"""Images whose every part tells the class by itself, and networks that read one part alone."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from lightning_modules.evaluation.interventions.evidence import Sample
from lightning_modules.networks import ROINetwork
from lightning_modules.networks.gates import NoGate

SIZE = 32
CENTRE = (slice(12, 20), slice(12, 20))  # inside every ROI
AROUND = (slice(4, 6), slice(4, 28))  # outside every ROI, and no part of border or text
TEXT = (slice(25, 28), slice(20, 27))


class Reader(nn.Module):
    """A backbone that answers with the class whose channel is the brightest in one place."""

    def __init__(self, place: tuple[slice, slice], num_classes: int) -> None:
        super().__init__()
        self.place, self.num_classes = place, num_classes
        self.scale = nn.Parameter(torch.ones(()))

    averages = compiles = False

    def forward(self, image: Tensor) -> Tensor:
        return self.classify(self.features(image))

    def classify(self, features: Tensor) -> Tensor:
        return features

    def features(self, image: Tensor) -> Tensor:
        rows, columns = self.place
        return self.scale * image[:, : self.num_classes, rows, columns].mean(dim=(2, 3))

    @contextmanager
    def watch_features(self) -> Iterator[list[Tensor]]:
        yield []


class ShapeReader(Reader):
    """A backbone that tells tall from wide things, whatever their colour."""

    def features(self, image: Tensor) -> Tensor:
        differs = (image - image[:, :, :1, :1]).abs().amax(dim=1) > 0.01
        height, width = differs.any(dim=2).sum(dim=1), differs.any(dim=1).sum(dim=1)
        return self.scale * torch.stack([height, width], dim=1).float()


def read_by(backbone: nn.Module, gate: nn.Module | None = None) -> ROINetwork:
    """A network around a reader."""
    return ROINetwork(backbone, NoGate() if gate is None else gate).eval()


def make_batch(num: int, num_classes: int, seed: int, shaped: bool = False) -> dict:
    """Images (B, 3, 32, 32) whose background, object and burnt-in text each show the class.

    ``shaped``: objects of the first class are tall, of the second wide.
    """
    generator = torch.Generator().manual_seed(seed)
    label = torch.arange(num) % num_classes
    image = 0.1 * torch.rand(num, 3, SIZE, SIZE, generator=generator)
    roi = torch.zeros(num, 1, SIZE, SIZE, dtype=torch.bool)
    text = torch.zeros(num, 1, SIZE, SIZE, dtype=torch.bool)
    text[:, :, *TEXT] = True
    for row, one in enumerate(label.tolist()):
        image[row, one] += 1
        rows, columns = (slice(8, 24), slice(11, 21)) if one == 0 else (slice(11, 21), slice(8, 24))
        roi[row, 0, *((rows, columns) if shaped else (slice(10, 22), slice(10, 22)))] = True
        image[row, :, roi[row, 0]] = 0.2
        image[row, one, roi[row, 0]] = 3 + row / num
        image[row, :, *TEXT] = 0.2
        image[row, one, *TEXT] = 5
    return {
        "image": image,
        "roi": roi,
        "has_roi": torch.ones(num, 1, dtype=torch.bool),
        "annotated": torch.ones(num, 1, dtype=torch.bool),
        "detected": torch.zeros(num, dtype=torch.bool),
        "distractors": text,
        "label": label,
        "id": [str(row) for row in range(num)],
    }


def make_sample(num: int, num_classes: int, named: bool = True, shaped: bool = False) -> Sample:
    """A sample of such images, four a group, in random order; ``named``: the text is known."""
    batch = make_batch(num, num_classes, seed=0, shaped=shaped)
    if not named:
        del batch["distractors"]

    def load(rows: list[int]) -> Iterator[dict]:
        for start in range(0, len(rows), 16):
            part = [int(row) for row in rows[start : start + 16]]
            yield {
                name: [value[row] for row in part] if name == "id" else value[part]
                for name, value in batch.items()
            }

    order = torch.randperm(num, generator=torch.Generator().manual_seed(1)).tolist()
    return Sample(
        rows=order,
        donors=order[: num // 2],
        load=load,
        unit_of={str(row): row // 4 for row in range(num)},
        classes=range(num_classes),
        distractor_names=("text",) if named else (),
    )
