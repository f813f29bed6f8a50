"""Missing ROIs that mean something: when having one goes with the label.

Where only lesions are annotated, or a detector misses closed eyes, an image without ROI that is
shown whole (``gate.roi_missing=full``) looks unlike the others, and that gives its label away.
"""

from typing import NamedTuple

import numpy as np

from datamodules.splitting.splits import SPLITS
from datamodules.tables.table import ImageTable

# Three splits are tested at every start of every run: one chance in a thousand keeps false alarms
# rare. Large data makes any difference unlikely to be chance; below 0.1 a guess by presence gains
# at most 5 points of balanced accuracy over chance, less than a model's own noise.
HIGHEST_P = 0.001
SMALLEST_DIFFERENCE = 0.1
# a class is named only if it stands out by itself: one odd image of a tiny class does not
HIGHEST_P_OF_A_CLASS = 0.01
SMALLEST_EXPECTED = 5  # below it chi-square's p-value cannot be trusted (Cochran 1954)
NUM_DRAWS = 9_999


class Difference(NamedTuple):
    """How often a class has a ROI beside all others, in one split; counts are (with, without)."""

    share: float
    split: str
    label: int
    counts: np.ndarray
    rest: np.ndarray
    p: float


def presence_table(table: ImageTable) -> str:
    """Count images with and without ROI, a row a class; of training alone where no other may do."""
    present = table.has_roi().any(axis=1)
    counts = _count(table, present, (table.splits == "train") | table.roi_at_test)
    lines = [("", "with ROI", "without", "share")]
    for name, (present, absent) in zip(table.class_names, counts.tolist(), strict=True):
        lines.append((name, str(present), str(absent), f"{present / (present + absent):.1%}"))
    width = max(len(name) for name in table.class_names)
    return "\n".join(f"{n.ljust(width)}  {a:>8}  {b:>7}  {c:>6}" for n, a, b, c in lines)


def find_association(table: ImageTable, present: np.ndarray | None = None) -> str | None:
    """Say where having a ROI, any region, goes with the label; None: nowhere.

    ``present`` (rows,) bool puts another kind of presence in its place.

    Each split stands for itself: one without any ROI is no association. Images are counted and not
    groups: what rests on a few subjects gives the label away in this data all the same.
    """
    present = table.has_roi().any(axis=1) if present is None else present
    found = [_find_difference(table, present, split) for split in SPLITS]
    found = sorted((d for d in found if d is not None), key=lambda d: -d.share)
    if not found:
        return None
    most = found[0]
    names = table.class_names
    others = repr(names[1 - most.label]) if len(names) == 2 else "the other classes"
    elsewhere = f" (likewise in {' and '.join(d.split for d in found[1:])})" if found[1:] else ""
    return (
        f"Having a ROI goes with the label: in the {most.split} split "
        f"{_say_share(most.counts)} images of {names[most.label]!r} have one, "
        f"{_say_share(most.rest)} of {others}, p {_say_p(most.p)}{elsewhere}. Images without ROI "
        "shown whole (gate.roi_missing=full) give the label away. Annotate all classes alike, or "
        "leave such images out."
    )


def _find_difference(table: ImageTable, present: np.ndarray, split: str) -> Difference | None:
    """The class that stands out most, where classes differ by more than chance."""
    counts = _count(table, present, table.splits == split)
    p = presence_p_value(counts)
    if p >= HIGHEST_P:
        return None
    total = counts.sum(axis=0)
    found = []
    for label in np.flatnonzero(counts.any(axis=1)).tolist():
        mine, rest = counts[label], total - counts[label]
        difference = abs(mine[0] / mine.sum() - rest[0] / rest.sum())
        alone = presence_p_value(np.stack([mine, rest]))
        if difference >= SMALLEST_DIFFERENCE and alone < HIGHEST_P_OF_A_CLASS:
            found.append(Difference(difference, split, label, mine, rest, p))
    return max(found, key=lambda d: d.share, default=None)


def _count(table: ImageTable, present: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """(classes, 2) chosen images with and without ROI."""
    num_classes = len(table.class_names)
    sides = [table.labels[chosen & present], table.labels[chosen & ~present]]
    return np.stack([np.bincount(side, minlength=num_classes) for side in sides], axis=1)


def presence_p_value(counts: np.ndarray) -> float:
    """Chance of classes that differ at least so much when presence has nothing to do with them.

    Fisher's exact test of two classes. Of more, chi-square where every expected count allows it,
    else its permutation test: labels shuffled ``NUM_DRAWS`` times, seeded.

    Args:
        counts: (classes, 2) images with and without ROI.
    """
    counts = counts[counts.any(axis=1)]
    if len(counts) < 2 or not counts.any(axis=0).all():
        return 1.0
    from scipy.stats import chi2_contingency, fisher_exact  # 0.5 s

    if len(counts) == 2:
        return float(fisher_exact(counts).pvalue)
    sizes, sides = counts.sum(axis=1), counts.sum(axis=0)
    expected = np.outer(sizes, sides) / sizes.sum()
    if expected.min() >= SMALLEST_EXPECTED:
        return float(chi2_contingency(counts).pvalue)
    draws = np.random.default_rng(0).multivariate_hypergeometric(sizes, sides[0], NUM_DRAWS)
    # with both margins given, chi-square is this sum times a constant
    drawn = ((draws - expected[:, 0]) ** 2 / sizes).sum(axis=1)
    observed = ((counts[:, 0] - expected[:, 0]) ** 2 / sizes).sum()
    return float((1 + (drawn >= observed * (1 - 1e-9)).sum()) / (1 + NUM_DRAWS))


def _say_share(counts: np.ndarray) -> str:
    return f"{counts[0]} of {counts.sum()} ({counts[0] / counts.sum():.0%})"


def _say_p(p: float) -> str:
    return f"= {p:.1g}" if p > 1e-12 else "< 1e-12"
