"""Which of several processes this is, where torchrun or srun has started some; torch-free."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Process:
    """One of the processes that train together.

    Args:
        rank: From 0; the first speaks and writes for all.
        local_rank: Among those of its machine.
        num_processes: On all machines.
        num_local: On this machine.
    """

    rank: int = 0
    local_rank: int = 0
    num_processes: int = 1
    num_local: int = 1

    @property
    def several(self) -> bool:
        """Whether there are others."""
        return self.num_processes > 1

    @property
    def num_machines(self) -> int:
        """Of equally many processes each."""
        return self.num_processes // self.num_local


def this_process(environment: Mapping[str, str] = os.environ) -> Process:
    """Read what torchrun, or srun, has told this process; without either it is alone.

    A job script of SLURM itself, outside of srun, is alone too, and starts its processes itself.
    """
    names = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE")
    if "WORLD_SIZE" not in environment and "SLURM_STEP_NUM_TASKS" in environment:
        num_local = re.split(r"\D", environment["SLURM_STEP_TASKS_PER_NODE"])[0]  # as 4(x2)
        told = {"RANK": "SLURM_PROCID", "LOCAL_RANK": "SLURM_LOCALID"}
        told = {name: environment[key] for name, key in told.items()}
        told |= {"WORLD_SIZE": environment["SLURM_STEP_NUM_TASKS"], "LOCAL_WORLD_SIZE": num_local}
        environment = told
    if any(name not in environment for name in names):
        return Process()
    rank, local_rank, num_processes, num_local = (int(environment[name]) for name in names)
    return Process(rank, local_rank, num_processes, num_local)
