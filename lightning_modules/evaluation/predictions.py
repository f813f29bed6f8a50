"""The table of predictions: one row an image, from which groups, pairs and pictures are made."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np


@dataclass
class PredictionTable:
    """What a model said of the images of a split.

    Args:
        ids: Identity of each row.
        labels: (N,) int, class indices.
        logits: (N, C) float.
        class_names: In the order of the logits.
        mask_origin: (N,) text, where the applied mask came from: given, detected, predicted, full,
            abstain (the image got no answer), or none (no gate).
        mask_share: (N,) share of the image that the applied mask covers, in [0, 1].
        roi_share: (N,) share of the image that the user's undilated ROI covers, in [0, 1].
        columns: Columns of the source by name, each (N,) text.
        groups: (N,) text; None: unknown.
        region_weights: Region name to (N,) share in [0, 1] of that region in the answer.
        mask_quality: ``mask_dice``, ``mask_iou`` and ``mask_recall`` of the predicted masks against
            the user's ROI, (N,) in [0, 1]; NaN where one of them is unknown. Empty: nothing was
            predicted.
    """

    ids: list[str]
    labels: np.ndarray
    logits: np.ndarray
    class_names: Sequence[str]
    mask_origin: list[str]
    mask_share: np.ndarray
    roi_share: np.ndarray
    columns: dict[str, np.ndarray]
    groups: np.ndarray | None
    region_weights: dict[str, np.ndarray] = field(default_factory=dict)
    mask_quality: dict[str, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def predicted(self) -> np.ndarray:
        """(N,) class index of the largest logit."""
        return self.logits.argmax(axis=1)

    @property
    def correct(self) -> np.ndarray:
        """(N,) bool."""
        return self.predicted == self.labels

    @property
    def probs(self) -> np.ndarray:
        """(N, C) softmax of the logits."""
        shifted = np.exp(self.logits - self.logits.max(axis=1, keepdims=True))
        return shifted / shifted.sum(axis=1, keepdims=True)

    @property
    def area_ratio(self) -> float | None:
        """Area of the applied masks over that of the ROIs, of images that have both; else None."""
        both = (self.roi_share > 0) & (np.array(self.mask_origin) != "abstain")
        roi = float(self.roi_share[both].sum())
        return float(self.mask_share[both].sum()) / roi if roi else None

    @property
    def answered(self) -> "PredictionTable":
        """The rows that got an answer."""
        return self.only(np.array(self.mask_origin) != "abstain")

    def only(self, chosen: np.ndarray) -> "PredictionTable":
        """The rows where ``chosen`` (N,) bool is true."""
        if chosen.all():
            return self
        rows = np.flatnonzero(chosen)
        return replace(
            self,
            ids=[self.ids[row] for row in rows],
            labels=self.labels[rows],
            logits=self.logits[rows],
            mask_origin=[self.mask_origin[row] for row in rows],
            mask_share=self.mask_share[rows],
            roi_share=self.roi_share[rows],
            columns={name: values[rows] for name, values in self.columns.items()},
            groups=None if self.groups is None else self.groups[rows],
            region_weights={name: values[rows] for name, values in self.region_weights.items()},
            mask_quality={name: values[rows] for name, values in self.mask_quality.items()},
        )

    def confusion(self) -> list[list[int]]:
        """Counts, a row a true class, a column a predicted one."""
        classes = len(self.class_names)
        counts = np.bincount(self.labels * classes + self.predicted, minlength=classes**2)
        return counts.reshape(classes, classes).tolist()


def join_tables(tables: Sequence[PredictionTable]) -> PredictionTable:
    """The rows of tables of the same classes, one after the other.

    Kept are the columns, region weights and mask qualities that all of them have, and the groups
    where all have them.
    """

    def join(name: str) -> np.ndarray:
        return np.concatenate([getattr(table, name) for table in tables])

    def join_shared(name: str) -> dict[str, np.ndarray]:
        parts = [getattr(table, name) for table in tables]
        shared = [key for key in parts[0] if all(key in part for part in parts)]
        return {key: np.concatenate([part[key] for part in parts]) for key in shared}

    return replace(
        tables[0],
        ids=[one for table in tables for one in table.ids],
        labels=join("labels"),
        logits=join("logits"),
        mask_origin=[one for table in tables for one in table.mask_origin],
        mask_share=join("mask_share"),
        roi_share=join("roi_share"),
        columns=join_shared("columns"),
        groups=None if any(table.groups is None for table in tables) else join("groups"),
        region_weights=join_shared("region_weights"),
        mask_quality=join_shared("mask_quality"),
    )
