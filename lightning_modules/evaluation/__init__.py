"""From the table of predictions to metrics, intervals and sentences."""

from importlib import import_module

_EXPORTS = {
    "PredictionTable": "lightning_modules.evaluation.predictions",
    "measure_groups": "lightning_modules.evaluation.slices",
}
__all__ = sorted(_EXPORTS)


def __getattr__(name: str) -> object:
    if name not in _EXPORTS:
        raise AttributeError(f"module 'lightning_modules.evaluation' has no attribute {name!r}")
    return getattr(import_module(_EXPORTS[name]), name)
