"""Weights & Biases: a run that lies in the run folder, or goes to the server at once."""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from lightning_modules.loggers.run_logger import About, RunLogger

# nothing is sent that nobody asked for
CAREFUL = {"WANDB_ERROR_REPORTING": "false"}


class WeightsAndBiases(RunLogger):
    """``<run>/wandb/``; ``wandb sync <run>/wandb/offline-run-*`` sends it later.

    A run that goes on has the same id. It logs the steps behind its checkpoint once more, with the
    same values; what W&B had not written to its file when the run was killed is missing there.

    Args:
        project: That the run belongs to; None: called as the run.
        entity: User or team that the project belongs to; None: as the server decides.
        mode: ``offline`` writes files alone, ``online`` sends at once; None: as WANDB_MODE says,
            else offline.
        pictures: See ``RunLogger``.
    """

    def __init__(
        self,
        project: str | None = None,
        entity: str | None = None,
        mode: Literal["offline", "online", "disabled"] | None = None,
        pictures: bool = True,
    ) -> None:
        super().__init__(pictures)
        self.project, self.entity, self.mode = project, entity, mode

    def open(self, about: About, folder: Path, known: str | None, step: int) -> str:  # noqa: D102
        for name, value in CAREFUL.items():
            os.environ.setdefault(name, value)
        import wandb
        from lightning.pytorch.loggers import WandbLogger

        identity = known if known is not None else secrets.token_hex(4)
        project = self.project if self.project is not None else about.project
        run = wandb.init(
            name=about.title(folder),
            dir=str(folder),
            id=identity,
            project=project,
            entity=self.entity,
            group=about.group,
            mode=self.mode or os.environ.get("WANDB_MODE") or "offline",
            resume="allow",
            reinit="create_new",  # a control is trained while the run itself is still open
            settings=wandb.Settings(silent=True, console="off", **_flush_often(wandb.Settings)),
        )
        run.define_metric("trainer/global_step")
        run.define_metric("*", step_metric="trainer/global_step", step_sync=True)
        self._logger = WandbLogger(experiment=run, project=project, save_dir=str(folder))
        self._logger.log_hyperparams(about.config)
        return identity

    def log_metrics(self, metrics: Mapping[str, float], step: int) -> None:  # noqa: D102
        self._logger.log_metrics(metrics, step)

    def log_picture(self, name: str, file: Path, step: int) -> None:  # noqa: D102
        self._logger.log_image(name, [str(file)], step)

    def log_file(self, file: Path, step: int) -> None:
        """A page stands beside the curves; what other files say is in the run already."""
        if file.suffix == ".html":
            import wandb

            self._logger.log_metrics({file.stem: wandb.Html(str(file))}, step)

    def close(self, state: str | None, metrics: Mapping[str, float]) -> None:  # noqa: D102
        run = self._logger.experiment
        run.summary.update(dict(metrics))
        run.finish(exit_code=int(state in ("failed", "stopped")))


def _flush_often(settings: type) -> dict[str, float]:
    """The option that has W&B write its file every second, and not every fifteen, if it has it."""
    name = "x_transaction_log_flush_interval"
    return {name: 1.0} if name in settings.model_fields else {}
