"""Which decoder takes which transfer syntax of DICOM, a closed list; a plug-in of pydicom.

Broken JPEG ends the whole process in GDCM and needs a GPL package in pylibjpeg. Pillow's decoders
and imagecodecs' (libjpeg-turbo, CharLS) raise, and are permissive.
"""

from functools import cache
from typing import TYPE_CHECKING

from pydicom.pixels import get_decoder
from pydicom.uid import (
    JPEG2000,
    UID,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from datamodules.problems import install_line

if TYPE_CHECKING:
    from pydicom.pixels.decoders.base import DecodeRunner

OURS = "imagecodecs"
DECODER_DEPENDENCIES = dict.fromkeys(
    (JPEGExtended12Bit, JPEGLossless, JPEGLosslessSV1, JPEGLSLossless, JPEGLSNearLossless),
    (OURS,),
)
PLUGINS = {
    RLELossless: "pydicom",
    JPEGBaseline8Bit: "pillow",
    JPEG2000: "pillow",
    JPEG2000Lossless: "pillow",
    **dict.fromkeys(DECODER_DEPENDENCIES, OURS),
}


@cache
def plugin_for(syntax: UID) -> str:
    """Name of the plug-in of pydicom that decodes a transfer syntax; "" where none is needed.

    Raises:
        NotImplementedError: The syntax is not on the list.
    """
    if not syntax.is_encapsulated:
        return ""
    if syntax not in PLUGINS:
        raise NotImplementedError("no decoder is on the list of this transfer syntax")
    if PLUGINS[syntax] == OURS and not is_available(syntax):
        raise NotImplementedError(f"it needs imagecodecs: {install_line('dicom')}")
    if PLUGINS[syntax] == OURS and OURS not in get_decoder(syntax).available_plugins:
        get_decoder(syntax).add_plugin(OURS, (__name__, "_decode_frame"))
    return PLUGINS[syntax]


def is_available(uid: str) -> bool:
    """Asked by pydicom: whether this module can decode a transfer syntax."""
    try:
        import imagecodecs  # noqa: F401
    except ImportError:
        return False
    return uid in DECODER_DEPENDENCIES


def _decode_frame(src: bytes, runner: "DecodeRunner") -> bytes:
    """Asked by pydicom: the pixels of one frame, as they are stored."""
    import imagecodecs

    is_ls = runner.transfer_syntax in (JPEGLSLossless, JPEGLSNearLossless)
    pixels = (imagecodecs.jpegls_decode if is_ls else imagecodecs.jpeg8_decode)(src)
    expected = (runner.rows, runner.columns)
    if pixels.shape[:2] != expected:
        raise ValueError(f"the frame is {pixels.shape[:2]}, its header says {expected}")
    runner.set_option("bits_allocated", 8 * pixels.dtype.itemsize)
    runner.set_option("planar_configuration", 0)
    return pixels.tobytes()
