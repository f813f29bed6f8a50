"""roi=saliency: a pretrained backbone proposes a region; joins the images to lightning_modules."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import ClassVar

import numpy as np
from PIL import Image

from datamodules.files.images import read_image
from datamodules.files.unreadable import UnreadableImage
from datamodules.problems import raise_problems
from datamodules.roi_finders.base import Found
from datamodules.roi_finders.looking import run_in_threads
from datamodules.tables.table import ImageTable

SMALLEST_SIZE = 64
NOTHING = 0.9  # share of the image from which a proposal says nothing
# pixels (size, size, 3) with height and width of the image, or what is wrong with the file
Read = tuple[np.ndarray, tuple[int, int]] | str


@dataclass(kw_only=True)
class SaliencyFinder:
    """Proposes the box of what looks unlike the border of the image.

    Args:
        backbone: Name in timm, of those that end in a feature map.
        pretrained: True: the hub's weights; a path: those of a file.
        size: Side of the square in pixels that images are scaled to; larger is finer.
        region: Name of the region.
        batch_size: Images that go through the backbone together.
    """

    backbone: str = "resnet18"
    pretrained: bool | str = True
    size: int = 448
    region: str = "roi"
    batch_size: int = 16

    name: ClassVar[str] = "saliency"
    proposes: ClassVar[bool] = True

    def __post_init__(self) -> None:
        problems = []
        if self.pretrained is False:
            problems.append(
                "roi.pretrained is false, and a backbone from scratch sees nothing: expected true "
                "or a file of weights"
            )
        if isinstance(self.pretrained, str):
            self.pretrained = str(Path(self.pretrained).expanduser().resolve())
        if self.size < SMALLEST_SIZE:
            problems.append(f"roi.size is {self.size}, expected {SMALLEST_SIZE} px or more")
        if self.batch_size < 1:
            problems.append(f"roi.batch_size is {self.batch_size}, expected at least 1")
        if not self.region.isidentifier():
            problems.append(f"roi.region is {self.region!r}, expected a word such as roi")
        raise_problems(problems, "the options of roi=saliency")

    @property
    def region_names(self) -> tuple[str, ...]:
        """The one region that is proposed."""
        return (self.region,)

    def find(self, table: ImageTable, rows: np.ndarray) -> Found:
        """Propose a box an image.

        Raises:
            ValueError: The weights cannot be had, or the backbone makes no feature map.
        """
        from lightning_modules.saliency import SaliencyProposer  # torch, seconds

        try:
            proposer = SaliencyProposer(self.backbone, self.pretrained, self.size)
        except ValueError as error:  # which speaks of a model that is trained
            message = re.sub(r"\bmodel\.(backbone|pretrained)", r"roi.\1", str(error))
            raise ValueError(f"roi=saliency: {message}") from error
        boxes, reasons = np.full((len(rows), 4), np.nan), np.full(len(rows), "", object)
        read = run_in_threads(lambda row: self._read(table, row), rows, "Proposing regions")
        for places, batch in self._batches(read, reasons):
            shares = proposer.propose(np.stack([pixels for pixels, _ in batch]))
            sizes = np.array([[width, height] * 2 for _, (height, width) in batch])
            boxes[places] = shares * sizes
            covered = (shares[:, 2:] - shares[:, :2]).prod(axis=1) >= NOTHING
            nothing = np.array(places)[covered]
            boxes[nothing], reasons[nothing] = np.nan, "nothing stands out"
        return Found({self.region: boxes}, reasons)

    def _read(self, table: ImageTable, row: int) -> Read:
        try:
            pixels = read_image(table.image_path(row), table.window)
        except UnreadableImage as error:
            return error.reason
        scaled = Image.fromarray(pixels).resize((self.size, self.size), Image.Resampling.BICUBIC)
        return np.asarray(scaled), pixels.shape[:2]

    def _batches(
        self, read: Iterator[Read], reasons: np.ndarray
    ) -> Iterator[tuple[list[int], list[tuple[np.ndarray, tuple[int, int]]]]]:
        """Places and images that could be read; what is wrong with others goes into ``reasons``."""
        numbered = enumerate(read)
        while chunk := list(islice(numbered, self.batch_size)):
            for place, one in chunk:
                reasons[place] = one if isinstance(one, str) else ""
            good = [(place, one) for place, one in chunk if not isinstance(one, str)]
            if good:
                yield [place for place, _ in good], [one for _, one in good]
