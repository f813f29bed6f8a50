"""All that interventions tell of a network: measured in one go, said in one table."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from typing import Any

from lightning_modules.evaluation.interventions.answers import Interviewer, Plan, make_plans
from lightning_modules.evaluation.interventions.attribution import (
    Attribution,
    measure_attribution,
)
from lightning_modules.evaluation.interventions.changes import BORDER, NEXT, add_border
from lightning_modules.evaluation.interventions.donors import gather_donors
from lightning_modules.evaluation.interventions.measures import (
    FULL_MASK,
    Row,
    mask_stability,
    measure_constant,
    measure_rows,
    name_metrics,
)
from lightning_modules.networks import ROINetwork

Loader = Callable[[Sequence[int]], Iterable[dict[str, Any]]]
# share of the sample that is shown with a full mask instead, for the reference row
FULL_SHARE = 1 / 6
# of the sample, whose gradients are looked at, and at least how many: a backward pass costs three
GRADIENT_SHARE, FEWEST_GRADIENTS = 1 / 64, 16


@dataclass(frozen=True)
class Evidence:
    """What was found.

    Args:
        rows: Of the model, by change.
        full: The same of the model under a mask that is true everywhere; empty where masks are
            not used.
        constant: The best constant predictor.
        attribution: Of gradients and heat maps.
        stability: Mean IoU of predicted masks before and after a swap; None: none were predicted.
        num_donors: Images that lent their backgrounds.
    """

    rows: dict[str, Row]
    full: dict[str, Row]
    constant: Row
    attribution: Attribution
    stability: float | None
    num_donors: int

    @property
    def metrics(self) -> dict[str, Any]:
        """By name, for metrics.json; see ``name_metrics``, and ``test_interventions``, all rows."""
        found = self.attribution._asdict()
        metrics = name_metrics(self.rows, self.full, self.constant, self.stability)
        metrics |= {f"test_{k}": v for k, v in found.items() if isinstance(v, float)}
        rows = [asdict(row) for row in self.rows.values()]
        rows += [asdict(row) | {"name": f"{FULL_MASK}_{row.name}"} for row in self.full.values()]
        return metrics | {"test_interventions": [*rows, asdict(self.constant)]}


@dataclass
class Sample:
    """Which images are asked about.

    Args:
        rows: In random order, so that any part of it is a sample too.
        donors: Images that lend their background.
        load: Makes batches of some rows.
        unit_of: Group of each id, as a number.
        num_classes: Of the labels.
        distractor_names: In the order of the batches' planes; none: the border strip.
    """

    rows: Sequence[int]
    donors: Sequence[int]
    load: Loader
    unit_of: Mapping[str, int]
    num_classes: int
    distractor_names: Sequence[str]


def gather_evidence(
    network: ROINetwork,
    sample: Sample,
    rounds: int,
    seed: int,
    context: Callable[[], AbstractContextManager] = nullcontext,
) -> Evidence | None:
    """Ask a network about a sample.

    Args:
        network: Is put in evaluation mode.
        sample: Of the test.
        rounds: One shows every image two times more.
        seed: Of who is changed how.
        context: Of each forward pass (mixed precision).

    Returns:
        None where no image has both a ROI and a background, or none gets an answer.
    """
    network.eval()
    device = next(network.parameters()).device

    def load(rows: Sequence[int]) -> Iterable[dict[str, Any]]:
        return map(add_border, sample.load(rows))

    donors = gather_donors(load(sample.donors), sample.unit_of, device)
    if donors is None:
        return None
    names = sample.distractor_names or (BORDER,)

    def ask(rows: Sequence[int], plans: list[Plan], whole: bool) -> dict[str, Any]:
        interviewer = Interviewer(
            network, donors, plans, sample.unit_of, sample.num_classes, rounds, seed, whole, context
        )
        return interviewer.ask(load(rows))

    # behind a gate that uses no mask a full one is no other; batches are never mixed of both, for
    # gates whose cost depends on the mask answer in other shapes then
    num_full = round(FULL_SHARE * len(sample.rows)) if network.gate.hides else 0
    plans = make_plans(sample.num_classes, names)
    answers = ask(sample.rows[num_full:], plans, whole=False)
    if not answers.as_they_are.num_rows:
        return None
    full = {}
    if num_full:
        shown_whole = ask(sample.rows[:num_full], [Plan((NEXT,), 1)], whole=True)
        full = measure_rows(shown_whole, sample.num_classes)
    num_gradients = max(FEWEST_GRADIENTS, round(GRADIENT_SHARE * len(sample.rows)))
    attribution = measure_attribution(network, sample.load(sample.rows[-num_gradients:]), device)
    return Evidence(
        measure_rows(answers, sample.num_classes),
        full,
        measure_constant(answers),
        attribution,
        mask_stability(answers),
        len(donors.image),
    )
