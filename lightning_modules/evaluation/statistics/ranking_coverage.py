"""How often intervals of AUROC and average precision cover the truth, of images in groups.

By simulation; ``python -m lightning_modules.evaluation.statistics.ranking_coverage`` prints it.
"""

import numpy as np
from sklearn.metrics import average_precision_score

from lightning_modules.evaluation.statistics.average_precision import AveragePrecision
from lightning_modules.evaluation.statistics.bootstrap import bootstrap_interval, resample
from lightning_modules.evaluation.statistics.delong import auroc_interval, placements
from lightning_modules.evaluation.statistics.pair_share import MOST_BLOCKS, PairShare
from lightning_modules.evaluation.statistics.units import find_units

CLASS = np.array([1])
SPREAD = 0.8  # standard deviation over groups, that within a group being 1


def draw(
    num_groups: int, shift: float, one_class: bool, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Group, label and score (N,) of each image: normal scores, a mean of each group.

    Args:
        num_groups: Of 20 images on average, log-normal with a variation of 0.95.
        shift: Of the positives, 40 % of all.
        one_class: Whether all images of a group have the same label.
        rng: Draws.
    """
    sizes = np.maximum(2, rng.lognormal(np.log(20) - 0.32, 0.8, num_groups).round()).astype(int)
    groups = np.repeat(np.arange(num_groups), sizes)
    labels = (rng.random(len(groups)) < 0.4).astype(int)
    if one_class:
        labels = (rng.random(num_groups) < 0.4).astype(int)[groups]
    own, gain = (rng.normal(0, SPREAD, num_groups)[groups] for _ in range(2))
    return groups, labels, rng.normal(size=len(groups)) + own + (shift + gain) * labels


def measure_coverage(
    num_groups: int, shift: float, one_class: bool, repeats: int, seed: int = 0
) -> dict[str, float]:
    """Share of simulated tests whose nominal 95 % interval holds the truth, by method.

    Tests in which fewer than two groups have a class, and so no interval, are left out.
    """
    rng = np.random.default_rng(seed)
    _, labels, scores = draw(20_000, shift, one_class, rng)
    truth = placements(labels == 1, scores)[labels == 1].mean()
    precision = average_precision_score(labels, scores)
    hits: dict[str, int] = {}
    number = 0
    for repeat in range(repeats):
        groups, labels, scores = draw(num_groups, shift, one_class, rng)
        units, images = find_units(groups, len(groups)), find_units(None, len(groups))
        if min(units.count(labels == label) for label in (0, 1)) < 2:
            continue
        number += 1
        coarse, components = units.join(MOST_BLOCKS), [placements(labels == 1, scores)]
        weights = resample(coarse.num_blocks, 500, repeat)
        area, average = (
            kind(coarse, labels == 1, scores) for kind in (PairShare, AveragePrecision)
        )
        found = {
            "AUROC, bootstrap-t": (bootstrap_interval(area, coarse, weights), truth),
            "AUROC, Obuchowski": (auroc_interval(labels, components, CLASS, units), truth),
            "AUROC, DeLong": (auroc_interval(labels, components, CLASS, images), truth),
            "average precision, bootstrap-t": (
                bootstrap_interval(average, coarse, weights),
                precision,
            ),
        }
        for name, (interval, value) in found.items():
            hits[name] = hits.get(name, 0) + (interval.low <= value <= interval.high)
    return {name: count / number for name, count in hits.items()}


def main() -> None:
    """Print the coverage of easy and hard tests with 10 to 300 groups."""
    for num_groups in (10, 30, 100, 300):
        for shift in (1.5, 3.5):
            for one_class in (False, True):
                shares = measure_coverage(num_groups, shift, one_class, 1000)
                said = ", ".join(f"{name} {100 * x:.1f} %" for name, x in shares.items())
                kind = "one class a group" if one_class else "both classes in a group"
                print(f"{num_groups} groups, shift {shift}, {kind}: {said}", flush=True)


if __name__ == "__main__":
    main()
