"""What speaks against the numbers themselves: warnings, and a test that was looked at often."""

from collections.abc import Iterator

from lightning_modules.evaluation.report.page import Level
from lightning_modules.evaluation.report.record import Record
from lightning_modules.evaluation.report.rules.check import Check
from lightning_modules.evaluation.report.rules.found import find_warnings
from lightning_modules.evaluation.report.wording import count

MOST_LOOKS = 5  # at the test split, beyond which its score is no longer of unseen images


def ask_warnings(record: Record) -> Iterator[Check]:
    """What the run warned of."""
    if "warnings" not in record.facts:
        return
    num = len(find_warnings(record))
    level: Level = "careful" if num else "good"
    said = "Nothing was found in data or training that warns of these numbers."
    if record.given:
        said = "Nothing is wrong with the table; neither images nor training were looked at."
    if num:
        said = f"{count(num, 'warning')} came up; they stand below, in Warnings."
    yield Check(
        "Is it free of warnings?",
        level,
        said,
        "good if there is no warning",
        "Read the warnings below: each says what would settle it.",
        "" if level == "good" else "No",
    )


def ask_freshness(record: Record) -> Iterator[Check]:
    """How often these test images were looked at."""
    looks = record.facts.get("test", {}).get("looks")
    if looks is None:
        return
    level: Level = "good" if looks <= MOST_LOOKS else "careful"
    said = f"These test images were looked at {looks} times, this one included."
    if looks == 1:
        said = "These test images were looked at for the first time."
    if level == "careful":
        said += " Whoever chooses among so many results finds a lucky one."
    yield Check(
        "Is the test still fresh?",
        level,
        said,
        f"good up to {MOST_LOOKS} looks at the same images",
        "Keep some images that no run has seen, and test the one model you choose on them, once.",
    )
