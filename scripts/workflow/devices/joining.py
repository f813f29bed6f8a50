"""Processes that torchrun or srun has started: the first plans, the others do as it says.

The first checks everything and makes the folder. The others wait for it, plan quietly by the
configuration that it has settled, and train with it. What comes after training is the first's.
"""

import os
import pickle
import platform
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from front.outcome import ExitStatus, Outcome, judge
from front.processes import this_process
from omegaconf import OmegaConf

from workflow.call import Call
from workflow.journal import be_silent
from workflow.places import find_last
from workflow.plan import Plan, make_plan

STARTED, HEARD = "started", "heard"
FIRST_PORT, NUM_PORTS = 15_000, 10_000
# data may be checked and decoded for so long before the others give up
PATIENCE = timedelta(hours=12)


@dataclass(frozen=True)
class Start:
    """What the first process tells the others.

    Args:
        config: Settled.
        call: How the run was asked for.
        fingerprint: Of the split.
        folder: Of the run.
    """

    config: dict[str, Any]
    call: Call
    fingerprint: str
    folder: Path


@contextmanager
def leading() -> Iterator[None]:
    """Let the other processes end too where they were never told to start."""
    if not this_process().several:
        yield
        return
    store = _open_store()
    outcome = Outcome(ExitStatus.OK)
    try:
        yield
    except BaseException as error:
        outcome = judge(error)
        raise
    finally:
        if not store.check([STARTED]):
            store.set(STARTED, pickle.dumps(outcome))
            _wait_until_heard(store)


def tell_start(plan: Plan, folder: Path) -> None:
    """Let the other processes begin, where there are some."""
    if this_process().several:
        start = Start(plan.config, plan.call, plan.table.fingerprint, folder)
        _open_store().set(STARTED, pickle.dumps(start))


def follow() -> ExitStatus:
    """Do as the first process says, and end silently where it has failed."""
    be_silent()
    warnings.simplefilter("ignore")
    store = _open_store()
    start = pickle.loads(store.get(STARTED))
    store.add(HEARD, 1)
    if isinstance(start, Outcome):
        return start.status
    try:
        _train_with(start)
    except BaseException as error:
        outcome = judge(error)
        print(f"Process {this_process().rank}: {outcome.message}", file=sys.stderr, flush=True)
        return outcome.status
    return ExitStatus.OK


def _train_with(start: Start) -> None:
    plan = make_plan(OmegaConf.create(start.config), start.call)
    if plan.table.fingerprint != start.fingerprint:
        raise ValueError(
            f"This process, on {platform.node()}, reads other data than the first: the same files "
            "have to lie under the same paths on every machine."
        )
    from workflow.objects import build_objects
    from workflow.training import fit

    objects = build_objects(plan, find_last(start.folder))
    fit(plan, objects, start.folder)


def _wait_until_heard(store: Any) -> None:  # noqa: ANN401
    """Where the first process has the store it goes with it."""
    others = this_process().num_processes - 1
    for _ in range(100):
        if store.add(HEARD, 0) == others:
            return
        time.sleep(0.1)


@cache
def _open_store() -> Any:  # noqa: ANN401
    """What all processes write to and read from; torchrun's own, or the first process has it."""
    from torch.distributed import rendezvous

    process = this_process()
    _set_environment()
    place = (process.rank, process.num_processes)
    store, _, _ = next(iter(rendezvous("env://", *place)))
    store.set_timeout(PATIENCE)
    return store


def _set_environment() -> None:
    """Name things as torchrun does, where SLURM has named them."""
    if "RANK" in os.environ:
        return
    from lightning.pytorch.plugins.environments import SLURMEnvironment

    process, machines = this_process(), os.environ["SLURM_STEP_NODELIST"]
    told = {
        "RANK": process.rank,
        "LOCAL_RANK": process.local_rank,
        "WORLD_SIZE": process.num_processes,
        "LOCAL_WORLD_SIZE": process.num_local,
        "MASTER_ADDR": SLURMEnvironment.resolve_root_node_address(machines),
        # one that two jobs on a machine do not share
        "MASTER_PORT": FIRST_PORT + int(os.environ["SLURM_JOB_ID"]) % NUM_PORTS,
    }
    os.environ.update({name: str(value) for name, value in told.items()} | _chosen())


def _chosen() -> dict[str, str]:
    """What the user has set."""
    return {name: os.environ[name] for name in ("MASTER_ADDR", "MASTER_PORT") if name in os.environ}
