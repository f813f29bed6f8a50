"""One self-contained page about a run or an evaluation, from the files of its folder alone."""

from importlib import import_module

_EXPORTS = {
    "ReportOptions": "lightning_modules.evaluation.report.options",
    "write_report": "lightning_modules.evaluation.report.report",
}
__all__ = sorted(_EXPORTS)


def __getattr__(name: str) -> object:
    if name not in _EXPORTS:
        raise AttributeError(
            f"module 'lightning_modules.evaluation.report' has no attribute {name!r}"
        )
    return getattr(import_module(_EXPORTS[name]), name)
