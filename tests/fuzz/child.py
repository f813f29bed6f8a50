"""One process that tries inputs of one kind under a limit of memory and says how it went.

    python -X faulthandler tests/fuzz/child.py <kind> <first> <number> <folder>

A crash, a hang or a lack of memory ends it, and the number of the input stands in the folder.
"""

import faulthandler
import json
import os
import random
import sys
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

from fuzz.image_seeds import TAR_NAMES, make_seeds  # noqa: E402
from fuzz.mutate import mutate  # noqa: E402
from fuzz.table_seeds import NUM_IMAGES, make_coco, make_csv, make_parquet  # noqa: E402

from datamodules.files import tar_memory  # noqa: E402
from datamodules.files.images import read_image, read_mask, read_size  # noqa: E402
from datamodules.files.unreadable import UnreadableImage  # noqa: E402
from datamodules.sources import ManifestData  # noqa: E402

MEMORY = 3 << 30  # bytes on top of what the libraries map
HANG = 60  # seconds until a child that does not go on is ended
MOST_SECONDS = 20  # for one input, on a machine that does other things too
TABLES = {"csv": make_csv, "parquet": make_parquet}
WINDOW = (0.0, 4095.0)


def try_image(path: Path) -> str:
    """Why it does not decode, as image and mask; "" where it does, to the size of its header."""
    decoded, reason = [], ""
    for read in (lambda p: read_image(p, WINDOW), read_image, read_mask):
        try:
            pixels = read(str(path))
        except UnreadableImage as error:
            assert str(error).startswith(str(path)) and "\n" not in str(error)
            reason = reason or error.reason
        else:
            decoded.append(pixels.shape[:2])
    if decoded:
        assert set(decoded) == {read_size(str(path))}
    return "" if decoded else reason


def try_tar(path: Path) -> str:
    """Why none of its members decodes; "" where one does."""
    decoded, reason = 0, ""
    for name in TAR_NAMES:
        try:
            decoded += read_image(f"{path}/{name}").size > 0
        except UnreadableImage as error:
            reason = reason or error.reason
    return "" if decoded else reason


def try_table(path: Path) -> str:
    """Why it becomes no table, in a message that names it; "" where it does."""
    try:
        ManifestData(manifest=str(path)).read(0)
    except ValueError as error:
        # ours is raised by name, a library's own would be a traceback to the user
        assert path.name in str(error) or "data." in str(error), error
        return str(error)
    return ""


def find_coco() -> Callable[[Path], str] | None:
    """How a file of COCO is tried; None while there is no reader for it."""
    try:
        from datamodules import AnnotatedData
    except ImportError:
        return None

    def try_coco(path: Path) -> str:
        images = path.parent / "images"
        if not images.is_dir():
            images.mkdir()
            for index in range(NUM_IMAGES):
                (images / f"{index}.png").write_bytes(SEEDS["png"][1])
        try:
            AnnotatedData(
                annotations=str(path),
                images=str(images),
                mask_cache=str(path.parent / "drawn"),
            ).read(0)
        except ValueError as error:
            assert path.name in str(error) or "data." in str(error), error
            return str(error)
        return ""

    return try_coco


def make_input(kind: str, index: int) -> bytes:
    """The input of a number, the same wherever it is made."""
    rng = random.Random(f"{kind} {index}")
    if kind in TABLES or kind == "coco":
        make = make_coco if kind == "coco" else TABLES[kind]
        data = make(rng)
        return mutate(data, rng, make(rng)) if rng.random() < 0.4 else data
    seeds = SEEDS[kind]
    return mutate(rng.choice(seeds), rng, rng.choice(seeds))


SEEDS = make_seeds()
KINDS = [*SEEDS, *TABLES, *(["coco"] if find_coco() else [])]


def main() -> None:
    """Try the inputs and write ``<kind>_<first>.json``."""
    kind, first, number, folder = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])
    warnings.simplefilter("error", ResourceWarning)
    limit_memory()
    tar_memory.FOLDER = folder / "tars"
    attempts = {"tar": try_tar, "coco": find_coco(), **dict.fromkeys(TABLES, try_table)}
    attempt = attempts.get(kind, try_image)
    suffix = {"coco": "json", "dicom": "dcm"}.get(kind, kind)
    path = folder / f"input_{kind}_{first}.{suffix}"
    told = folder / f"{kind}_{first}.now"
    result = {"tried": 0, "decoded": 0, "slowest_s": 0.0, "slowest": -1, "failures": []}
    reasons: Counter[str] = Counter()
    for index in range(first, first + number):
        path.write_bytes(make_input(kind, index))
        told.write_text(str(index))
        faulthandler.dump_traceback_later(HANG, exit=True)
        start = time.perf_counter()
        try:
            reason = attempt(path)
        except BaseException as error:
            result["failures"].append([index, "".join(traceback.format_exception(error))[-3000:]])
            reason = "failure"
        seconds = time.perf_counter() - start
        result["tried"] += 1
        result["decoded"] += not reason
        reasons[" ".join(reason.replace(str(path), "").split()[:6])] += bool(reason)
        if seconds > result["slowest_s"]:
            result["slowest_s"], result["slowest"] = seconds, index
    faulthandler.cancel_dump_traceback_later()
    result["peak_mb"] = peak_memory()
    result["reasons"] = (+reasons).most_common(5)
    (folder / f"{kind}_{first}.json").write_text(json.dumps(result))


def limit_memory() -> None:
    """No more than ``MEMORY`` on top of what is mapped now; no core files."""
    if os.name != "posix":
        return
    import resource

    pages = int(Path("/proc/self/statm").read_text().split()[0]) if sys.platform == "linux" else 0
    mapped = pages * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if mapped:
        resource.setrlimit(resource.RLIMIT_AS, (mapped + MEMORY, mapped + MEMORY))


def peak_memory() -> float:
    """Most memory that was really in use, in MB; 0 where the system does not tell."""
    if os.name != "posix":
        return 0.0
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
