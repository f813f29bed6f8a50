"""Faces: the eyes and the mouth of the largest face of an image."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from datamodules.problems import raise_problems
from datamodules.roi_finders.base import Found
from datamodules.roi_finders.looking import Answer, look_into
from datamodules.roi_finders.yunet import SMALLEST_SIZE, YuNet, import_opencv
from datamodules.tables.table import ImageTable

REGIONS = ("face", "left_eye", "right_eye", "mouth")


@dataclass(kw_only=True)
class FaceFinder:
    """Cuts boxes around the eyes and the mouth of the largest face.

    ``left_eye`` is the one on the left of the picture, as in the embedded drivers: the right eye of
    a person who looks into the camera. Boxes are cut in units of the face: the distance between the
    eyes, or from the eyes to the mouth where that is more (a turned head shortens one of the two).

    Args:
        regions: Of ``face``, ``left_eye``, ``right_eye``, ``mouth``.
        eye_size: Width and height of an eye's box in those units, more than 0.
        mouth_size: Width and height of the mouth's box in those units, more than 0.
        sizes: Longer sides in pixels that an image is scaled to, in turn until a face is found: at
            the smallest every image, enlarged if need be, at others those with so many pixels.
        confidence: Score in (0, 1) from which a detection counts as a face.
        model: Another YuNet as an ONNX file; None: the one that comes with the project.
    """

    regions: str | Sequence[str] = REGIONS[1:]
    eye_size: Sequence[float] = (0.9, 0.8)
    mouth_size: Sequence[float] = (1.2, 1.0)
    sizes: int | Sequence[int] = (320, 640, 1280)
    confidence: float = 0.7
    model: str | None = None

    name: ClassVar[str] = "face"
    proposes: ClassVar[bool] = False

    def __post_init__(self) -> None:
        self.regions = (self.regions,) if isinstance(self.regions, str) else tuple(self.regions)
        self.sizes = (self.sizes,) if isinstance(self.sizes, int) else tuple(self.sizes)
        if self.model is not None:
            self.model = str(Path(self.model).expanduser().resolve())
        raise_problems(self._find_problems(), "the options of roi=face")

    def _find_problems(self) -> list[str]:
        problems = []
        if not self.regions or set(self.regions) - set(REGIONS):
            problems.append(
                f"roi.regions is {list(self.regions)}, expected of {', '.join(REGIONS)}"
            )
        for key in ("eye_size", "mouth_size"):
            size = getattr(self, key)
            if len(size) != 2 or min(size) <= 0:
                problems.append(f"roi.{key} is {list(size)}, expected width and height above 0")
        if not self.sizes or min(self.sizes) < SMALLEST_SIZE:
            problems.append(f"roi.sizes is {list(self.sizes)}, expected {SMALLEST_SIZE} px or more")
        if not 0 < self.confidence < 1:
            problems.append(f"roi.confidence is {self.confidence}, expected between 0 and 1")
        if self.model is not None and not Path(self.model).is_file():
            problems.append(
                f"roi.model: there is no file {self.model}; null takes the one that is included"
            )
        return problems

    @property
    def region_names(self) -> tuple[str, ...]:
        """What is looked for."""
        return tuple(self.regions)

    def find(self, table: ImageTable, rows: np.ndarray) -> Found:
        """Look for faces; the largest of several is taken, and such images are counted.

        Raises:
            ImportError: OpenCV is not installed.
            ValueError: ``model`` is no YuNet.
        """
        cv2 = import_opencv()
        threads, kept = cv2.getNumThreads(), threading.local()
        cv2.setNumThreads(1)  # images are looked at side by side

        def look(pixels: np.ndarray) -> Answer:
            if not hasattr(kept, "yunet"):
                kept.yunet = YuNet(cv2, self.model, self.confidence)
            return self._answer(kept.yunet.search(pixels, self.sizes), *pixels.shape[:2])

        try:
            YuNet(cv2, self.model, self.confidence)  # a wrong file is found before the images are
            return look_into(table, rows, self.region_names, look, "Looking for faces")
        finally:
            cv2.setNumThreads(threads)

    def _answer(self, faces: np.ndarray, height: int, width: int) -> Answer:
        if not len(faces):
            return Answer(None, "no face")
        face = faces[np.argmax(faces[:, 2] * faces[:, 3])]
        boxes = self._cut(face, height, width)
        if np.isnan(boxes).all():
            return Answer(None, "the face's regions lie outside of the image")
        several = "Several faces, of which the largest was taken," if len(faces) > 1 else ""
        return Answer(boxes, remark=several)

    def _cut(self, face: np.ndarray, height: int, width: int) -> np.ndarray:
        """Boxes (regions, 4) of a face, clipped to the image; NaN where nothing of one is in it."""
        points = face[4:14].reshape(5, 2)
        eyes = points[:2][np.argsort(points[:2, 0], kind="stable")]
        mouth = points[3:].mean(axis=0)
        unit = max(np.hypot(*(eyes[1] - eyes[0])), np.hypot(*(mouth - eyes.mean(axis=0))))
        places = {
            "face": (face[:2] + face[2:4] / 2, face[2:4]),
            "left_eye": (eyes[0], np.array(self.eye_size) * unit),
            "right_eye": (eyes[1], np.array(self.eye_size) * unit),
            "mouth": (mouth, np.array(self.mouth_size) * unit),
        }
        cut = [places[region] for region in self.region_names]
        boxes = np.array([[*(centre - size / 2), *(centre + size / 2)] for centre, size in cut])
        boxes = boxes.clip(0, [width, height, width, height])
        gone = (boxes[:, 2:] - boxes[:, :2] < 1).any(axis=1)
        boxes[gone] = np.nan
        return boxes
