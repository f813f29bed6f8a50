"""Starts processes that train or test together on this machine, as torchrun does.

Lightning would start the command anew in each, and in a sweep the whole sweep (Hydra#2070,
Lightning#11300). Here a process gets the checked plan and does its part; nothing is planned twice.
"""

import logging
import os
import pickle
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from front.app import prepare
from front.outcome import ExitStatus, JobFailed, judge
from torch import multiprocessing as torch_multiprocessing
from torch.distributed import TCPStore
from torch.multiprocessing import ProcessContext
from torch.multiprocessing.spawn import ProcessException

from lightning_modules.stop_signals import Stopped
from workflow.journal import Journal, be_silent
from workflow.places import find_last
from workflow.plan import Plan

log = logging.getLogger(__name__)
HERE = "127.0.0.1"
# that the others have to end by themselves when one has failed, in seconds
GRACE = 20.0
FORWARDED = [name for name in ("SIGINT", "SIGTERM", "SIGUSR1") if hasattr(signal, name)]


@dataclass(frozen=True)
class Task:
    """What each process is given.

    Args:
        plan: Of the run.
        folder: Of the run.
        work: What each does, told the task and which process it is, from 0.
        environment: Of the processes.
        reports: Folder into which one that fails writes why, and the first what came of it.
    """

    plan: Plan
    folder: Path
    work: "Work"
    environment: dict[str, str]
    reports: Path

    @property
    def result(self) -> Path:
        """File into which the first process pickles what came of the work, if it has to say so."""
        return self.reports / "result"


Work = Callable[[Task, int], None]


def launch(plan: Plan, folder: Path, num_processes: int, work: Work) -> Any:  # noqa: ANN401
    """Work in processes of their own, one a device, and wait for all of them.

    Args:
        plan: Of the run.
        folder: Of the run.
        num_processes: That work together.
        work: Can be pickled.

    Returns:
        What the first has written to ``Task.result``; None: nothing.

    Raises:
        JobFailed: One has failed; the others are ended.
        Stopped: Somebody stopped them.
    """
    store = TCPStore(HERE, 0, is_master=True, wait_for_workers=False)
    with tempfile.TemporaryDirectory() as reports, _forwarded() as (received, children):
        environment = _environment(store.port, num_processes)
        task = Task(plan, folder, work, environment, Path(reports))
        processes = torch_multiprocessing.start_processes(
            _work, (task,), num_processes, join=False, start_method="spawn"
        )
        children += processes.processes
        try:
            if received:  # while they were started
                _send(children, getattr(signal, received[0]))
            _wait(processes, Path(reports), received)
            return pickle.loads(task.result.read_bytes()) if task.result.is_file() else None
        finally:
            for process in children:
                process.kill()


def _environment(port: int, num_processes: int) -> dict[str, str]:
    cores = os.cpu_count() or 1
    return {
        "MASTER_ADDR": HERE,
        "MASTER_PORT": str(port),
        "TORCHELASTIC_USE_AGENT_STORE": "True",  # the store of this process, whose port is taken
        "WORLD_SIZE": str(num_processes),
        "LOCAL_WORLD_SIZE": str(num_processes),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", str(max(1, cores // num_processes))),
    }


@contextmanager
def _forwarded() -> Iterator[tuple[list[str], list[BaseProcess]]]:
    """Hand on the signals that this process gets.

    Gives the list of their names, and one to put the processes into that are to get them.
    """
    received: list[str] = []
    children: list[BaseProcess] = []

    def forward(number: int, _frame: object) -> None:
        received.append(signal.Signals(number).name)
        _send(children, number)

    before = {name: signal.signal(getattr(signal, name), forward) for name in FORWARDED}
    try:
        yield received, children
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)


def _send(processes: list[BaseProcess], number: int) -> None:
    for process in processes:
        if process.is_alive():
            os.kill(process.pid, number)


def _wait(processes: ProcessContext, reports: Path, received: list[str]) -> None:
    logging.getLogger("torch.multiprocessing.spawn").setLevel(logging.ERROR)
    try:
        while not processes.join(grace_period=GRACE):
            pass
    except ProcessException as error:
        raise _explain(error, reports, received) from None


def _explain(error: ProcessException, reports: Path, received: list[str]) -> Exception:
    """What the first that failed has to say: the others fail because it is gone."""
    found = [pickle.loads(file.read_bytes()) for file in reports.glob("*.pickle")]
    if (reports / f"{error.error_index}.pickle").is_file():
        _, outcome, trace = min(found, key=lambda report: report[0])
        if outcome.status == ExitStatus.STOPPED:
            return Stopped(received[0] if received else "SIGTERM")
        failure = JobFailed(outcome)
        failure.add_note(trace)  # for log.txt
        return failure
    if received and getattr(error, "signal_name", None) != "SIGKILL":  # it could not yet answer it
        return Stopped(received[0])
    return RuntimeError(
        f"a process ended without a word ({error}); SIGKILL often is the system's, when "
        "memory runs out"
    )


def _work(rank: int, task: Task) -> None:
    """What a process does."""
    if hasattr(os, "setsid"):
        os.setsid()  # Ctrl-C goes to the process that started this one, and is handed on
    os.environ.update(task.environment | {"RANK": str(rank), "LOCAL_RANK": str(rank)})
    prepare()
    be_silent()  # what is said of the plan was said
    if rank:
        warnings.simplefilter("ignore")
    try:
        task.work(task, rank)
    except BaseException as error:
        outcome = judge(error, with_traceback=bool(task.plan.config.get("traceback")))
        beside = task.reports / f"{rank}.new"
        beside.write_bytes(pickle.dumps((time.time(), outcome, traceback.format_exc())))
        beside.rename(beside.with_suffix(".pickle"))
        sys.exit(int(outcome.status))


def train_part(task: Task, rank: int) -> None:
    """Train as one of the processes."""
    from workflow.objects import build_objects
    from workflow.training import fit

    objects = build_objects(task.plan, find_last(task.folder))
    if rank == 0:
        Journal().write_to(task.folder / "log.txt")
    fit(task.plan, objects, task.folder)
