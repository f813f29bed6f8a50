"""What a run writes and says: checkpoints, history, status, pictures, predictions."""

from importlib import import_module

_EXPORTS = {
    "BestCheckpoint": "lightning_modules.callbacks.checkpoints",
    "Curves": "lightning_modules.callbacks.curves",
    "DurationEstimate": "lightning_modules.callbacks.duration",
    "EarlyStopping": "lightning_modules.callbacks.early_stopping",
    "EpochLines": "lightning_modules.callbacks.progress",
    "History": "lightning_modules.callbacks.history",
    "LastCheckpoint": "lightning_modules.callbacks.last_checkpoint",
    "Predictions": "lightning_modules.callbacks.predictions",
    "Preview": "lightning_modules.callbacks.preview",
    "StopAtNonFinite": "lightning_modules.callbacks.non_finite",
    "Status": "lightning_modules.callbacks.status",
}
__all__ = sorted(_EXPORTS)


def __getattr__(name: str) -> object:
    if name not in _EXPORTS:
        raise AttributeError(f"module 'lightning_modules.callbacks' has no attribute {name!r}")
    return getattr(import_module(_EXPORTS[name]), name)
