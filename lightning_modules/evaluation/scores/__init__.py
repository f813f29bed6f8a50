"""Scores of a table of predictions, with their intervals."""

from importlib import import_module

_PLACE = "lightning_modules.evaluation.scores"
_EXPORTS = {
    "ScoreOptions": f"{_PLACE}.options",
    "decision_curve": f"{_PLACE}.decision",
    "fit_calibration": f"{_PLACE}.fitting",
    "measure_scores": f"{_PLACE}.measuring",
    "precision_recall_curves": f"{_PLACE}.curves",
    "reliability_bins": f"{_PLACE}.calibration",
    "roc_curves": f"{_PLACE}.curves",
}
__all__ = sorted(_EXPORTS)


def __getattr__(name: str) -> object:
    if name not in _EXPORTS:
        raise AttributeError(f"module {_PLACE!r} has no attribute {name!r}")
    return getattr(import_module(_EXPORTS[name]), name)
