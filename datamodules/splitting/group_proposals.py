"""Where nobody names the subject of an image: what its name suggests, as a proposal only."""

import re
from pathlib import PurePosixPath
from typing import NamedTuple

import numpy as np

from datamodules.problems import list_some
from datamodules.tables.table import ImageTable

# the coarser first: subject12_left_frame003.jpg -> subject12, subject12_left; s12f003.jpg -> s12
PATTERNS = (
    r"[^/_-]+(?=[_-][^/]*$)",
    r"[^/]+(?=[_-][^/_-]*\d[^/_-]*$)",
    r"[A-Za-z]+\d+(?=[A-Za-z]+\d+\.\w+$)",
)
ELSE = r"|[^/]+$"  # the whole name, where the pattern does not match
SMALLEST_SHARE = 0.9  # of the names that have to match
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
    ways += [_match(pattern, names) for pattern in PATTERNS]
    found = []
    for way, groups in ways:
        proposal = _judge(way, groups, len(table.class_names))
        if proposal is not None and proposal.num_groups not in [one.num_groups for one in found]:
            found.append(proposal)
    return found


def _match(pattern: str, names: list[str]) -> tuple[str, list[str]]:
    """The pattern that is to be typed, and the group of each name that matches it."""
    matches = [re.search(pattern, name) for name in names]
    groups = [match[0] for match in matches if match]
    if len(groups) < SMALLEST_SHARE * len(names):
        return pattern, []
    return pattern if len(groups) == len(names) else pattern + ELSE, groups


def _judge(way: str, groups: list[str], num_classes: int) -> Proposal | None:
    """A proposal if these may be subjects: neither classes nor single images nor nearly all."""
    if not groups:
        return None
    names, counts = np.unique(groups, return_counts=True)
    fewest = max(FEWEST_GROUPS, 2 * num_classes + 1)
    if not fewest <= len(names) <= len(groups) / 2 or counts.max() > len(groups) / 2:
        return None
    # a pattern is quoted for Hydra, and the whole for the shell
    override = "data.group_from=parent" if way == "parent" else f"'data.group_from=\"{way}\"'"
    single = " and leave what does not match by itself" if way.endswith(ELSE) else ""
    such = list_some(names.tolist(), 3)
    sentence = f"{override} would find {len(names)} groups, such as {such}{single}"
    return Proposal(override, len(names), sentence)
