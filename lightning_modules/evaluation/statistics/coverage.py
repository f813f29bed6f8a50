"""How often intervals cover the truth, by simulation.

``python -m lightning_modules.evaluation.statistics.coverage`` prints a table.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from lightning_modules.evaluation.scores.parts import accuracy_of, macro_f1_of
from lightning_modules.evaluation.statistics.bootstrap import bootstrap_interval, resample
from lightning_modules.evaluation.statistics.ratio_score import MeanOfRatios
from lightning_modules.evaluation.statistics.units import Units, find_units


@dataclass(frozen=True)
class Population:
    """Groups to draw from: some are harder than others, some have many more images.

    Args:
        class_shares: Of each class.
        ease: Log odds of a right answer, of the first class; each further one is harder by 0.4.
        spread: Standard deviation of the log odds over groups: how alike images of a group are.
        images: Of a group, on average; log-normal with a variation of 0.95.
        one_class: Whether all images of a group have the same label.
    """

    class_shares: tuple[float, ...]
    ease: float
    spread: float
    images: int
    one_class: bool

    def draw(
        self, num_groups: int, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Group, label and answer (N,) of each image."""
        sizes = rng.lognormal(np.log(self.images) - 0.32, 0.8, num_groups)
        sizes = np.maximum(2, sizes.round()).astype(int)
        groups, classes = np.repeat(np.arange(num_groups), sizes), len(self.class_shares)
        labels = rng.choice(classes, len(groups), p=self.class_shares)
        if self.one_class:
            labels = rng.choice(classes, num_groups, p=self.class_shares)[groups]
        ease = self.ease + rng.normal(0, self.spread, num_groups)[groups] - 0.4 * labels
        wrong = (labels + rng.integers(1, classes, len(labels))) % classes
        return groups, labels, np.where(rng.random(len(labels)) < expit(ease), labels, wrong)


# subjects who show every class; patients who have one; a good model; a rare class
POPULATIONS = {
    "every class in a group": Population((0.5, 0.3, 0.2), 1.5, 0.8, 40, False),
    "right in 95 %, a rare class": Population((0.6, 0.3, 0.1), 3.5, 1.0, 30, False),
    "two classes, one a group": Population((0.6, 0.4), 2.0, 1.0, 30, True),
    "three classes, one a group": Population((0.5, 0.3, 0.2), 1.5, 0.8, 20, True),
}


def measure_coverage(
    population: Population, num_groups: int, repeats: int, seed: int = 0, resamples: int = 1000
) -> dict[str, dict[str, float]]:
    """Share of simulated tests whose nominal 95 % interval holds the truth.

    Returns:
        Score name (``accuracy``, ``macro_f1``) to ``bootstrap-t`` and ``percentile``, in [0, 1].
    """
    rng, classes = np.random.default_rng(seed), len(population.class_shares)
    _, labels, answers = population.draw(50_000, rng)
    # one unit with everything
    whole = Units(np.zeros(len(labels), int), np.zeros(1, int), "groups")
    truths = {
        name: float(score.measure(np.ones((1, 1)))[0][0])
        for name, score in _scores(whole, labels, answers, classes)
    }
    hits = {name: {"bootstrap-t": 0, "percentile": 0} for name in truths}
    for repeat in range(repeats):
        groups, labels, answers = population.draw(num_groups, rng)
        units = find_units(groups, len(groups))
        weights = resample(units.num_blocks, resamples, seed + repeat)
        for name, score in _scores(units, labels, answers, classes):
            interval = bootstrap_interval(score, units, weights)
            low, high = np.nanquantile(score.measure(weights)[0], [0.025, 0.975])
            hits[name]["bootstrap-t"] += interval.low <= truths[name] <= interval.high
            hits[name]["percentile"] += low <= truths[name] <= high
    return {name: {m: n / repeats for m, n in of.items()} for name, of in hits.items()}


def _scores(
    units: Units, labels: np.ndarray, answers: np.ndarray, classes: int
) -> Iterator[tuple[str, MeanOfRatios]]:
    yield "accuracy", accuracy_of(units, labels, answers)
    yield "macro_f1", macro_f1_of(units, labels, answers, classes)


def main() -> None:
    """Print the coverage with 10 and 30 groups."""
    for num_groups in (10, 30):
        for name, population in POPULATIONS.items():
            for score, shares in measure_coverage(population, num_groups, 2000).items():
                said = ", ".join(f"{method} {100 * x:.1f} %" for method, x in shares.items())
                print(f"{num_groups} groups, {name}, {score}: {said}", flush=True)


if __name__ == "__main__":
    main()
