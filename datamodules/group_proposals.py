"""Where nobody names the subject of an image: what its name suggests, as a proposal only."""

import re
from pathlib import PurePosixPath
from typing import NamedTuple

import numpy as np

from datamodules.problems import list_some
from datamodules.table import ImageTable

# the coarser first: subject12_left_frame003.jpg -> subject12, subject12_left; s12f003.jpg -> s12
PATTERNS = (
    r"([^/_-]+)[_-][^/]*$",
    r"([^/]+)[_-][^/_-]*\d+\.\w+$",
    r"([A-Za-z]+\d+)[A-Za-z]+\d+\.\w+$",
)
MOST_LOOKED_AT = 20_000  # names, evenly spaced
FEWEST_GROUPS = 5


class Proposal(NamedTuple):
    """A way to find groups: the override, and what it finds."""

    override: str
    num_groups: int
    sentence: str


def propose_groups(table: ImageTable) -> list[Proposal]:
    """Ways in which names of images may tell subjects: many groups, of several images each.

    Of a table with more than 20,000 rows the names are a sample, and so is the number of groups.
    """
    rows = np.unique(np.linspace(0, len(table) - 1, MOST_LOOKED_AT).astype(int))
    names = table.columns["image"].take(rows).to_pylist()
    ways = [("parent", [PurePosixPath(name).parent.name for name in names])]
    ways += [(pattern, _match(pattern, names)) for pattern in PATTERNS]
    found = []
    for way, groups in ways:
        proposal = _judge(way, groups, len(table.class_names))
        if proposal is not None and proposal.num_groups not in [one.num_groups for one in found]:
            found.append(proposal)
    return found


def _match(pattern: str, names: list[str]) -> list[str]:
    """The group of each name; none where a name does not match."""
    matches = [re.search(pattern, name) for name in names]
    return [match[1] for match in matches] if all(matches) else []


def _judge(way: str, groups: list[str], num_classes: int) -> Proposal | None:
    """A proposal if these may be subjects: neither classes nor single images nor nearly all."""
    if not groups:
        return None
    names, counts = np.unique(groups, return_counts=True)
    fewest = max(FEWEST_GROUPS, 2 * num_classes + 1)
    if not fewest <= len(names) <= len(groups) / 2 or counts.max() > len(groups) / 2:
        return None
    override = f"data.group_from={way}"
    quoted = override if way == "parent" else f"'{override}'"
    return Proposal(
        quoted,
        len(names),
        f"{quoted} would find {len(names)} groups, such as {list_some(names.tolist(), 3)}",
    )
