"""The run or evaluation that a table of predictions is of, and what that knows of the model."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from lightning_modules.evaluation.report.record import FACTS
from lightning_modules.run_reading import find_value
from workflow.places import OUTPUTS
from workflow.resuming.run_config import load_config

VAL = "val_predictions.csv"
TABLES = ("predictions.csv", VAL)  # of images, in a run or an evaluation


@dataclass(frozen=True)
class Home:
    """Where a table of this project lies.

    Args:
        folder: Of the run or the evaluation.
        config: Its configuration.
        run: Folder of the run whose model answered; None: it is not known.
    """

    folder: Path
    config: dict[str, Any]
    run: Path | None

    @property
    def evaluations(self) -> Path:
        """Where evaluations of the same model lie."""
        return self.folder.parent if self.run is None else self.run / "evaluations"

    @property
    def is_pooled(self) -> bool:
        """Whether it pools the folds of a cross-validation, as ``folds=`` does."""
        return (self.folder / "folds.csv").is_file()

    def option(self, name: str) -> Any:  # noqa: ANN401
        """What the data were evaluated with; None: nothing is set."""
        return (self.config.get("data") or {}).get(name)

    def positive_class(self) -> str | None:
        """Of two classes the one to detect; None: it is not known."""
        return find_value(self.folder / FACTS, "data", "positive_class")


def find_home(file: Path, own: bool) -> Home | None:
    """The home of a table; None: it is from elsewhere.

    Args:
        file: The table.
        own: Whether this project wrote it.
    """
    folder = file.resolve().parent
    if not own or file.name not in TABLES or not (folder / "config.yaml").is_file():
        return None
    config = OmegaConf.to_container(load_config(folder / "config.yaml"))
    if "optimizer" in config:
        return Home(folder, config, folder)
    above = folder.parents[1]  # <run>/evaluations/<date_time>
    run = above if folder.parent.name == "evaluations" and above != OUTPUTS else None
    return Home(folder, config, run if run and (run / "config.yaml").is_file() else None)
