"""The classifier: networks, losses, optimizers, callbacks and evaluation."""

from importlib import import_module

_EXPORTS = {"ROIClassifier": "lightning_modules.roi_classifier"}
__all__ = sorted(_EXPORTS)


def __getattr__(name: str) -> object:
    if name not in _EXPORTS:
        raise AttributeError(f"module 'lightning_modules' has no attribute {name!r}")
    return getattr(import_module(_EXPORTS[name]), name)
