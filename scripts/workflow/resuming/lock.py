"""One process at a time works in a run's folder.

The operating system holds the lock for as long as the process lives, so one that was killed leaves
none behind, whatever it left on disk.
"""

import atexit
import json
import logging
import os
import socket
import sys
from datetime import datetime
from pathlib import Path
from typing import IO

log = logging.getLogger(__name__)
NAME = ".lock"
FAR = 1 << 30  # Windows keeps others from reading locked bytes: lock one beyond what is written
RANKS = ("RANK", "LOCAL_RANK", "SLURM_PROCID")
_held: list[tuple[Path, IO[str], int]] = []


def lock_run(folder: Path) -> None:
    """Hold a run's folder until the process ends or takes another one.

    Raises:
        ValueError: Another process works in it.
    """
    release()
    if not _is_first_process():
        return
    path = folder / NAME
    while True:
        file = path.open("a+", encoding="utf-8")
        if not _try(file):
            file.close()
            raise ValueError(_say_taken(folder))
        if path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat()):
            break
        file.close()  # its last holder removed it meanwhile
    file.truncate(0)
    about = {"pid": os.getpid(), "host": socket.gethostname()}
    json.dump(about | {"since": f"{datetime.now():%Y-%m-%d %H:%M:%S}"}, file)
    file.flush()
    _held.append((path, file, os.getpid()))


def check_free(folder: Path) -> None:
    """Check that no other process works in a run's folder.

    Raises:
        ValueError: One does.
    """
    path = folder / NAME
    release()  # closing a second handle would give up a lock of this process
    if not path.is_file() or not _is_first_process():
        return
    with path.open("a+", encoding="utf-8") as file:
        if not _try(file):
            raise ValueError(_say_taken(folder))


def is_held(folder: Path) -> bool | None:
    """Whether a process, here or elsewhere, works in a run's folder; None: it cannot be known.

    For a process that holds no lock itself: closing a file gives up those that it has on it.
    """
    path = folder / NAME
    if not path.is_file():
        return False
    try:
        with path.open("r+", encoding="utf-8") as file:
            return not _lock(file)
    except OSError:
        return None


@atexit.register
def release() -> None:
    """Give up what this process holds."""
    while _held:
        path, file, owner = _held.pop()
        if owner != os.getpid():  # a copy in a forked process
            continue
        if os.name == "posix":
            path.unlink(missing_ok=True)
            file.close()
        else:
            file.close()  # Windows removes no file that is open; one that lies there locks nothing


def _is_first_process() -> bool:
    """Of the processes of one run on several devices; the others are in the folder rightly."""
    return all(os.environ.get(name, "0") == "0" for name in RANKS)


def _try(file: IO[str]) -> bool:
    try:
        return _lock(file)
    except OSError as error:
        log.warning("This disk knows no locks (%s): start no run in one folder twice.", error)
    return True


def _lock(file: IO[str]) -> bool:
    """Lock a file until it is closed; False: another process has it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(FAR)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            file.seek(0)
        else:
            import fcntl

            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def _say_taken(folder: Path) -> str:
    try:
        about = json.loads((folder / NAME).read_text(encoding="utf-8"))
        who = f"process {about['pid']} on {about['host']}, since {about['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        who = "another process"
    return (
        f"{folder} is being worked on by {who}. Two in one folder would spoil it: wait until it "
        "has ended, or stop it."
    )
