"""Names that other code defines: timm's backbones and optimizers, and the metrics that are logged.

All are read from source: importing timm would import torch.
"""

import ast
import importlib.util
import re
from functools import cache
from pathlib import Path

from front.sources import Expression, find

REGISTERED = re.compile(r"^@register_model\s*\n(?:@.*\n)*def (\w+)\(", re.MULTILINE)
DEPRECATED = re.compile(r"(?ms)^register_model_deprecations\(__name__, \{(.*?)^\}")
KEY = re.compile(r"""^\s*['"]([\w.]+)['"]\s*:""", re.MULTILINE)
OPTIMIZER = re.compile(r"""OptimInfo\(\s*(?:name=)?['"](\w+)['"]""")
ALIAS = re.compile(r"""register_alias\(\s*['"](\w+)['"]""")
SOURCES = ("hf-hub:", "hf_hub:", "local-dir:")


def backbone_exists(name: str) -> bool:
    """Whether timm can build it: a name, a name with a tag after a dot, or a model of the hub."""
    return name.startswith(SOURCES) or name.split(".")[0] in backbone_names()


@cache
def backbone_names() -> frozenset[str]:
    """Every architecture that the installed timm registers, old names included."""
    names: set[str] = set()
    for file in sorted((_timm() / "models").glob("*.py")):
        text = file.read_text(encoding="utf-8")
        names.update(REGISTERED.findall(text))
        for block in DEPRECATED.findall(text):
            names.update(KEY.findall(block))
    return frozenset(names)


def optimizer_exists(name: str) -> bool:
    """Whether timm can build it; ``lookahead_`` may stand before a name."""
    return name.lower().removeprefix("lookahead_") in optimizer_names()


@cache
def optimizer_names() -> frozenset[str]:
    """Every optimizer that the installed timm registers."""
    text = (_timm() / "optim" / "_optim_factory.py").read_text(encoding="utf-8")
    return frozenset([*OPTIMIZER.findall(text), *ALIAS.findall(text)])


def _timm() -> Path:
    spec = importlib.util.find_spec("timm")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("No module named 'timm'", name="timm")
    return Path(spec.origin).parent


def is_logged(metric: str) -> bool:
    """Whether training logs a metric of this name; any class may follow ``val_f1_``."""
    per_class = tuple(f"val_{name}_" for name in _metric_names("CLASS_METRIC_NAMES"))
    return metric in logged_names() or (metric.startswith(per_class) and metric not in per_class)


def logged_names() -> list[str]:
    """The metrics that every run logs while it trains, those of the validation first."""
    val = [f"val_{name}" for name in _metric_names("METRIC_NAMES")]
    return val + [f"train_{name}" for name in _metric_names("TRAIN_METRIC_NAMES")]


def _metric_names(constant: str) -> tuple[str, ...]:
    found = find(f"lightning_modules.metric_names.{constant}")
    assert isinstance(found, Expression), f"{constant} must be a literal tuple"
    return tuple(ast.literal_eval(found.node))
