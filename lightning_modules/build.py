"""From plain dicts to objects, of this project's own closed list only.

A checkpoint carries the configuration that its model is rebuilt from; a list of what may be built
keeps it from naming code to run.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

BUILDABLE = frozenset(
    {
        "lightning_modules.networks.Backbone",
        "lightning_modules.networks.gates.AttentionGate",
        "lightning_modules.networks.gates.CropsGate",
        "lightning_modules.networks.gates.GuideGate",
        "lightning_modules.networks.gates.HintGate",
        "lightning_modules.networks.gates.LateGate",
        "lightning_modules.networks.gates.NoGate",
        "lightning_modules.networks.gates.PixelGate",
        "lightning_modules.networks.gates.TokenGate",
        "lightning_modules.networks.gates.TwoStageGate",
        "lightning_modules.averaging.ema",
        "lightning_modules.averaging.no_average",
        "lightning_modules.averaging.swa",
        "lightning_modules.extras.Extras",
        "lightning_modules.losses.CrossEntropy",
        "lightning_modules.optimizers.build_optimizer",
        "lightning_modules.schedulers.constant",
        "lightning_modules.schedulers.cosine",
        "lightning_modules.schedulers.onecycle",
        "lightning_modules.schedulers.plateau",
    }
)


def build(config: Mapping[str, Any], *supplied: Any) -> Any:  # noqa: ANN401
    """Call what ``config`` names by ``_target_`` with its other keys.

    Args:
        config: ``_target_`` and the keyword arguments.
        supplied: Positional arguments that the code knows and the configuration does not.

    Raises:
        ValueError: The target is not on the list.
    """
    target = config.get("_target_")
    if not isinstance(target, str) or target not in BUILDABLE:
        raise ValueError(
            f"{target!r} cannot be built: a model's parts are {', '.join(sorted(BUILDABLE))}. "
            "A part of your own goes on the list in lightning_modules/build.py."
        )
    module, _, name = target.rpartition(".")
    arguments = {key: value for key, value in config.items() if key != "_target_"}
    return getattr(import_module(module), name)(*supplied, **arguments)
