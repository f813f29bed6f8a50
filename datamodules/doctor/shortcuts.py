"""What tells the class and is no part of it, as a finding and as a table."""

from datamodules.checks.shortcuts import Hint
from datamodules.doctor.findings import Finding, Level


def find_in_hints(hints: list[Hint]) -> list[Finding]:
    """A warning for each part that tells the class."""
    return [
        Finding(Level.WARNING, f"class told by the {hint.part}", hint.sentence, 1)
        for hint in hints
        if hint.telling
    ]


def describe_hints(hints: list[Hint]) -> list[list[str]]:
    """Section: what was measured, telling or not."""
    return [
        ["part of the image", "balanced accuracy", "95 % interval", "chance"],
        *(
            [h.part, f"{h.accuracy:.2f}", f"{h.low:.2f} to {h.high:.2f}", f"{h.chance:.2f}"]
            for h in hints
        ),
    ]
