"""All that interventions tell of a network: measured in one go, said in one table."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from typing import Any

from lightning_modules.evaluation.interventions.answers import Answers, Interviewer
from lightning_modules.evaluation.interventions.attribution import (
    Attribution,
    measure_attribution,
)
from lightning_modules.evaluation.interventions.changes import BORDER, NEXT, add_border
from lightning_modules.evaluation.interventions.donors import gather_donors
from lightning_modules.evaluation.interventions.measures import (
    AS_THEY_ARE,
    FULL_MASK,
    Row,
    mask_stability,
    measure_constant,
    measure_rows,
)
from lightning_modules.evaluation.interventions.naming import name_metrics
from lightning_modules.evaluation.interventions.plans import WHOLE_PLANS, Plan, make_plans
from lightning_modules.networks import ROINetwork

Loader = Callable[[Sequence[int]], Iterable[dict[str, Any]]]
# share of the sample that is shown with a full mask instead, for the reference row
FULL_SHARE = 1 / 6
# of the sample, whose gradients are looked at, and at least how many: each costs four answers
GRADIENT_SHARE, FEWEST_GRADIENTS = 1 / 48, 4


@dataclass(frozen=True)
class Evidence:
    """What was found.

    Args:
        rows: Of the model, by change.
        full: The same of the model under a mask that is true everywhere.
        constant: The best constant predictor.
        attribution: Of gradients and heat maps.
        stability: Mean IoU of predicted masks before and after a swap; None: none were predicted.
        num_donors: Images that lent their backgrounds.
        num_images: That had a ROI and a background, and got an answer.
    """

    rows: dict[str, Row]
    full: dict[str, Row]
    constant: Row
    attribution: Attribution
    stability: float | None
    num_donors: int
    num_images: int

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
        classes: That there are among images and donors, by their index.
        distractor_names: In the order of the batches' planes; none: the border strip.
    """

    rows: Sequence[int]
    donors: Sequence[int]
    load: Loader
    unit_of: Mapping[str, int]
    classes: Sequence[int]
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

    donors = gather_donors(load(sample.donors), sample.unit_of, sample.classes, device)
    if donors is None:
        return None

    def ask(rows: Sequence[int], plans: Sequence[Plan], whole: bool) -> Answers:
        interviewer = Interviewer(
            network, donors, plans, sample.unit_of, rounds, seed, whole, context
        )
        return interviewer.ask(load(rows))

    # where no mask is used a full one changes nothing; batches are never mixed of both: gates whose
    # cost depends on the mask answer in other shapes then
    num_full = round(FULL_SHARE * len(sample.rows)) if network.gate.uses_mask else 0
    plans = make_plans(donors.num_classes, sample.distractor_names or (BORDER,))
    answers = ask(sample.rows[num_full:], plans, whole=False)
    if not answers.as_they_are.num_rows:
        return None
    shown_whole = ask(sample.rows[:num_full], WHOLE_PLANS, whole=True)
    rows = measure_rows(answers, donors.num_classes)
    full = measure_rows(shown_whole, donors.num_classes) if network.gate.uses_mask else rows
    full = {name: full[name] for name in (AS_THEY_ARE, NEXT.name) if name in full}
    num_gradients = max(FEWEST_GRADIENTS, round(GRADIENT_SHARE * len(sample.rows)))
    return Evidence(
        rows,
        full,
        measure_constant(answers),
        measure_attribution(network, sample.load(sample.rows[-num_gradients:]), device),
        mask_stability(answers),
        len(donors.background),
        answers.as_they_are.num_rows + shown_whole.as_they_are.num_rows,
    )
