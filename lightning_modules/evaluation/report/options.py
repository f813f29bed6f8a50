"""What a report shows."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ReportOptions:
    """What may stand in a report, which is a file that people send around.

    Args:
        write: Whether there is one.
        images: Whether it shows images of the data.
        num_examples: Images of each kind (mistakes, doubtful ones, ...) that are drawn, about so
            many; 0: none.
        hash_groups: Whether groups and images are called by a salted hash in place of their names.
    """

    write: bool = True
    images: bool = True
    num_examples: int = 6
    hash_groups: bool = False

    def __post_init__(self) -> None:
        if self.num_examples < 0:
            raise ValueError(f"report.num_examples is {self.num_examples}, expected 0 or more.")
