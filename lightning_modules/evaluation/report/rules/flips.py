"""How many answers another background changes, and whether that is enough to tell."""

from collections.abc import Iterator
from dataclasses import dataclass

from lightning_modules.evaluation.report.blocks import Level
from lightning_modules.evaluation.report.record import Record
from lightning_modules.evaluation.report.wording import count, interval, percent_range
from lightning_modules.evaluation.statistics.wilson import wilson_interval

# share of answers that another background changes, and the same of accuracy lost
STILL, UNSTEADY = 0.05, 0.15
FEWEST = 10  # images or pairs, of which fewer are not judged


@dataclass(frozen=True)
class Flips:
    """Answers that another background changes.

    Args:
        share: In [0, 1].
        ends: Of its 95 % interval; None: all are of one group, so that nothing is known of others.
        number: Of what was asked about.
        what: It was, in the singular.
    """

    share: float
    ends: tuple[float, float] | None
    number: int
    what: str

    @property
    def level(self) -> Level | None:
        """What that is worth; None: there are too few to tell."""
        low, high = (0.0, 1.0) if self.ends is None else self.ends
        if self.number < FEWEST:
            return None
        if self.share <= STILL:
            return "good" if high < UNSTEADY else None
        if self.share >= UNSTEADY:
            return "bad" if low > STILL else None
        return "careful"

    @property
    def certainty(self) -> str:
        """How many, and between which bounds the share lies."""
        said = count(self.number, self.what)
        bounds = percent_range(self.ends)
        return said if bounds is None else f"{said}, 95 % interval {bounds}"


def find_flips(record: Record) -> Iterator[Flips]:
    """Of drawn backgrounds, and of real pairs."""
    metrics = record.metrics
    rows = {one["name"]: one for one in metrics.get("test_interventions", [])}
    # what was written before there were intervals, or pooled from folds, has none
    images = rows.get("random_background", {}).get("images", len(record.predictions))
    known = (
        ("test_flip_rate", metrics.get("test_flip_rate_images", images), "image"),
        ("test_pair_flip_rate", metrics.get("test_pairs"), "pair"),
    )
    for name, number, what in known:
        share = metrics.get(name)
        if share is None:
            continue
        ends, older = interval(metrics, name), f"{name}_images" not in metrics
        if ends is None and older and record.num_groups != 1:
            ends = wilson_interval(round(share * number), number)
        yield Flips(share, ends, number, what)
