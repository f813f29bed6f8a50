"""The plan: which driver shows which label on which background, in which split.

Eyes and mouth tell the label. In training and validation the background nearly tells it too
(alert by day, drowsy by night); in the test split every scene exists once by day and once by night,
so that a classifier that reads the background fails there.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from datamodules.drivers.subjects import NUM_SUBJECTS

LABELS = ("alert", "drowsy")
BACKGROUNDS = ("day", "night")


@dataclass(frozen=True)
class Scene:
    """One driver at one moment; drawn on one background or on both."""

    pair: str
    split: str
    group: str
    label: str
    backgrounds: tuple[str, ...]


def plan_scenes(settings: dict[str, Any]) -> Iterator[Scene]:
    """Yield every scene: labels alternate, subjects take turns, backgrounds agree as asked."""
    for split, num_subjects in NUM_SUBJECTS.items():
        num = settings[f"num_{split}"] // (2 if split == "test" else 1)
        agrees = {}
        for label in LABELS:
            num_agree = round(settings["agreement"] * (num // 2))
            agrees[label] = [True] * num_agree + [False] * (num // 2 - num_agree)
            Random(f"{settings['seed']} {split} {label} agreement").shuffle(agrees[label])
        for i in range(num):
            label = LABELS[i % 2]
            agreeing = BACKGROUNDS[(i % 2) if agrees[label][i // 2] else (1 - i % 2)]
            backgrounds = BACKGROUNDS if split == "test" else (agreeing,)
            group = f"{split}_{i // 2 % num_subjects:02d}"
            yield Scene(f"{split}_{i:05d}", split, group, label, backgrounds)
