"""Classes and groups of each split, and groups that nobody named."""

from collections.abc import Iterator

import numpy as np

from datamodules.doctor.findings import Finding, Level
from datamodules.doctor.twins import number_apart
from datamodules.problems import list_some
from datamodules.splitting.group_proposals import propose_groups
from datamodules.splitting.splits import SPLITS
from datamodules.tables.table import ImageTable

FEWEST = 10  # images of a class, below which a score says little


def describe_splits(table: ImageTable) -> list[list[str]]:
    """Section: images and groups of each class and split."""
    head, columns = ["class"], [list(table.class_names)]
    groups = None if table.groups is None else number_apart(table.groups)
    num_classes = len(table.class_names)
    for split, counts in table.counts().items():
        head.append(split)
        columns.append([str(count) for count in counts])
        if groups is not None:
            rows = table.rows_of(split)
            pairs = np.unique(np.stack([table.labels[rows], groups[rows]]), axis=1)
            head.append(f"groups in {split}")
            columns.append([str(n) for n in np.bincount(pairs[0], minlength=num_classes)])
    return [head, *(list(row) for row in zip(*columns, strict=True))]


def find_in_splits(table: ImageTable) -> Iterator[Finding]:
    """Classes that a split lacks or hardly has, and missing groups."""
    counts = table.counts()
    few = [
        f"{split}: {count} of {name}"
        for split in SPLITS
        for name, count in zip(table.class_names, counts[split], strict=True)
        if count < FEWEST
    ]
    if few:
        yield Finding(
            Level.WARNING,
            "classes of few images",
            f"A class has fewer than {FEWEST} images in a split: too few to learn from, or to say "
            "how well it is recognised.",
            len(few),
            few,
        )
    if table.groups is not None:
        yield from _find_lone_groups(table)
        return
    proposals = propose_groups(table)
    if proposals:
        yield Finding(
            Level.WARNING,
            "groups that nobody named",
            "The names of the images look as if they told the subject. If they do, say so, or "
            "frames of one subject stand on both sides of the split.",
            len(proposals),
            [one.sentence for one in proposals],
        )
    else:
        yield Finding(
            Level.NOTE,
            "no groups known",
            "Nothing says which images show the same subject (a column 'group', data.group_from).",
            1,
        )


def _find_lone_groups(table: ImageTable) -> Iterator[Finding]:
    """A class of one group: no cross-validation can tell the class from that subject."""
    rows = table.rows_of("train")
    groups = table.groups.numbers[rows]
    lone = [
        name
        for label, name in enumerate(table.class_names)
        if len(np.unique(groups[table.labels[rows] == label])) == 1
    ]
    if lone:
        yield Finding(
            Level.WARNING,
            "classes of one group",
            f"All training images of {list_some(lone)} are of one group: a model cannot tell the "
            "class from that subject.",
            len(lone),
            lone,
        )
