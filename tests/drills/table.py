"""The drills: a fault, and what it must come to."""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

STOPPED = (130,)
KILLED = (-9,)


@dataclass(frozen=True)
class Drill:
    """A fault, and what it must come to.

    Args:
        fault: Made inside the process, by its name in ``faults.FAULTS``.
        begins: The folder that the command is about: ``new``, or a copy of a run that was
            ``killed`` in its second epoch or ``killed in the test``, or of one that is ``trained``.
        spoil: What is done to that folder first.
        words: Added to the command.
        status: Exit statuses, one of which is expected.
        says: Words of the message.
        state: Of status.json afterwards; None: whatever it was.
        ends_alike: Whether going on afterwards (or this command itself, where it ends well) leads
            to what an undisturbed run comes to, bit for bit.
    """

    fault: str = "none"
    begins: str = "new"
    spoil: Callable[[Path], None] | None = None
    words: tuple[str, ...] = ()
    status: tuple[int, ...] = (2,)
    says: tuple[str, ...] = ()
    state: str | None = "failed"
    ends_alike: bool = False


def last(folder: Path) -> Path:
    return folder / "checkpoints" / "last.ckpt"


def cut(name: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        path = folder / "checkpoints" / name
        os.truncate(path, path.stat().st_size // 2)

    return spoil


def edit(name: str, before: str, after: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        path = folder / name
        text = path.read_text(encoding="utf-8")
        assert before in text
        path.write_text(text.replace(before, after), encoding="utf-8")

    return spoil


class Malice:
    """Runs when it is unpickled by somebody who lets it."""

    def __reduce__(self) -> tuple:
        return os.system, (f"touch {os.environ['DRILL_CODE']}",)


def change_checkpoint(change: Callable[[dict], object]) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        content = torch.load(last(folder), weights_only=True)
        changed = change(content)
        torch.save(content if changed is None else changed, last(folder))

    return spoil


def garble(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_text("{")


def remove(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def garble_cache(folder: Path) -> None:
    for path in Path(os.environ["DRILL_CACHE"]).rglob("records"):
        size = path.stat().st_size
        path.write_bytes(b"\xff" * size)


def change_manifest(folder: Path) -> None:
    manifest = Path(os.environ["DRILL_DATA"]) / "manifest.csv"
    shutil.copy(manifest, folder / "manifest.before")
    lines = manifest.read_text().splitlines(keepends=True)
    manifest.write_text("".join(lines[:-1]))


def stand_in_the_way(folder: Path) -> None:
    last(folder).unlink()
    last(folder).mkdir()


def interrupted(name: str) -> Drill:
    return Drill(name, status=STOPPED, says=("resume=",), state="stopped", ends_alike=True)


def killed(name: str) -> Drill:
    return Drill(name, status=KILLED, state=None, ends_alike=True)


DRILLS = {
    # somebody or something ends the process
    "SIGINT in training": interrupted("SIGINT in training"),
    "SIGTERM in training": interrupted("SIGTERM in training"),
    "SIGUSR1 in training": interrupted("SIGUSR1 in training"),
    "SIGINT in the test": interrupted("SIGINT in the test"),
    "SIGINT in the interventions": interrupted("SIGINT in the interventions"),
    "SIGKILL in training": killed("SIGKILL in training"),
    "SIGKILL in validation": killed("SIGKILL in validation"),
    "SIGKILL in the test": killed("SIGKILL in the test"),
    "SIGKILL while last.ckpt is written": killed("SIGKILL while last.ckpt is written"),
    "SIGKILL while history.csv is written": killed("SIGKILL while history.csv is written"),
    # the numbers
    "a NaN in an image": Drill(
        "a NaN in an image", says=("image is not finite in 1 of 4", "disc_005", "debug=replay")
    ),
    "an infinite loss": Drill(
        "an infinite loss", says=("The loss is inf in epoch 2, batch 2 of 3", "optimizer.lr=0.0001")
    ),
    "a learning rate out of all reason": Drill(
        words=("optimizer.lr=1e30",), says=("The loss is", "epoch 1", "optimizer.lr=0.001")
    ),
    # memory
    "the device out of memory": Drill(
        "the device out of memory",
        says=("data.batch_size=2 trainer.accumulate_grad_batches=2", "Start anew"),
    ),
    "the machine out of memory": Drill(
        "the machine out of memory", says=("The machine ran out of memory", "data.batch_size=2")
    ),
    "a loading process killed": Drill(
        "a loading process killed",
        words=("data.num_workers=1",),
        says=("A loading process was killed", "data.num_workers=0"),
        ends_alike=True,
    ),
    "shared memory used up": Drill(
        "shared memory used up",
        words=("data.num_workers=1",),
        says=("insufficient shared memory", "/dev/shm", "data.num_workers=0"),
        ends_alike=True,
    ),
    "a loading process out of memory": Drill(
        "a loading process out of memory",
        words=("data.num_workers=1",),
        says=("The machine ran out of memory", "data.batch_size=2"),
    ),
    # the disk
    "a file that may not be so large": Drill(
        "files of a megabyte at most", says=(".ckpt could not be written", "ulimit -f"),
        ends_alike=True,
    ),
    "no room for history.csv": Drill(
        "no room for history.csv",
        says=("history.csv could not be written: the disk is full", "GB are free"),
        ends_alike=True,
    ),
    "no room for last.ckpt": Drill(
        "no room for last.ckpt",
        says=("last.ckpt could not be written: the disk is full", "GB are free"),
        ends_alike=True,
    ),
    "no room for anything": Drill(
        "no room for anything", says=("could not be written: the disk is full",), state=None,
        ends_alike=True,
    ),
    "a folder that cannot be made": Drill(
        words=("out=/sys/a_run",), says=("/sys/a_run could not be opened",), state=None
    ),
    "a file in the place of a folder": Drill(
        words=(f"out={__file__}/run",),
        says=(f"out={__file__}/run is no folder",),
        state=None,
    ),
    "a folder in the place of last.ckpt": Drill(
        begins="killed", spoil=stand_in_the_way, says=("last",), state=None
    ),
    # the data
    "an image deleted while training": Drill(
        "an image deleted",
        words=("data.cache=off",),
        says=("could be read when the run began", "disc_005"),
    ),
    "the cache deleted while training": Drill(
        "the cache deleted", status=(0,), state="finished", ends_alike=True
    ),
    "the cache garbled before going on": Drill(
        begins="killed", spoil=garble_cache, status=(0,), state="finished", ends_alike=True
    ),
    "the manifest changed before going on": Drill(
        begins="killed", spoil=change_manifest, says=("has changed", "24 images then, 23 now"),
        state=None,
    ),
    # the folder of the run
    "last.ckpt cut": Drill(
        begins="killed", spoil=cut("last.ckpt"), says=("last.ckpt", "cut"), state=None
    ),
    "best.ckpt cut before the test": Drill(
        begins="killed in the test", spoil=cut("best.ckpt"), says=("best.ckpt", "cut"), state=None
    ),
    "code in last.ckpt": Drill(
        begins="killed",
        spoil=change_checkpoint(lambda content: content.update(malice=Malice())),
        says=("carries code, which is never run",),
        state=None,
    ),
    "a foreign checkpoint": Drill(
        begins="killed",
        spoil=change_checkpoint(lambda content: {"state_dict": content["state_dict"]}),
        says=("another project",),
        state=None,
    ),
    "a checkpoint of a newer format": Drill(
        begins="killed",
        spoil=change_checkpoint(lambda content: content["roi_classifier"].update(format=99)),
        says=("format 99", "update the project"),
        state=None,
    ),
    "config.yaml deleted": Drill(
        begins="trained", spoil=remove("config.yaml"), says=("neither 'latest'",), state=None
    ),
    "config.yaml edited by hand": Drill(
        begins="killed",
        spoil=edit("config.yaml", "lr: 0.001", "lr: 0.5"),
        says=("config.yaml, which was edited", "optimizer.lr is 0.5 there and was 0.001"),
        state=None,
    ),
    "history.csv deleted": Drill(
        begins="killed", spoil=remove("history.csv"), status=(0,), state="finished",
        ends_alike=True,
    ),
    "status.json garbled": Drill(
        begins="killed", spoil=garble("status.json"), status=(0,), state="finished",
        ends_alike=True,
    ),
    # the command and the code
    "going on with a finished run": Drill(
        begins="trained", says=("is finished (2 epochs)", "trainer.max_epochs=4"), state="finished"
    ),
    "going on with another seed": Drill(
        begins="trained", words=("seed=5",), says=("seed is 0 in that run and 5",),
        state="finished",
    ),
    "a callback that raises": Drill(
        "a callback that raises",
        status=(1,),
        says=("a mistake of somebody's code", "a failure of the program"),
        ends_alike=True,
    ),
    "the clock turned back": Drill(
        "the clock turned back", status=(0,), state="finished", ends_alike=True
    ),
}  # fmt: skip
# these end before anything heavy is imported
QUICK = ("config.yaml deleted", "going on with a finished run", "going on with another seed")


def read_state(folder: Path) -> str | None:
    """What status.json says."""
    path = folder / "status.json"
    return json.loads(path.read_text())["state"] if path.is_file() else None
