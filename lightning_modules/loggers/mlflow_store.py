"""MLflow: a run in a store of its own kind, a local one or that of a server."""

import logging
import os
import time
from collections.abc import Mapping
from pathlib import Path

from lightning_modules.loggers.mlflow_manners import (
    CHOSEN,
    be_careful,
    has_run,
    make_experiment,
    same_environment,
)
from lightning_modules.loggers.run_logger import About, RunLogger
from lightning_modules.metric_names import make_fit

STATES = {"finished": "FINISHED", "failed": "FAILED", "stopped": "KILLED"}
LONGEST, MOST = 500, 100  # characters of a parameter; parameters at once


class MLflow(RunLogger):
    """A run of the experiment that is called as the run is; ``mlflow ui`` shows them.

    Args:
        tracking_uri: Of the store, such as ``http://server:5000``; None: as MLFLOW_TRACKING_URI
            says, else ``outputs/mlflow.db`` (SQLite), with files in ``outputs/mlflow_files``.
        experiment: That the run belongs to; None: called as the run.
        pictures: See ``RunLogger``.
    """

    def __init__(
        self,
        tracking_uri: str | None = None,
        experiment: str | None = None,
        pictures: bool = True,
    ) -> None:
        super().__init__(pictures)
        self.tracking_uri, self.experiment = tracking_uri, experiment

    def open(self, about: About, folder: Path, known: str | None, step: int) -> str:  # noqa: D102
        be_careful()
        logging.getLogger("alembic").setLevel(logging.WARNING)
        from lightning.pytorch.loggers import MLFlowLogger
        from mlflow import MlflowClient

        uri, files = self._find_store(about.outputs)
        experiment = self.experiment if self.experiment is not None else about.project
        client = MlflowClient(uri)
        make_experiment(client, experiment, files)
        known = known if known is not None and has_run(client, known) else None
        self._known_steps: dict[str, set[int]] | None = None if known is None else {}
        tags = {"folder": str(folder)} | ({} if about.group is None else {"sweep": about.group})
        self._logger = MLFlowLogger(
            experiment_name=experiment,
            run_name=about.title(folder),
            tracking_uri=uri,
            tags=tags,
            run_id=known,
        )
        with same_environment():
            self._client, self._run = self._logger.experiment, self._logger.run_id
        if known is not None:
            self._client.update_run(known, status="RUNNING")
        self._log_config(about.config)
        return self._run

    def log_metrics(self, metrics: Mapping[str, float], step: int) -> None:
        """Log what the store does not have yet: a run that goes on repeats steps exactly."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        found = [
            Metric(name, value, now, step)
            for name, value in ((make_fit(key), float(one)) for key, one in metrics.items())
            if step not in self._logged(name)
        ]
        if found:
            self._client.log_batch(self._run, metrics=found)

    def log_picture(self, name: str, file: Path, step: int) -> None:  # noqa: D102
        self._client.log_artifact(self._run, str(file), artifact_path="pictures")

    def log_file(self, file: Path, step: int) -> None:  # noqa: D102
        self._client.log_artifact(self._run, str(file))

    def close(self, state: str | None, metrics: Mapping[str, float]) -> None:  # noqa: D102
        if state is not None:
            self._client.set_terminated(self._run, STATES[state])

    def _find_store(self, outputs: Path) -> tuple[str, str | None]:
        """Its address, and that of its files where they are ours to place."""
        chosen = self.tracking_uri or os.environ.get(CHOSEN)
        if chosen:
            return chosen, None
        outputs.mkdir(parents=True, exist_ok=True)
        database, files = outputs / "mlflow.db", outputs / "mlflow_files"
        return f"sqlite:///{database.as_posix()}", files.as_uri()

    def _log_config(self, config: Mapping[str, object]) -> None:
        """Parameters never change in MLflow; what a run that goes on has changed is a tag."""
        from mlflow.entities import Param

        there = self._client.get_run(self._run).data.params
        wanted = {make_fit(key): str(value)[:LONGEST] for key, value in config.items()}
        new = [Param(key, value) for key, value in wanted.items() if key not in there]
        for start in range(0, len(new), MOST):
            self._client.log_batch(self._run, params=new[start : start + MOST])
        for key in wanted.keys() & there.keys():
            if wanted[key] != there[key]:
                self._client.set_tag(self._run, f"resumed with {key}", wanted[key])

    def _logged(self, name: str) -> set[int]:
        """Steps of a metric that were logged before the run went on."""
        if self._known_steps is None:
            return set()
        if name not in self._known_steps:
            history = self._client.get_metric_history(self._run, name)
            self._known_steps[name] = {one.step for one in history}
        return self._known_steps[name]
