"""Damage that libtiff reports while it decodes: Pillow goes on, and wrong pixels would pass.

Heard where Pillow brings its own libtiff as a file (its wheels for Linux and macOS); elsewhere
libtiff prints it on the screen, and the image counts as decoded.
"""

import ctypes
import threading
from functools import cache
from pathlib import Path

import PIL

_heard = threading.local()
PLACES = ("../pillow.libs/libtiff*", ".dylibs/libtiff*")


# module, format and its arguments, whose layout differs from system to system
@ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p)
def _hear(module: bytes | None, words: bytes | None, _arguments: int | None) -> None:
    _heard.damage = (module or words or b"libtiff").decode("ascii", "replace")


def forget_damage() -> None:
    """Start listening, in this thread, to what is decoded next."""
    _listen()
    _heard.damage = None


def heard_damage() -> str | None:
    """The part of libtiff that has reported an error since; None: all was well."""
    return _heard.damage


@cache
def _listen() -> None:
    folder = Path(PIL.__file__).parent
    for path in (path for place in PLACES for path in folder.glob(place)):
        try:
            ctypes.CDLL(str(path)).TIFFSetErrorHandler(_hear)
        except (OSError, AttributeError):
            continue  # not the library that Pillow uses
