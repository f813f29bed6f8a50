"""Gates: what a backbone may see of an image, and what each promises."""

from importlib import import_module

_EXPORTS = {
    "AttentionGate": "lightning_modules.networks.gates.attention",
    "CropsGate": "lightning_modules.networks.gates.crops",
    "Gate": "lightning_modules.networks.gates.base",
    "GuideGate": "lightning_modules.networks.gates.guide",
    "HintGate": "lightning_modules.networks.gates.hint",
    "LateGate": "lightning_modules.networks.gates.late",
    "NoGate": "lightning_modules.networks.gates.none",
    "PixelGate": "lightning_modules.networks.gates.pixel",
    "Promise": "lightning_modules.networks.gates.base",
    "TokenGate": "lightning_modules.networks.gates.token",
    "TwoStageGate": "lightning_modules.networks.gates.two_stage",
}
__all__ = sorted(_EXPORTS)


def __getattr__(name: str) -> object:
    if name not in _EXPORTS:
        raise AttributeError(f"module 'lightning_modules.networks.gates' has no attribute {name!r}")
    return getattr(import_module(_EXPORTS[name]), name)
