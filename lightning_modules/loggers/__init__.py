"""Where a run can be watched and compared, beside its own folder: TensorBoard, MLflow, W&B.

Thin wrappers of Lightning's loggers. Their packages are imported when a run is opened.
"""

from importlib import import_module

_EXPORTS = {
    "MLflow": "lightning_modules.loggers.mlflow_store",
    "TensorBoard": "lightning_modules.loggers.tensorboard_files",
    "WeightsAndBiases": "lightning_modules.loggers.wandb_run",
}
__all__ = sorted(_EXPORTS)


def __getattr__(name: str) -> object:
    if name not in _EXPORTS:
        raise AttributeError(f"module 'lightning_modules.loggers' has no attribute {name!r}")
    return getattr(import_module(_EXPORTS[name]), name)
