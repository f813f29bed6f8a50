"""Test the best checkpoint, and say what came of it."""

import dataclasses
import logging
from pathlib import Path
from typing import Any

import numpy as np
from lightning.pytorch import Trainer

from datamodules.tables.table import ImageTable
from lightning_modules.callbacks import Predictions
from lightning_modules.evaluation.calibration_file import Calibration
from lightning_modules.evaluation.predictions import PredictionTable
from lightning_modules.evaluation.promise import measure_promise
from lightning_modules.evaluation.scores.lines import tabulate_scores
from lightning_modules.evaluation.scores.measuring import measure_scores, prefix_names
from lightning_modules.evaluation.slices import measure_groups
from lightning_modules.evaluation.summary import summarize
from lightning_modules.roi_classifier import ROIClassifier
from lightning_modules.run_files import write_json
from workflow.evaluating.calibrating import calibrate
from workflow.evaluating.evidence import measure_evidence
from workflow.evaluating.examples import write_examples
from workflow.evaluating.shared_test import run_test
from workflow.objects import Objects
from workflow.places import find_last
from workflow.plan import Plan, instantiate
from workflow.typed import join_words

log = logging.getLogger(__name__)
# words of a command that another run does not share
DIFFERENT = (
    *("gate", "extras", "study", "out", "name", "control", "resume"),
    "experiment=gate_study",
)
BESIDE = (
    "accuracy",
    "macro_f1",
    "worst_group_accuracy",
    "pair_flip_rate",
    "next_background_accuracy",
    "flip_rate",
    "mask_roi_area_ratio",
)


def test_best(plan: Plan, objects: Objects, trainer: Trainer, folder: Path) -> dict[str, Any]:
    """Test the best checkpoint of a run; see ``test_model``."""
    objects, calibration = calibrate_best(plan, objects, trainer, folder)
    metrics = test_model(plan, objects, trainer, calibration)
    alone = folder.name != "control" and plan.call.sweep_folder is None
    if not plan.config["control"] and alone:
        log.info(_say_next(plan, metrics["test_mask_origins"]))
    return metrics


def calibrate_best(
    plan: Plan, objects: Objects, trainer: Trainer, folder: Path
) -> tuple[Objects, Calibration | None]:
    """Load the best checkpoint of a run, and choose its temperature and thresholds.

    Returns:
        The objects with its model, and what was chosen by ``calibrate``.
    """
    best = folder / "checkpoints" / "best.ckpt"
    # where no epoch was validated; processes that were started have trained a model of their own
    tested = best if best.is_file() else find_last(folder)
    says = {best: "the best checkpoint", None: "the model as it is"}
    what = says.get(tested, "the last checkpoint: no epoch was validated")
    log.info("%s %s.", "Testing" if plan.config["test"] else "Thresholds are chosen for", what)
    if tested is None:
        return objects, None
    model = ROIClassifier.load_from_checkpoint(tested)
    objects = dataclasses.replace(objects, model=model)
    return objects, calibrate(plan, objects, trainer, tested)


def test_model(
    plan: Plan, objects: Objects, trainer: Trainer, calibration: Calibration | None = None
) -> dict[str, Any]:
    """Test a model, keep its table of predictions, and say how much of it is background.

    Args:
        plan: Of the run or the evaluation.
        objects: With the model.
        trainer: That tests.
        calibration: Of the model, frozen; None: there is none.

    Returns:
        The metrics by name; with a margin also ``test_without_margin_<name>``, of the same weights
        with the masks as they are.
    """
    model = objects.model
    metrics, predictions = _measure(plan, objects, trainer)
    promise = model.network.gate.promise
    metrics["test_confusion_matrix"] = predictions.answered.confusion()
    scores = measure_scores(predictions, instantiate(plan.config["scores"]), calibration)
    metrics |= prefix_names(scores, "test")
    metrics["gate_dilate"] = model.network.gate.dilate
    if plan.mask_only is not None:
        mask_only = dataclasses.asdict(plan.mask_only)
        metrics |= {f"mask_only_{name}": value for name, value in mask_only.items()}
    broken = int((~np.isfinite(predictions.logits)).any(axis=1).sum())
    if broken:
        log.warning(
            "%d of %d answers are NOT numbers (NaN or infinite): the weights or the training are "
            "broken, and no score below means anything.",
            broken,
            len(predictions),
        )
    for line in tabulate_scores(metrics, predictions.class_names, plan.caveat):
        log.info(line)
    # whatever the interventions come to, the test is done
    write_json(Path(trainer.default_root_dir) / "metrics.json", metrics)
    metrics |= _ask(plan, objects, trainer, metrics, set(predictions.ids))
    for sentence in summarize(
        predictions, metrics, promise, plan.caveat, plan.unseen, plan.tested, calibration
    ):
        log.info(sentence)
    write_examples(plan, objects, trainer, predictions)
    if plan.gated and model.network.gate.dilate:
        metrics |= _measure_without_margin(plan, objects, trainer, metrics)
    return metrics


def _measure(
    plan: Plan, objects: Objects, trainer: Trainer
) -> tuple[dict[str, Any], PredictionTable]:
    metrics, predictions = run_test(plan, objects, trainer)
    metrics |= measure_promise(predictions, objects.model.network.gate.promise)
    options, resamples = plan.options, instantiate(plan.config["scores"]).resamples
    answered = predictions.answered
    metrics |= measure_groups(answered, options.slice_by, options.pair_by, resamples)
    return metrics, predictions


def _ask(
    plan: Plan, objects: Objects, trainer: Trainer, metrics: dict[str, Any], tested: set[str]
) -> dict[str, Any]:
    """Interventions, where the test ran: Lightning leaves the model on the CPU."""
    model = objects.model
    rows = tested_rows(objects.data.table, tested)
    model.to(trainer.strategy.root_device)
    try:
        return measure_evidence(
            model.network,
            objects.data,
            instantiate(plan.config["interventions"]),
            rows,
            metrics,
            trainer.precision_plugin.forward_context,
        )
    finally:
        model.cpu()


def tested_rows(table: ImageTable, ids: set[str]) -> np.ndarray:
    """Rows of the test whose images are among ``ids``: a test may have been cut short."""
    rows = table.rows_of("test").tolist()
    return np.array([row for row in rows if table.ids[row].as_py() in ids], np.int64)


def _measure_without_margin(
    plan: Plan, objects: Objects, trainer: Trainer, with_it: dict[str, Any]
) -> dict[str, Any]:
    """The same weights behind the masks as they are, side by side with those behind the margin."""
    callback = next(c for c in trainer.callbacks if isinstance(c, Predictions))
    network = objects.model.network
    margin = network.gate.dilate
    network.set_margin(0)
    callback.writes = False
    try:
        without, _ = _measure(plan, objects, trainer)
    finally:
        network.set_margin(margin)
        callback.writes = True
    rows = {name: without[f"test_{name}"] for name in BESIDE if f"test_{name}" in without}
    say_beside(f"margin {margin} px", "masks as they are", with_it, without)
    return {f"test_without_margin_{name}": value for name, value in rows.items()}


def say_beside(one: str, other: str, first: dict[str, Any], second: dict[str, Any]) -> None:
    """Say the main metrics of two tests side by side."""
    log.info("%s %s %s", " " * 26, one.rjust(18), other.rjust(18))
    for name in BESIDE:
        values = [metrics.get(f"test_{name}") for metrics in (first, second)]
        if None not in values:
            texts = [f"{value:.4f}" for value in values]
            log.info("  %s %s %s", name.ljust(24), texts[0].rjust(18), texts[1].rjust(18))


def _say_next(plan: Plan, origins: dict[str, int]) -> str:
    """The run that would tell most about this one; ``origins``: of the masks in its test."""
    if plan.gate == "two_stage" and set(origins) <= {"given", "detected"}:
        return (
            "Next: every test mask was given, so the locator was not tested; "
            "data.roi_at_test=false tests it as where nobody draws a ROI."
        )
    if not plan.gated and any(share < 1 for share in plan.table.roi_share().values()):
        return (
            "Next: give training images a ROI (column mask or box, or data.masks) and leave the "
            "gate to gate=auto."
        )
    kept = [word for word in plan.call.overrides if not word.startswith(DIFFERENT)]
    words, purpose = (["gate=auto"], "a gate")
    if plan.gated:
        words, purpose = ["gate=none", "extras=default"], "the control without a gate"
    return f"Next, {purpose}: {join_words(['python', 'scripts/train.py', *kept, *words])}"
