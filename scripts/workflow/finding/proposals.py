"""Where no groups are known: what to type if names or looks of the images tell them."""

from collections.abc import Iterator

from datamodules.checks.examination import Examination
from datamodules.checks.near_duplicates import count_same_looks
from datamodules.splitting.group_proposals import propose_groups
from datamodules.tables.table import ImageTable
from workflow.typed import join_words


def say_proposals(table: ImageTable, found: Examination, overrides: list[str]) -> Iterator[str]:
    """Ways to find groups, one sentence each; none is taken unless somebody types it.

    Args:
        table: The images.
        found: What is known of their files.
        overrides: That were typed.
    """
    for proposal in propose_groups(table):
        yield f"If the names of the images tell the subject: {proposal.sentence}."
    alike = count_same_looks(found)
    if alike:
        words = [word for word in overrides if word.startswith(("data=", "data."))]
        yield (
            f"{alike} of {len(table)} images look like another one. Frames of one scene? "
            f"{join_words(['python', 'scripts/check_data.py', *words])} shows them, and writes a "
            "manifest with such images as groups."
        )
