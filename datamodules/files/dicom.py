"""DICOM: one grey or colour frame, by a fixed window. Needs the extra ``dicom``."""

import io
import logging
import warnings
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from datamodules.files.pictures import check_size
from datamodules.files.unreadable import UnreadableImage
from datamodules.files.window import Window, apply_window
from datamodules.problems import install_line

if TYPE_CHECKING:
    from pydicom import Dataset

SUFFIXES = frozenset({".dcm", ".dicom"})
MAGIC = (128, b"DICM")
GREY = {"MONOCHROME1", "MONOCHROME2"}
COLOUR = {"RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"}
# it hides how much it unpacks to, and images are hardly ever stored so
DEFLATED = "1.2.840.10008.1.2.1.99"
TAG_PATIENT = 0x00100020
# JPEG, JPEG-LS near-lossless and JPEG 2000
LOSSY = {f"1.2.840.10008.1.2.4.{number}" for number in (50, 51, 81, 91)}


def is_dicom(stream: BinaryIO, path: str) -> bool:
    """Whether a file is DICOM, by its content, or by its suffix where its preamble is missing."""
    head = stream.read(MAGIC[0] + len(MAGIC[1]))
    stream.seek(0)
    return head[MAGIC[0] :] == MAGIC[1] or path[path.rfind(".") :].lower() in SUFFIXES


def decode_image(stream: BinaryIO, path: str, window: Window | None) -> np.ndarray:
    """Decode one frame.

    Args:
        stream: The file.
        path: For messages.
        window: Output values (after the file's rescale slope and intercept) that become black and
            white; needed for grey of more than 8 bits.

    Returns:
        (H, W, 3) uint8 RGB; MONOCHROME1 is turned round, so that bright is bright.

    Raises:
        UnreadableImage: It holds no frame or several, or grey that needs a window.
        Exception: pydicom's own on a broken file.
    """
    dataset = _read(stream, path)
    kind = dataset.PhotometricInterpretation
    if kind in COLOUR and dataset.BitsAllocated == 8:
        pixels = _pixel_array(dataset, path)
    elif kind == "PALETTE COLOR":
        pixels = _pixels().apply_color_lut(_pixel_array(dataset, path), dataset)[..., :3]
        pixels = pixels if pixels.dtype == np.uint8 else (pixels >> 8).astype(np.uint8)
    elif kind in GREY:
        grey = _decode_grey(dataset, path, window)
        grey = 255 - grey if kind == "MONOCHROME1" else grey
        return np.repeat(grey[..., None], 3, axis=2)
    else:
        bits = dataset.BitsAllocated
        raise UnreadableImage(path, f"holds {kind} of {bits} bits, which is not read: save as PNG")
    return np.ascontiguousarray(pixels)


def decode_mask(stream: BinaryIO, path: str) -> np.ndarray:
    """Decode one frame as a mask, (H, W) bool: what is not black is inside; raises as above.

    In a lossy file it is inside from the middle of the range up.
    """
    dataset = _read(stream, path)
    values, bits = _pixel_array(dataset, path), int(dataset.BitsStored)
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        values = 2**bits - 1 - values.astype(np.int32)
    lossy = dataset.file_meta.TransferSyntaxUID in LOSSY
    inside = values >= 2 ** (bits - 1) if lossy else values != 0
    return inside.any(axis=2) if inside.ndim == 3 else inside


def decode_deep(stream: BinaryIO, path: str) -> np.ndarray | None:
    """Output values (H, W) of grey that only a window turns into 8 bits; None: it needs none."""
    dataset = _read(stream, path)
    if dataset.PhotometricInterpretation not in GREY or not _is_deep(dataset):
        return None
    return _pixels().apply_modality_lut(_pixel_array(dataset, path), dataset)


def read_patient(stream: BinaryIO) -> str:
    """PatientID of a file, "" where it has none; nothing behind it is read."""
    from pydicom.filereader import read_partial

    head = read_partial(stream, stop_when=lambda tag, *_: tag > TAG_PATIENT, force=True)
    return str(head.get("PatientID") or "").strip()


def read_size(stream: BinaryIO, path: str) -> tuple[int, int]:
    """Height and width in pixels."""
    dataset = _read(stream, path)
    return int(dataset.Rows), int(dataset.Columns)


def _decode_grey(dataset: "Dataset", path: str, window: Window | None) -> np.ndarray:
    deep = _is_deep(dataset)
    if deep and window is None:
        raise UnreadableImage(
            path,
            f"holds grey of {dataset.BitsStored} bits, which needs a fixed window: name the values "
            "that are black and white by data.window=[low,high]",
        )
    values = _pixel_array(dataset, path)
    if not deep:
        return (values << (8 - int(dataset.BitsStored))).astype(np.uint8)
    return apply_window(_pixels().apply_modality_lut(values, dataset), window, path)


def _is_deep(dataset: "Dataset") -> bool:
    """Whether grey holds other values than 0 to 255."""
    slope, intercept = dataset.get("RescaleSlope", 1), dataset.get("RescaleIntercept", 0)
    rescaled = "ModalityLUTSequence" in dataset or (float(slope), float(intercept)) != (1, 0)
    return dataset.BitsStored > 8 or rescaled or dataset.PixelRepresentation == 1


def _read(stream: BinaryIO, path: str) -> "Dataset":
    """Read and check all that stands before the pixels."""
    # of a file, pydicom would ask for as much memory as a broken length says; of bytes, it cannot
    whole = io.BytesIO(stream.read())
    dataset = require_pydicom().dcmread(whole, force=True)
    syntax = dataset.file_meta.get("TransferSyntaxUID") if hasattr(dataset, "file_meta") else None
    if syntax == DEFLATED:
        raise UnreadableImage(path, "is deflated as a whole (DICOM), which is not read: inflate it")
    missing = [
        name
        for name in ("Rows", "Columns", "PhotometricInterpretation", "BitsAllocated", "PixelData")
        if name not in dataset
    ]
    if missing:
        raise UnreadableImage(path, f"is no DICOM image: it has no {', '.join(missing)}")
    frames = int(dataset.get("NumberOfFrames") or 1)
    if frames > 1:
        raise UnreadableImage(
            path,
            f"holds {frames} frames (multi-frame DICOM) and nobody knows which one the label "
            "speaks of: save the one that counts as a file of its own",
        )
    check_size(path, int(dataset.Columns), int(dataset.Rows))
    return dataset


def _pixel_array(dataset: "Dataset", path: str) -> np.ndarray:
    try:
        from datamodules.files.dicom_codecs import plugin_for

        dataset.pixel_array_options(decoding_plugin=plugin_for(dataset.file_meta.TransferSyntaxUID))
        return dataset.pixel_array
    except (RuntimeError, NotImplementedError) as error:
        name = dataset.file_meta.TransferSyntaxUID.name
        words = " ".join(str(error).split())[:200]
        raise UnreadableImage(path, f"cannot be decoded ({name}): {words}") from error


@cache
def require_pydicom() -> ModuleType:
    """Import pydicom and quieten it.

    Raises:
        ValueError: It is not installed; the message has the line that installs it.
    """
    try:
        import pydicom
    except ImportError as error:
        raise ValueError(f"DICOM needs two more packages: {install_line('dicom')}") from error
    # what it finds odd but reads; what it cannot read it raises
    warnings.filterwarnings("ignore", module=r"pydicom\.")
    logging.getLogger("pydicom").setLevel(logging.CRITICAL)
    return pydicom


def _pixels() -> ModuleType:
    from pydicom import pixels

    return pixels
