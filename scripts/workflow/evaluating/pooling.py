"""The files of a cross-validation: its answers in one table, scored, and what is chosen by them."""

from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from datamodules.tables.classes import settle_positive
from lightning_modules.evaluation.calibration_file import NAME, write_calibration
from lightning_modules.evaluation.label_errors import (
    describe_label_errors,
    find_label_errors,
    write_label_errors,
)
from lightning_modules.evaluation.out_of_fold import (
    mean_evidence,
    measure_spread,
    pool_folds,
)
from lightning_modules.evaluation.pooled_sentences import describe_pooled, say_chosen
from lightning_modules.evaluation.predictions import PredictionTable
from lightning_modules.evaluation.predictions_file import write_predictions
from lightning_modules.evaluation.scores.fitting import (
    OUT_OF_FOLD,
    find_hindrance,
    fit_calibration,
)
from lightning_modules.evaluation.scores.options import ScoreOptions
from lightning_modules.evaluation.table_scores import score_table
from lightning_modules.run_files import write_csv, write_json, write_text
from workflow.evaluating.early import check_columns
from workflow.evaluating.fold_runs import CrossValidation
from workflow.evaluating.requirements import read_results
from workflow.typed import join_words

FEWEST = 200  # resamples that the options allow
FILES = (
    *("predictions.csv", "metrics.json", "folds.csv", "label_errors.csv", "config.yaml"),
    NAME,
)


def pool(
    one: CrossValidation,
    folder: Path,
    given: dict[str, dict[str, Any]],
    say: list[str],
) -> dict[str, Any]:
    """Pool a cross-validation and write what came of it; before a mistake nothing is written.

    Args:
        one: Its runs.
        folder: Takes ``FILES``.
        given: Options of ``data`` and ``scores`` that take the place of the runs' own.
        say: Takes what is to be said of it.

    Returns:
        The metrics by name.

    Raises:
        ValueError: The folds are not of one cross-validation, or an option is out of its range.
    """
    data = one.config["data"] | given.get("data", {})
    slice_by = [data["slice_by"]] if isinstance(data["slice_by"], str) else data["slice_by"]
    asked = one.config.get("scores", {}) | given.get("scores", {})
    options = ScoreOptions(**{name: value for name, value in asked.items() if name != "_target_"})

    def measure_one(table: PredictionTable) -> dict[str, Any]:
        return score_table(table, options=ScoreOptions(resamples=FEWEST))  # no interval is shown

    folds = one.read()
    table = pool_folds(folds)
    words = [("data.slice_by", name) for name in slice_by or ()]
    words.append(("data.pair_by", data["pair_by"]))
    check_columns("the data of these folds", table.columns, *words)
    rows, spread = measure_spread(folds, measure_one)
    counts = {"num_folds": one.num_folds, "num_pooled_folds": len(folds)}
    own = [read_results(Path(fold.name)) for fold in folds]
    metrics = mean_evidence(own, [len(fold.table) for fold in folds])
    metrics |= score_table(table, slice_by or (), data["pair_by"], options) | spread
    metrics |= counts | {"missing_folds": one.missing}
    errors = find_label_errors(table)
    metrics["num_label_errors"] = len(errors)
    (folder / "metrics.json").unlink(missing_ok=True)  # of an earlier time: until all is written
    write_predictions(table, folder / "predictions.csv")
    write_csv(folder / "folds.csv", rows)
    write_label_errors(folder / "label_errors.csv", table, errors)
    config = one.config | {"data": data | {"fold": None}, "scores": asked}
    write_text(folder / "config.yaml", OmegaConf.to_yaml(OmegaConf.create(config)))
    chosen = _choose(table, data.get("positive_class"), options, folder)
    write_json(folder / "metrics.json", metrics)  # last: it says that all is there
    say += describe_pooled(metrics, one.missing) + one.notes + chosen
    say += describe_label_errors(table, errors, 0)
    return metrics


def _choose(
    table: PredictionTable, positive_class: str | None, options: ScoreOptions, folder: Path
) -> list[str]:
    """Write the thresholds for a model that is trained on all images; returns what is to be said.

    The pooled table is not scored at them: they were chosen by its own answers.
    """
    (folder / NAME).unlink(missing_ok=True)
    hindrance = find_hindrance(table)
    if hindrance is not None:
        return [f"No temperature and no thresholds were chosen out of fold: {hindrance}."]
    asked = None if positive_class is None else str(positive_class)
    positive = settle_positive(tuple(table.class_names), asked)
    calibration = fit_calibration(table, positive, options, OUT_OF_FOLD)
    write_calibration(calibration, folder)
    word = join_words([f"calibration={folder}"])
    return [
        say_chosen(calibration),
        "To evaluate such a model with it: python scripts/evaluate.py ckpt=<its run> "
        f"{word} data=<other images>",
    ]
