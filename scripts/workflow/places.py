"""Where things lie: the checkout, its outputs, the folder of a run."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from front.conf_tree import CHECKOUT
from front.wording import did_you_mean

from lightning_modules.run_files import write_text
from lightning_modules.run_reading import read_text

if TYPE_CHECKING:
    from datamodules.loading.cache import ImageCache
    from datamodules.options import DataOptions

OUTPUTS = CHECKOUT / "outputs"
CHECKPOINTS = {"best": "best.ckpt", "last": "last.ckpt"}
SUFFIXES = (".ckpt", ".safetensors")  # of checkpoints and of their twins


def make_run_folder(name: str, out: str | Path | None) -> Path:
    """Make the folder of a new run and name it the latest.

    Args:
        name: Of the run.
        out: The folder itself, relative to the working directory; None makes one below outputs/.

    Raises:
        ValueError: ``out`` holds a run already.
    """
    if out is not None:
        folder = open_out(out, say_instead(out))
    else:
        folder = make_new(OUTPUTS / "runs" / name)
    remember_latest(folder)
    return folder


def say_instead(out: str | Path) -> str:
    """What to do where ``out=`` holds a run already."""
    return f"Name another folder, or resume={out}."


def find_cache(options: "DataOptions") -> "ImageCache | None":
    """Where decoded images are kept, None: nowhere."""
    if options.cache in ("off", False):
        return None
    from datamodules.loading.cache import ImageCache  # torch comes with it

    chosen = None if options.cache in ("auto", True) else Path(options.cache).expanduser()
    return ImageCache(chosen or OUTPUTS / "cache" / "images", options.cache_gigabytes)


def find_feature_folder(options: "DataOptions") -> Path | None:
    """Where what the last layer reads of images is kept, None: nowhere."""
    if options.cache in ("off", False):
        return None
    chosen = None if options.cache in ("auto", True) else Path(options.cache).expanduser()
    return (chosen or OUTPUTS / "cache") / "features"


def open_out(out: str | Path, instead: str) -> Path:
    """Make the folder that ``out=`` names.

    Args:
        out: As typed.
        instead: What to do if it is taken.

    Raises:
        ValueError: It is or lies in a file, holds results already, or cannot be made there.
    """
    folder = check_out(out, instead)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ValueError(
            f"out={out} cannot be made ({error.strerror}). Name a folder where one can be."
        ) from error
    return folder


def check_out(out: str | Path, instead: str) -> Path:
    """Check the folder that ``out=`` names, and make nothing yet; see ``open_out``."""
    folder = Path(out).resolve()
    if not str(out).strip() or any(place.is_file() for place in (folder, *folder.parents)):
        raise ValueError(f"out={out} is no folder. Name one that is new, or empty.")
    kept = ("config.yaml", "checkpoints", "metrics.json", "findings.csv", "comparison.json")
    taken = [name for name in kept if (folder / name).exists()]
    if taken:
        raise ValueError(f"out={out} holds a run or results already ({taken[0]}). {instead}")
    return folder


def make_new(parent: Path) -> Path:
    """Make a folder of this second, or the next free name: two may start in the same one."""
    folder = parent / f"{datetime.now():%Y-%m-%d_%H-%M-%S}"
    attempt, candidate = 1, folder
    while True:
        try:
            candidate.mkdir(parents=True)
            return candidate
        except FileExistsError:
            attempt += 1
            candidate = folder.with_name(f"{folder.name}_{attempt}")


def remember_latest(folder: Path) -> None:
    """Write outputs/latest.txt."""
    write_text(OUTPUTS / "latest.txt", f"{folder}\n")


def find_checkpoint(word: str, which: str = "last", begun: bool = True) -> Path:
    """Find the checkpoint that a user means.

    Args:
        word: ``latest``, a run's name (its newest run), a run folder, a checkpoint file or the
            ``.safetensors`` of its twin.
        which: ``best`` or ``last``, where the word names a run.
        begun: Whether it is to be there: a run may have been stopped before its first.

    Raises:
        ValueError: There is none.
    """
    path = Path(word)
    if path.suffix in SUFFIXES:
        if not path.exists():
            raise ValueError(f"There is no checkpoint file {path}.")
        return path.resolve()
    checkpoint = find_run(word) / "checkpoints" / CHECKPOINTS[which]
    if begun and not checkpoint.is_file():
        raise ValueError(
            f"{word} means {checkpoint.parent.parent}, which has no {which} checkpoint: that run "
            "ended before its first one was saved. resume= starts it anew in its own folder."
        )
    return checkpoint


def find_results(word: str) -> Path:
    """Find the folder whose results a user means.

    Args:
        word: ``latest``, a run's or a sweep's name (its newest), or the folder of a run, an
            evaluation or a sweep; a run's name comes before a sweep's.

    Raises:
        ValueError: There is none.
    """
    path = Path(word)
    if path.suffix in SUFFIXES:
        raise ValueError(
            f"{word} is a checkpoint, which holds no results: name the folder of its run, or of "
            f"an evaluation (evaluate.py ckpt={word} makes one)."
        )
    if is_sweep(path):
        return path.resolve()
    found = _look_for_run(word)
    if found is not None:
        return found
    sweeps = (OUTPUTS / "sweeps" / word).glob("*") if _is_name(word) else []
    sweeps = [folder for folder in sweeps if is_sweep(folder)]
    if sweeps:
        return max(sweeps, key=lambda folder: folder.stat().st_mtime)
    known = {kind: _names(kind) for kind in ("runs", "sweeps")}
    runs, of_sweeps = (", ".join(names) or "none yet" for names in known.values())
    guess = did_you_mean(word, ["latest", *known["runs"], *known["sweeps"]])
    raise ValueError(
        f"{word or repr(word)} is neither 'latest', a run's name ({runs}), a sweep's ({of_sweeps}) "
        f"nor the folder of a run, an evaluation or a sweep.{guess}"
    )


def is_sweep(folder: Path) -> bool:
    """Whether a folder holds runs and is none itself."""
    return not (folder / "config.yaml").is_file() and any(folder.glob("*/status.json"))


def find_last(folder: Path) -> Path | None:
    """The checkpoint that the run of a folder goes on from; None: it starts."""
    last = folder / "checkpoints" / CHECKPOINTS["last"]
    return last if last.is_file() else None


def list_runs() -> list[Path]:
    """Folders of the runs below outputs/, the newest first."""
    found = (OUTPUTS / "runs").glob("*/*/config.yaml")
    return [file.parent for file in sorted(found, key=_age, reverse=True)]


def list_results(name: str) -> Iterator[Path]:
    """Files of this name of all runs, jobs of sweeps and evaluations below outputs/."""
    for folder in ("runs/*/*", "sweeps/*/*/*"):
        yield from OUTPUTS.glob(f"{folder}/{name}")
        yield from _list_evaluations(OUTPUTS, f"{folder}/evaluations/*", name)
    yield from _list_evaluations(OUTPUTS, "evaluations/*", name)


def _list_evaluations(base: Path, folder: str, name: str) -> Iterator[Path]:
    """Of evaluations, and of each set of images of those that were of several."""
    yield from base.glob(f"{folder}/{name}")
    yield from base.glob(f"{folder}/*/{name}")


def _age(file: Path) -> float:
    return file.parent.stat().st_mtime


def find_run(word: str) -> Path:
    """Find the folder of the run that a user means.

    Args:
        word: ``latest``, a run's name (its newest run), a run folder, also as it is called below
            outputs/runs or outputs/sweeps.

    Raises:
        ValueError: There is none.
    """
    found = _look_for_run(word)
    if found is not None:
        return found
    known = _names("runs")
    names = ", ".join(known) or "none yet"
    raise ValueError(
        f"{word or repr(word)} is neither 'latest', a run's name ({names}), the folder of a run "
        f"nor a checkpoint file (.ckpt, .safetensors).{did_you_mean(word, ['latest', *known])}"
    )


def _look_for_run(word: str) -> Path | None:
    if word == "latest":
        latest = OUTPUTS / "latest.txt"
        folder = Path(read_text(latest).strip()) if latest.is_file() else None
        if folder is None or not folder.is_dir():
            raise ValueError("latest: there is no run yet. Train one: python scripts/train.py")
        return folder
    for base in (Path(), OUTPUTS / "runs", OUTPUTS / "sweeps", OUTPUTS):
        if word.strip() and (base / word / "config.yaml").is_file():
            return (base / word).resolve()
    if (Path(word) / "multirun.yaml").is_file():
        raise ValueError(
            f"{word} is a sweep: name one of its runs, such as {Path(word) / '0'}; the folds of a "
            f"cross-validation are pooled by python scripts/evaluate.py folds={word}"
        )
    runs = sorted((OUTPUTS / "runs" / word).glob("*/config.yaml")) if _is_name(word) else []
    return max(runs, key=lambda config: config.parent.stat().st_mtime).parent if runs else None


def _names(kind: str) -> list[str]:
    """Of all runs, or sweeps, below outputs/."""
    return sorted(path.name for path in (OUTPUTS / kind).glob("*"))


def _is_name(word: str) -> bool:
    return Path(word).name == word and word not in ("", ".", "..")
