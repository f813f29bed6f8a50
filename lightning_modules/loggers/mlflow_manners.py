"""What MLflow does by default and is not to do here, and what its client asks for."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow import MlflowClient

CHOSEN = "MLFLOW_TRACKING_URI"
# so that an unreachable server is given up soon, and nothing is sent that nobody asked for
CAREFUL = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
}


def be_careful() -> None:
    """Set what is not set yet, before MLflow is imported."""
    for name, value in CAREFUL.items():
        os.environ.setdefault(name, value)


@contextmanager
def same_environment() -> Iterator[None]:
    """Take back that Lightning makes the store of one run that of all later ones."""
    before = os.environ.get(CHOSEN)
    try:
        yield
    finally:
        os.environ.pop(CHOSEN, None)
        if before is not None:
            os.environ[CHOSEN] = before


def has_run(client: "MlflowClient", identity: str) -> bool:
    """Whether a store has a run; it may be another store than the one the run was started in."""
    from mlflow.exceptions import MlflowException

    try:
        client.get_run(identity)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return False
    return True


def make_experiment(client: "MlflowClient", name: str, files: str | None) -> None:
    """Make an experiment that is not there; another process may do the same meanwhile."""
    from mlflow.exceptions import MlflowException

    if client.get_experiment_by_name(name) is not None:
        return
    try:
        client.create_experiment(name, artifact_location=files)
    except MlflowException:
        if client.get_experiment_by_name(name) is None:
            raise
