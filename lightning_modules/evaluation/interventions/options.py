"""How much is asked."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Interventions:
    """Size of the sample that a network is asked about.

    Args:
        num_images: At most this many images, classes and groups alike; None: all, 0: none.
        rounds: Each shows every image of the sample two times more, changed in two ways.
        donors: At most so many images of each class lend their backgrounds; fewer where they would
            take more than half a gigabyte, but two.
        donor_split: Whose images lend them; None: the split that is tested. Backgrounds of training
            images show what they showed there, where those of the test do not.

    Raises:
        ValueError: A value is out of its range.
    """

    num_images: int | None = 2000
    rounds: int = 1
    donors: int = 128
    donor_split: Literal["train", "val", "test"] | None = None

    def __post_init__(self) -> None:
        if self.num_images is not None and self.num_images < 0:
            raise ValueError(f"interventions.num_images is {self.num_images}, expected 0 or more.")
        if self.rounds < 1:
            raise ValueError(f"interventions.rounds is {self.rounds}, expected 1 or more.")
        if self.donors < 2:
            raise ValueError(f"interventions.donors is {self.donors}, expected 2 or more.")
        if self.donor_split not in (None, "train", "val", "test"):
            raise ValueError(
                f"interventions.donor_split is {self.donor_split!r}, expected train, val, test or "
                "null."
            )
