"""What a report shows."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ReportOptions:
    """What may stand in a report, which is a file that people send around.

    Args:
        write: Whether there is one.
        images: Whether it shows images of the data.
        hash_groups: Whether groups and images are called by a salted hash in place of their names.
    """

    write: bool = True
    images: bool = True
    hash_groups: bool = False
