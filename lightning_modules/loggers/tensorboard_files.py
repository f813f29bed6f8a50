"""TensorBoard: event files in the run folder."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from lightning_modules.loggers.run_logger import About, RunLogger

FOLDER = "tensorboard"
# scores in the table of hyperparameters
SHOWN = (
    "best_val_macro_f1",
    "test_macro_f1",
    "test_accuracy",
    "test_worst_group_accuracy",
    "test_flip_rate",
)


class TensorBoard(RunLogger):
    """``<run>/tensorboard/``; ``tensorboard --logdir outputs/runs`` shows all runs.

    A run that goes on takes back what was logged beyond the checkpoint it goes on from: those
    steps are taken, and logged, again.

    Args:
        pictures: See ``RunLogger``.
    """

    def __init__(self, pictures: bool = True) -> None:
        super().__init__(pictures)

    def open(self, about: About, folder: Path, known: str | None, step: int) -> str:  # noqa: D102
        from lightning.pytorch.loggers import TensorBoardLogger

        self._config = about.config
        place = {"save_dir": folder, "name": "", "version": FOLDER}
        purge = {} if known is None else {"purge_step": step}
        self._logger = TensorBoardLogger(**place, default_hp_metric=False, **purge)
        if known is None:
            lines = [f"| {key} | {_escape(value)} |" for key, value in about.config.items()]
            table = "\n".join(["| option | value |", "| --- | --- |", *lines])
            self._logger.experiment.add_text("config", table, 0)
        return FOLDER

    def log_metrics(self, metrics: Mapping[str, float], step: int) -> None:  # noqa: D102
        self._logger.log_metrics(metrics, step)

    def log_picture(self, name: str, file: Path, step: int) -> None:  # noqa: D102
        with Image.open(file) as image:
            pixels = np.asarray(image.convert("RGB"))
        self._logger.experiment.add_image(name, pixels, step, dataformats="HWC")

    def close(self, state: str | None, metrics: Mapping[str, float]) -> None:
        """Put the run into the table of hyperparameters, beside its final scores, and flush."""
        if state == "finished":
            from torch.utils.tensorboard.summary import hparams

            # not by Lightning's log_hyperparams, which would log the scores once more, at step 0
            shown = {name: metrics[name] for name in SHOWN if name in metrics}
            writer = self._logger.experiment._get_file_writer()
            for summary in hparams(self._config, shown):
                writer.add_summary(summary)
        self._logger.finalize("closed")


def _escape(value: object) -> str:
    return str(value).replace("|", r"\|").replace("\n", " ")
