"""Loggers whose packages are not there; found before anything is read or trained."""

import os
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import Any

from datamodules.problems import install_line

# packages that a logger needs, by its class; the first is also the name of the extra
NEEDED = {
    "TensorBoard": ("tensorboard",),
    "MLflow": ("mlflow",),
    "WeightsAndBiases": ("wandb",),
}
DATABASE = ("sqlalchemy", "alembic")  # mlflow has them, mlflow-skinny has not


def find_logger_problems(config: Mapping[str, Any]) -> Iterator[str]:
    """Say what is not installed, and how it is."""
    for name, options in (config.get("logger") or {}).items():
        needed = _packages(options or {})
        missing = [package for package in needed if not _is_installed(package)]
        if missing:
            yield (
                f"logger={name} needs the package {' and '.join(missing)}, which is not installed. "
                f"Run: {install_line(needed[0])}"
            )


def _is_installed(package: str) -> bool:
    """A folder that is called like a package, as wandb leaves one behind, is none."""
    spec = find_spec(package)
    return spec is not None and spec.origin is not None


def _packages(options: Mapping[str, Any]) -> tuple[str, ...]:
    needed = NEEDED.get(str(options.get("_target_")).rpartition(".")[2], ())
    remote = options.get("tracking_uri") or os.environ.get("MLFLOW_TRACKING_URI")
    return (*needed, *DATABASE) if "mlflow" in needed and not remote else needed
