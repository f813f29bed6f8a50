"""What can go wrong inside the process that trains; each is made before the command begins."""

import errno
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

MEGABYTE = 2**20
EPOCH, BATCH = 1, 1  # where most faults strike: the second batch of the second epoch


def write_into(outputs: Path) -> None:
    """Let outputs/ be a folder of the test's own."""
    import front.disk_errors
    import workflow.places
    import workflow.plan

    for module in (front.disk_errors, workflow.places, workflow.plan):
        module.OUTPUTS = outputs


def strike(act: Callable[[], None], method: str = "training_step", epoch: int = EPOCH) -> None:
    """Act once, before a batch is trained on, validated or tested."""
    from lightning_modules.roi_classifier import ROIClassifier

    before, struck = getattr(ROIClassifier, method), []

    def changed(self, batch, index):
        due = method == "test_step" or self.current_epoch == epoch
        if due and not struck and index == BATCH:
            struck.append(index)
            act()
        return before(self, batch, index)

    setattr(ROIClassifier, method, changed)


def send(number: int) -> Callable[[], None]:
    return lambda: os.kill(os.getpid(), number)


def fail(error: BaseException) -> Callable[[], None]:
    def act() -> None:
        raise error

    return act


def kill_while_writing(name: str) -> None:
    """At the last moment before a new file takes the place of the old, in the second epoch."""
    replace, count = os.replace, []

    def changed(source, target):
        if Path(target).name == name:
            count.append(target)
            if len(count) == 2:
                os.kill(os.getpid(), signal.SIGKILL)
        replace(source, target)

    os.replace = changed


def fill_disk(full: Callable[[str, int], bool]) -> None:
    """Files do not reach the disk where ``full`` says so of a name and how often it came."""
    fsync, counts = os.fsync, {}

    def changed(descriptor):
        name = Path(os.readlink(f"/proc/self/fd/{descriptor}")).name
        name = name.lstrip(".").rpartition(".")[0] if name.startswith(".") else name
        counts[name] = counts.get(name, 0) + 1
        if full(name, counts[name]):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(descriptor)

    os.fsync = changed


def limit_file_size(num_bytes: int) -> None:
    import resource

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, resource.RLIM_INFINITY))


def exhaust_memory() -> None:
    """Let torch ask for more than the process may have."""
    import resource

    import torch

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + 256 * MEGABYTE
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
    torch.zeros(2**30)


def in_worker(act: Callable[[], None]) -> None:
    """Act in a loading process when it is asked for images of the second epoch."""
    from torch.utils.data import get_worker_info

    from datamodules.loading.dataset import ROIDataset

    load = ROIDataset.load

    def changed(self, keys):
        key = keys[0]
        if get_worker_info() is not None and isinstance(key, tuple) and key[0] == EPOCH:
            act()
        return load(self, keys)

    ROIDataset.load = changed
    ROIDataset.__getitems__ = changed


def spoil_image() -> None:
    """One image of the second epoch is NaN, inside its ROI as well: the gate hides the rest."""
    from datamodules.loading.dataset import ROIDataset

    load = ROIDataset.load

    def changed(self, keys):
        batch = load(self, keys)
        if isinstance(keys[0], tuple) and keys[0][0] == EPOCH:
            for row, name in enumerate(batch["id"]):
                if "disc_005" in name:
                    batch["image"][row] = float("nan")
        return batch

    ROIDataset.load = changed
    ROIDataset.__getitems__ = changed


def spoil_loss() -> None:
    """The loss of a batch of the second epoch is infinite."""
    from lightning_modules.roi_classifier import ROIClassifier

    step = ROIClassifier.training_step

    def changed(self, batch, index):
        loss = step(self, batch, index)
        return loss / 0 if (self.current_epoch, index) == (EPOCH, BATCH) else loss

    ROIClassifier.training_step = changed


def delete(*paths: str) -> None:
    """Remove files or folders, given by environment variables."""
    import shutil

    for path in paths:
        place = Path(os.environ[path])
        shutil.rmtree(place) if place.is_dir() else place.unlink()


def turn_back_clock() -> None:
    """From the second epoch on it is yesterday."""
    clock = time.time

    def act() -> None:
        time.time = lambda: clock() - 86_400

    strike(act)


def interrupt_interventions() -> None:
    import workflow.evaluating.testing

    workflow.evaluating.testing.measure_evidence = lambda *_: send(signal.SIGINT)()


def wait_for_another() -> None:
    """Stand still in the second epoch until a file says to go on."""

    def act() -> None:
        Path(os.environ["DRILL_WAITING"]).touch()
        while Path(os.environ["DRILL_WAITING"]).exists():
            time.sleep(0.05)

    strike(act)


def raise_out_of_memory() -> None:
    import torch

    error = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")
    strike(fail(error))


FAULTS: dict[str, Callable[[], None]] = {
    "none": lambda: None,
    "SIGINT in training": lambda: strike(send(signal.SIGINT)),
    "SIGTERM in training": lambda: strike(send(signal.SIGTERM)),
    "SIGUSR1 in training": lambda: strike(send(signal.SIGUSR1)),
    "SIGKILL in training": lambda: strike(send(signal.SIGKILL)),
    "SIGKILL in the first epoch": lambda: strike(send(signal.SIGKILL), epoch=0),
    "SIGKILL in validation": lambda: strike(send(signal.SIGKILL), "validation_step"),
    "SIGKILL in the test": lambda: strike(send(signal.SIGKILL), "test_step"),
    "SIGINT in the test": lambda: strike(send(signal.SIGINT), "test_step"),
    "SIGINT in the interventions": interrupt_interventions,
    "SIGKILL while last.ckpt is written": lambda: kill_while_writing("last.ckpt"),
    "SIGKILL while history.csv is written": lambda: kill_while_writing("history.csv"),
    "a NaN in an image": spoil_image,
    "an infinite loss": spoil_loss,
    "the device out of memory": raise_out_of_memory,
    "the machine out of memory": lambda: strike(exhaust_memory),
    "a loading process killed": lambda: in_worker(send(signal.SIGKILL)),
    "shared memory used up": lambda: in_worker(send(getattr(signal, "SIGBUS", signal.SIGTERM))),
    "a loading process out of memory": lambda: in_worker(fail(MemoryError())),
    "files of a megabyte at most": lambda: strike(lambda: limit_file_size(MEGABYTE)),
    "no room for history.csv": lambda: fill_disk(lambda n, count: n == "history.csv" and count > 1),
    "no room for last.ckpt": lambda: fill_disk(lambda n, count: n == "last.ckpt" and count > 1),
    "no room for anything": lambda: strike(lambda: fill_disk(lambda *_: True)),
    "an image deleted": lambda: strike(lambda: delete("DRILL_IMAGE")),
    "the cache deleted": lambda: strike(lambda: delete("DRILL_CACHE")),
    "the clock turned back": turn_back_clock,
    "a callback that raises": lambda: strike(fail(RuntimeError("a mistake of somebody's code"))),
    "waiting": wait_for_another,
}

if sys.platform == "win32":
    raise ImportError("The drills need signals and limits of POSIX.")
