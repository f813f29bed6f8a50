"""No gate: the control of every comparison."""

from lightning_modules.networks.gates.base import Gate


class NoGate(Gate):
    """The plain backbone sees the whole image; the mask is measured and ignored."""

    hides = False
    uses_mask = False
    mixes = True
