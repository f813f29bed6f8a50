"""Faces: the eyes and the mouth of the largest face, by YuNet in OpenCV.

Wu, Peng, Yu, "YuNet: A Tiny Millisecond-level Face Detector", 2023; five landmarks a face. Unlike
a cascade of eye detectors it places the eyes from the whole face, closed ones too. The weights
(``yunet.onnx`` beside this file, see ``yunet.txt``) are Apache-2.0 and need no network.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import numpy as np

from datamodules.problems import raise_problems
from datamodules.roi_finders.base import Found
from datamodules.roi_finders.looking import Answer, look_into
from datamodules.table import ImageTable

OWN_MODEL = Path(__file__).with_name("yunet.onnx")
INSTALL = 'python -m pip install -e ".[face]"'
REGIONS = ("face", "left_eye", "right_eye", "mouth")
OVERLAP = 0.3  # intersection over union above which two boxes are one face
MOST_FACES = 500
ROOM = 0.25  # of the longer side
SMALLEST_SIZE = 32  # pixels, a coarsest cell of YuNet


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
            if not hasattr(kept, "detector"):
                kept.detector = self._make_detector(cv2)
            return self._answer(cv2, kept.detector, pixels)

        try:
            self._try(cv2)
            return look_into(table, rows, self.region_names, look, "Looking for faces")
        finally:
            cv2.setNumThreads(threads)

    def _make_detector(self, cv2: ModuleType) -> Any:  # noqa: ANN401
        # as bytes: OpenCV cannot open paths with letters beyond ASCII on Windows
        weights = np.fromfile(OWN_MODEL if self.model is None else self.model, np.uint8)
        size, nothing = (SMALLEST_SIZE, SMALLEST_SIZE), np.empty(0, np.uint8)
        return cv2.FaceDetectorYN.create(
            "onnx", weights, nothing, size, self.confidence, OVERLAP, MOST_FACES
        )

    def _try(self, cv2: ModuleType) -> None:
        """Build a detector and use it once, so that a wrong file is found before the images are."""
        try:
            detect(cv2, self._make_detector(cv2), np.zeros((64, 64, 3), np.uint8), self.sizes[0])
        except cv2.error as error:
            raise ValueError(
                f"roi.model={self.model or OWN_MODEL} cannot be used as a YuNet face detector by "
                f"OpenCV {cv2.__version__}: {str(error).strip().splitlines()[-1]}. Expected an "
                "ONNX file of a YuNet of fixed size, or null for the one that is included."
            ) from error

    def _answer(self, cv2: ModuleType, detector: Any, pixels: np.ndarray) -> Answer:  # noqa: ANN401
        faces = self._search(cv2, detector, pixels)
        if not len(faces):
            return Answer(None, "no face")
        face = faces[np.argmax(faces[:, 2] * faces[:, 3])]
        boxes = self._cut(face, pixels.shape[0], pixels.shape[1])
        if np.isnan(boxes).all():
            return Answer(None, "the face's regions lie outside of the image")
        several = "Several faces, of which the largest was taken," if len(faces) > 1 else ""
        return Answer(boxes, remark=several)

    def _search(self, cv2: ModuleType, detector: Any, pixels: np.ndarray) -> np.ndarray:  # noqa: ANN401
        """Faces (N, 15) at the first size that shows any.

        Enlarged beyond the first size an image has nothing more to show but ghosts; with room
        around it a face that fills it is seen.
        """
        first, *larger = sorted(self.sizes)
        faces = detect(cv2, detector, pixels, first)
        if len(faces):
            return faces
        room = round(ROOM * max(pixels.shape[:2]))
        wide = cv2.copyMakeBorder(pixels, room, room, room, room, cv2.BORDER_REPLICATE)
        faces = detect(cv2, detector, wide, first)
        faces[:, [0, 1, *range(4, 14)]] -= room
        for size in larger:
            if len(faces) or max(pixels.shape[:2]) <= first:
                break
            faces, first = detect(cv2, detector, pixels, size), size
        return faces

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


def detect(cv2: ModuleType, detector: Any, pixels: np.ndarray, size: int) -> np.ndarray:  # noqa: ANN401
    """Faces (N, 15) in pixels of the image: x y width height, five landmarks, score.

    Args:
        cv2: OpenCV.
        detector: YuNet.
        pixels: (H, W, 3) uint8 RGB.
        size: Longer side in pixels that the image is scaled to.
    """
    height, width = pixels.shape[:2]
    scale = size / max(height, width)
    target = (round(width * scale), round(height * scale))
    if min(target) < SMALLEST_SIZE:  # a strip; YuNet sees ghosts in some
        return np.empty((0, 15))
    kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    scaled = pixels if scale == 1 else cv2.resize(pixels, target, interpolation=kind)
    detector.setInputSize(target)
    _, faces = detector.detect(np.ascontiguousarray(scaled[..., ::-1]))
    if faces is None:
        return np.empty((0, 15))
    faces = faces.astype(np.float64)
    faces[:, :14] *= np.tile([width / target[0], height / target[1]], 7)
    return faces


def import_opencv() -> ModuleType:
    """OpenCV, an extra.

    Raises:
        ImportError: It is not installed, or does not start.
    """
    try:
        import cv2
    except ImportError as error:
        raise ImportError(
            f"roi=face needs OpenCV, which cannot be imported ({error}). Run: {INSTALL}"
        ) from error
    if not hasattr(cv2, "FaceDetectorYN"):
        raise ImportError(
            f"roi=face needs OpenCV 4.8 or newer, found {cv2.__version__}. Run: {INSTALL}"
        )
    # warnings of OpenCV 5 about its own engines say nothing to a user
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
    return cv2
