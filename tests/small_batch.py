"""Every gate around a small backbone, and a batch for it, without files."""

from pathlib import Path
from typing import Any

import torch
import yaml

from lightning_modules.build import build
from lightning_modules.networks import Backbone, ROINetwork

CONF = Path(__file__).parents[1] / "conf"


def read_gates() -> dict[str, dict[str, Any]]:
    """The configuration of every gate by its name, without a margin."""
    files = sorted(CONF.glob("gate/*.yaml"))
    gates = {path.stem: yaml.safe_load(path.read_text()) for path in files}
    del gates["auto"]
    for config in gates.values():
        if "dilate" in config:
            config["dilate"] = 0
    return gates


GATES = read_gates()
for config in GATES.values():
    if "crop_size" in config:
        config["crop_size"] = 32


def make_network(gate: str, **options: Any) -> ROINetwork:
    """A network in training; ``options`` of its backbone."""
    torch.manual_seed(0)
    built = build(GATES[gate])
    name = "test_vit" if gate == "token" else "test_resnet"
    backbone = Backbone(2, built.backbone_size or (64, 64), backbone=name, **options)
    return ROINetwork(backbone, built).train()


def make_batch(size: int = 4) -> dict[str, torch.Tensor]:
    """Noise of two classes, with one ROI."""
    draw = torch.Generator().manual_seed(1)
    roi = torch.zeros(size, 1, 64, 64, dtype=torch.bool)
    roi[:, :, 10:40, 20:60] = True
    return {
        "image": torch.randn(size, 3, 64, 64, generator=draw),
        "roi": roi,
        "has_roi": torch.ones(size, 1, dtype=torch.bool),
        "label": torch.arange(size) % 2,
    }
