"""Annotations gathered image by image, where a format has a file or an element an image."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from datamodules.annotations.found import Annotations
from datamodules.annotations.shapes import Shape

Box = tuple[float, float, float, float]


@dataclass
class Collected:
    """Lists that grow, an entry an image and an entry an annotation."""

    names: list[str] = field(default_factory=list)
    sizes: list[tuple[float, float]] = field(default_factory=list)
    columns: list[dict[str, str]] = field(default_factory=list)
    image: list[int] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    shapes: list[Shape | None] = field(default_factory=list)
    attributes: list[dict[str, str]] = field(default_factory=list)
    without_area: dict[str, int] = field(default_factory=dict)

    def add_image(
        self, name: str, size: tuple[float, float], columns: dict[str, str] | None = None
    ) -> None:
        """Begin an image; what is added next belongs to it."""
        self.names.append(name)
        self.sizes.append(size)
        self.columns.append(columns or {})

    def add(
        self,
        label: str,
        box: Box,
        shape: Shape | None = None,
        attributes: dict[str, str] | None = None,
        score: float = np.nan,
    ) -> None:
        """Add an annotation to the last image."""
        self.image.append(len(self.names) - 1)
        self.labels.append(label)
        self.boxes.append(box)
        self.scores.append(score)
        self.shapes.append(shape)
        self.attributes.append(attributes or {})

    def leave_out(self, kind: str) -> None:
        """Count an annotation that covers no area."""
        self.without_area[kind] = self.without_area.get(kind, 0) + 1

    def finish(self, **settings: Any) -> Annotations:  # noqa: ANN401
        """Make one whole of it; ``settings`` are fields of ``Annotations``."""
        keys = dict.fromkeys(key for columns in self.columns for key in columns)
        notes = [
            f"{settings['name']}: {count} of the kind {kind} left out; they cover no area."
            for kind, count in self.without_area.items()
        ]
        return Annotations(
            names=pa.array(self.names, pa.string()),
            sizes=np.array(self.sizes, float).reshape(-1, 2),
            image=np.array(self.image, np.int64),
            labels=pa.array(self.labels, pa.string()),
            boxes=np.array(self.boxes, float).reshape(-1, 4),
            scores=np.array(self.scores, float),
            shapes=self.shapes,
            attributes=self.attributes if any(self.attributes) else (),
            columns={key: [one.get(key, "") for one in self.columns] for key in keys},
            notes=notes,
            **settings,
        )
