"""YuNet in OpenCV: faces with five landmarks each.

Wu, Peng, Yu, "YuNet: A Tiny Millisecond-level Face Detector", 2023. It places eyes and mouth from
the whole face, closed eyes too. The weights (``yunet.onnx``, see ``yunet.txt``) are Apache-2.0 and
need no network.
"""

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import numpy as np

from datamodules.problems import install_line

OWN_MODEL = Path(__file__).with_name("yunet.onnx")
OVERLAP = 0.3  # intersection over union above which two boxes are one face
MOST_FACES = 500
SMALLEST_SIZE = 32  # pixels, a coarsest cell of YuNet
ROOM = 0.25  # of the longer side


class YuNet:
    """A detector; each thread needs its own.

    Args:
        cv2: OpenCV.
        model: ONNX file of a YuNet of fixed size; None: the one that comes with the project.
        confidence: Score in (0, 1) from which a detection counts as a face.

    Raises:
        ValueError: OpenCV cannot use the file so.
    """

    def __init__(self, cv2: ModuleType, model: str | None, confidence: float) -> None:
        self.cv2 = cv2
        # as bytes: OpenCV cannot open paths with letters beyond ASCII on Windows
        weights = np.fromfile(OWN_MODEL if model is None else model, np.uint8)
        size, nothing = (SMALLEST_SIZE, SMALLEST_SIZE), np.empty(0, np.uint8)
        try:
            self.detector = cv2.FaceDetectorYN.create(
                "onnx", weights, nothing, size, confidence, OVERLAP, MOST_FACES
            )
            self.detect(np.zeros((*size, 3), np.uint8), SMALLEST_SIZE)
        except cv2.error as error:
            raise ValueError(
                f"roi.model={model or OWN_MODEL} cannot be used as a YuNet face detector by OpenCV "
                f"{cv2.__version__}: {str(error).strip().splitlines()[-1]}. Expected an ONNX file "
                "of a YuNet of fixed size, or null for the one that is included."
            ) from error

    def search(self, pixels: np.ndarray, sizes: Sequence[int]) -> np.ndarray:
        """Faces (N, 15) at the first of the sizes that shows any.

        Enlarged beyond the first size an image has nothing more to show but ghosts; with room
        around it a face that fills it is seen.
        """
        first, *larger = sorted(sizes)
        faces = self.detect(pixels, first)
        if len(faces):
            return faces
        room = round(ROOM * max(pixels.shape[:2]))
        wide = self.cv2.copyMakeBorder(pixels, *[room] * 4, self.cv2.BORDER_REPLICATE)
        faces = self.detect(wide, first)
        faces[:, [0, 1, *range(4, 14)]] -= room
        for size in larger:
            if len(faces) or max(pixels.shape[:2]) <= first:
                break
            faces, first = self.detect(pixels, size), size
        return faces

    def detect(self, pixels: np.ndarray, size: int) -> np.ndarray:
        """Faces (N, 15) in pixels of the image: x y width height, five landmarks, score.

        Args:
            pixels: (H, W, 3) uint8 RGB.
            size: Longer side in pixels that the image is scaled to.
        """
        height, width = pixels.shape[:2]
        scale = size / max(height, width)
        target = (round(width * scale), round(height * scale))
        if min(target) < SMALLEST_SIZE:  # a strip; YuNet sees ghosts in some
            return np.empty((0, 15))
        kind = self.cv2.INTER_AREA if scale < 1 else self.cv2.INTER_CUBIC
        scaled = pixels if scale == 1 else self.cv2.resize(pixels, target, interpolation=kind)
        self.detector.setInputSize(target)
        _, faces = self.detector.detect(np.ascontiguousarray(scaled[..., ::-1]))
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
    line = install_line("face")
    try:
        import cv2
    except ImportError as error:
        raise ImportError(
            f"roi=face needs OpenCV, which cannot be imported ({error}). Run: {line}"
        ) from error
    if not hasattr(cv2, "FaceDetectorYN"):
        raise ImportError(f"roi=face needs a newer OpenCV than {cv2.__version__}. Run: {line}")
    # warnings of OpenCV 5 about its own engines say nothing to a user
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
    return cv2
