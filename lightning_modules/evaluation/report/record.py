"""What the files of a run or an evaluation say."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from lightning_modules.evaluation.calibration_file import Calibration, read_calibration
from lightning_modules.evaluation.predictions import PredictionTable
from lightning_modules.evaluation.predictions_file import read_predictions
from lightning_modules.evaluation.report.files import read_names, read_rows, read_yaml
from lightning_modules.evaluation.report.hashed_names import read_hashed_names
from lightning_modules.evaluation.report.names import Names
from lightning_modules.evaluation.report.options import ReportOptions
from lightning_modules.evaluation.scores import ScoreOptions, measure_scores
from lightning_modules.run_reading import read_text

FACTS = "facts.json"
MASK_ONLY = "mask_only_"  # begins the names of what outlines alone tell
UNITS = "unit_predictions.csv"


@dataclass
class Record:
    """A run or an evaluation, as far as its folder tells.

    Args:
        folder: Where it lies.
        options: What the report may show.
        names: What groups and images are called.
        config: Resolved, plain.
        command: That was typed; "": not known.
        metrics: By name.
        facts: When, where and on what, and the warnings (``facts.json``).
        predictions: Of the test, without the images that got no answer; None: it was not tested.
        num_unanswered: Images that got no answer.
        history: A row an epoch, of numbers; None where a cell is blank.
        seconds: Of each epoch.
        examples: Sections of ``examples/examples.json``.
        calibration: What was chosen on other images and used here; None: nothing.
        chosen_here: What was chosen on these very images, for another model, and is not used here;
            None: nothing.
        units: Answers to patients or clips, without those that got none; None: images only.
    """

    folder: Path
    options: ReportOptions
    names: Names
    config: dict[str, Any]
    command: str
    metrics: dict[str, Any]
    facts: dict[str, Any]
    predictions: PredictionTable | None
    num_unanswered: int = 0
    history: list[dict[str, float | None]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    examples: list[dict[str, Any]] = field(default_factory=list)
    calibration: Calibration | None = None
    chosen_here: Calibration | None = None
    units: PredictionTable | None = None

    @property
    def trained(self) -> bool:
        """Whether it is a run; else it is an evaluation of one."""
        return "optimizer" in self.config

    @property
    def given(self) -> bool:
        """Whether somebody gave its answers as a table, and no model was asked."""
        return self.config.get("predictions") is not None

    @property
    def has_run(self) -> bool:
        """Whether the answers that were given are of a run, which has a report of its own."""
        return self.given and "_target_" in (self.config.get("data") or {})

    @property
    def class_names(self) -> list[str]:
        """In the order of the predictions; []: not known."""
        if self.predictions is not None:
            return list(self.predictions.class_names)
        return self.facts.get("data", {}).get("class_names", [])

    @cached_property
    def positive(self) -> int | None:
        """Index of the positive class; None: there are more than two classes, or none is."""
        if len(self.class_names) != 2:
            return None
        name = self.facts.get("data", {}).get("positive_class")
        return self.class_names.index(name) if name in self.class_names else 1

    @cached_property
    def num_groups(self) -> int | None:
        """Of the answered test images; None: not known."""
        if self.predictions is None or self.predictions.groups is None:
            return None
        return len(set(self.predictions.groups.tolist()))

    def picture(self, name: str) -> bytes | None:
        """A picture of the folder; None: it is not there, is empty, or must not be shown."""
        file = self.folder / name
        inside = file.resolve().is_relative_to(self.folder.resolve())
        if not (self.options.images and inside and file.is_file()):
            return None
        return file.read_bytes() or None


def read_record(folder: Path, options: ReportOptions) -> Record:
    """Read a folder; what is not there is empty."""
    history = read_rows(folder / "history.csv", "epoch")
    predictions, units = (
        read_predictions(file) if file.is_file() else None
        for file in (folder / "predictions.csv", folder / UNITS)
    )
    answered = None if predictions is None else predictions.answered
    examples = read_names(folder / "examples" / "examples.json")
    config = folder / "config.yaml"
    command = folder / "command.txt"
    facts = read_names(folder / FACTS)
    metrics = facts.get("outline", {}) | _read_metrics(folder, answered)
    calibration, pooled = read_calibration(folder), "num_pooled_folds" in metrics
    return Record(
        folder=folder,
        options=options,
        names=read_hashed_names(folder, predictions, units) if options.hash_groups else Names(),
        config=read_yaml(config),
        command=read_text(command).strip() if command.is_file() else "",
        metrics=metrics,
        facts=facts,
        predictions=answered if answered is not None and len(answered) else None,
        num_unanswered=0 if predictions is None else len(predictions) - len(answered),
        history=history,
        seconds=[row["seconds"] for row in read_rows(folder / "timing.csv", "seconds")],
        examples=examples.get("sections", []),
        calibration=None if pooled else calibration,
        chosen_here=calibration if pooled else None,
        units=None if units is None else units.answered,
    )


def _read_metrics(folder: Path, answered: PredictionTable | None) -> dict[str, Any]:
    """Metrics of the folder; where it is from before there were intervals, measured here."""
    metrics = read_names(folder / "metrics.json")
    if answered is None or not len(answered) or "test_num_units" in metrics:
        return metrics
    scores = measure_scores(answered, ScoreOptions(), read_calibration(folder))
    return metrics | {f"test_{name}": value for name, value in scores.items()}
