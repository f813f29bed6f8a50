"""What can be known of the devices that are asked for before torch is imported."""

from collections.abc import Iterator
from typing import Any

from front.processes import Process

# a process trains on two images at least: BatchNorm has no variance of one
FEWEST = 2
BY_MODEL = ("auto", "ddp")
SCALED = (16, "16", "16-mixed")


def find_device_problems(config: dict[str, Any], process: Process) -> Iterator[str]:
    """What is wrong with the devices of a resolved configuration.

    Args:
        config: Resolved; of an evaluation as well.
        process: Of those that torchrun or srun has started, or the only one.
    """
    trainer = config["trainer"]
    devices, num_nodes = trainer["devices"], trainer.get("num_nodes", 1)
    asked = count_asked(devices)
    if asked == 0:
        yield f"trainer.devices is {devices!r}, expected a number from 1, auto, or a list"
        return
    strategy = trainer.get("strategy")
    if isinstance(strategy, str) and strategy not in BY_MODEL:
        yield f"trainer.strategy is {strategy!r}: choose trainer=ddp or trainer=fsdp instead"
    parted = isinstance(strategy, dict) and str(strategy.get("_target_")).endswith("Sharded")
    if parted and trainer.get("precision") in SCALED:
        yield (
            f"trainer.precision is {trainer['precision']!r}, whose scaling trainer=fsdp cannot do: "
            "expected bf16-mixed, bf16-true or 32-true"
        )
    if trainer.get("accelerator") == "cpu" and trainer.get("precision") in SCALED:
        yield explain_half(trainer["precision"])
    if process.several:
        yield from _find_mismatch(config, asked, process)
    elif num_nodes != 1:
        yield (
            f"trainer.num_nodes is {num_nodes} and this command was started on one machine: start "
            "it on each by torchrun or srun"
        )
    num_processes = process.num_processes if process.several else asked
    if num_processes is None or num_processes == 1:
        return
    size = config["data"].get("batch_size")
    if isinstance(size, int) and size < FEWEST * num_processes:
        yield (
            f"data.batch_size is {size}, the images of a step on all devices together: expected at "
            f"least {FEWEST * num_processes} for {num_processes} devices"
        )
    if trainer.get("overfit_batches"):
        yield "trainer.overfit_batches needs one device: trainer.devices=1"


def explain_half(precision: object) -> str:
    """Why float16 is refused on a CPU; a clause without its full stop."""
    return (
        f"trainer.precision is {precision}, and this run is on a CPU, which does not train in "
        "float16. Take trainer=bf16, or 32-true, which is as fast on most CPUs"
    )


def _find_mismatch(config: dict[str, Any], asked: int | None, process: Process) -> Iterator[str]:
    if asked not in (None, process.num_local):
        yield (
            f"{process.num_local} processes were started on this machine, and trainer.devices is "
            f"{config['trainer']['devices']}: expected trainer.devices={process.num_local}, or "
            "trainer=ddp, which takes as many as were started"
        )
    if process.num_processes % process.num_local:
        yield (
            f"{process.num_processes} processes were started, {process.num_local} of them on this "
            "machine: expected as many on every machine"
        )
    if config.get("control"):
        yield (
            "control=true trains a second model when the other processes have gone: start it as a "
            "run of its own (gate=none extras=default)"
        )


def count_asked(devices: int | str | list[int]) -> int | None:
    """How many devices are asked for; None: all there are, 0: it makes no sense."""
    if isinstance(devices, list):
        sensible = all(isinstance(one, int) and one >= 0 for one in devices)
        return len(devices) if sensible and len(set(devices)) == len(devices) else 0
    if str(devices) in ("auto", "-1"):
        return None
    return int(devices) if str(devices).isdecimal() else 0
