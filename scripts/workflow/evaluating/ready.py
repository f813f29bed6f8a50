"""An evaluation whose model and images are there: the last checks before the work."""

from dataclasses import dataclass
from typing import Any

from datamodules.problems import list_some
from lightning_modules.roi_classifier import ROIClassifier
from workflow.call import Call
from workflow.evaluating.beyond_images import Beyond, plan_beyond, without_answers
from workflow.evaluating.examined import Examined
from workflow.evaluating.frozen import Frozen, find_frozen
from workflow.evaluating.request import is_as_trained
from workflow.objects import check_builds
from workflow.plan import Plan


@dataclass(frozen=True)
class Ready:
    """An evaluation that can begin.

    Args:
        plan: Of its images.
        examined: Its model.
        asked: The resolved configuration.
        call: How it was asked for.
        beyond: What is measured beside the images.
        frozen: Temperature and thresholds.
    """

    plan: Plan
    examined: Examined
    asked: dict[str, Any]
    call: Call
    beyond: Beyond
    frozen: Frozen


def prepare(plan: Plan, examined: Examined, asked: dict[str, Any], call: Call) -> Ready:
    """Check what is left to be checked before the work.

    Raises:
        ValueError: The model does not go with the images, or cannot be measured as asked.
    """
    _check_roi(plan, examined.model)
    check_builds(asked["trainer"])
    beyond = plan_beyond(without_answers(plan.table), plan.table.positive_class, asked, call)
    frozen = Frozen()
    if not asked["backbone"]:
        as_trained = is_as_trained(asked["data"])
        chosen_here = as_trained and asked["split"] in ("val", "all")
        frozen = find_frozen(asked["calibration"], examined.file, chosen_here, as_trained)
    return Ready(plan, examined, asked, call, beyond, frozen)


def _check_roi(plan: Plan, model: ROIClassifier) -> None:
    """Stop before the work where the gate has no answer, or not the regions that it cuts out."""
    gate, table, rows = model.network.gate, plan.table, plan.table.rows_of("test")
    missing = rows[~table.has_roi()[rows].any(axis=1)]
    if gate.roi_missing == "error" and len(missing):
        some = [table.row_name(row) for row in missing[:3].tolist()]
        names = list_some(some, 3, len(missing))
        raise ValueError(
            f"{len(missing)} of {len(rows)} images have no ROI, which the model's gate needs "
            f"(gate.roi_missing=error): {names}. Complete the masks or boxes."
        )
    known = list(model.hparams.region_names)
    if gate.weighed and known != list(table.region_names):
        raise ValueError(
            f"The model was trained with the regions {', '.join(known)}, and {table.name} has "
            f"{', '.join(table.region_names)}: give its masks or boxes the same names and order."
        )
