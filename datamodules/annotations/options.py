"""What a user can say about boxes that exist already."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from datamodules.tables.boxes import BoxFormat

JOINING = {
    "boxes": None, "box_regions": None, "box_join": "union", "box_min_score": 0.0,
    "box_source": None,
}  # fmt: skip
BoxJoin = Literal["union", "best"]
BoxSource = Literal["given", "detected"]


@dataclass(kw_only=True)
class BoxOptions:
    """Options of ``data.boxes``, which every source understands.

    Args:
        boxes: File, or folder with a file an image, of COCO, LabelMe, CVAT, YOLO or a plain table:
            its boxes become regions of the images that it names. None: nothing is joined.
        box_format: What the numbers of a box mean, in a manifest and in a plain table.
        box_regions: Categories to regions: ``all`` makes one region ``roi`` of all; names of
            categories keep these, a region each; a mapping also renames or unites them. None: one
            region ``roi`` of a single category, else a region a category.
        box_join: What is made of several boxes of one region in an image: ``union`` the smallest
            box around them, ``best`` the one of the highest score.
        box_min_score: Boxes of a lower score are left out.
        box_source: Whether people drew the boxes (``given``) or a detector found them; None:
            detected in plain tables and wherever there are scores, given in others.
    """

    boxes: str | None = None
    box_format: BoxFormat = "xyxy"
    box_regions: str | Sequence[str] | Mapping[str, str] | None = None
    box_join: BoxJoin = "union"
    box_min_score: float = 0.0
    box_source: BoxSource | None = None

    @property
    def has_boxes(self) -> bool:
        """Whether there are boxes that the other options are about."""
        return self.boxes is not None

    def find_box_problems(self) -> list[str]:
        """What of it cannot be."""
        problems = []
        for key, words in (("box_format", BoxFormat), ("box_join", BoxJoin)):
            if getattr(self, key) not in get_args(words):
                problems.append(
                    f"data.{key} is {getattr(self, key)!r}, expected {' or '.join(get_args(words))}"
                )
        if self.box_source not in (None, *get_args(BoxSource)):
            problems.append(f"data.box_source is {self.box_source!r}, expected given or detected")
        if not self.has_boxes:
            problems += [
                f"data.{key} is set, and there are no boxes to join: set data.boxes, too"
                for key, value in JOINING.items()
                if getattr(self, key) != value
            ]
        return problems


def without_joining(data: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration of a source whose boxes are not joined: somebody else looks them up."""
    return {**data, **JOINING}
