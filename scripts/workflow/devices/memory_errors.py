"""What to say when memory runs out: on the device, of the machine, or between processes."""

import errno
from pathlib import Path
from typing import Any

from workflow.typed import join_words

DEVICE = ("CUDA out of memory", "MPS backend out of memory", "CUBLAS_STATUS_ALLOC_FAILED")
MACHINE = ("can't allocate memory", "not enough memory", "Cannot allocate memory", "MemoryError")
SHARED = ("Bus error", "/torch_")  # torch names its pieces of shared memory so
KILLED = ("signal: Killed", "exited unexpectedly")
LEAST = 2  # images that BatchNorm needs
TRAIN = ("python", "scripts/train.py")


def explain_memory(
    error: BaseException, config: dict[str, Any], overrides: list[str], folder: Path
) -> str | None:
    """What ran out and the options that would fit; None: the error is of another kind.

    Args:
        error: What was raised.
        config: Resolved, of the run.
        overrides: What was typed to start it.
        folder: Of the run.
    """
    reason = str(error).strip()
    first = reason.splitlines()[0] if reason else type(error).__name__
    shared = _has(reason, SHARED)
    if shared or ("DataLoader worker" in reason and _has(reason, KILLED)):
        return _explain_worker(first, shared, config, overrides, folder)
    if type(error).__name__ == "OutOfMemoryError" or _has(reason, DEVICE):
        return _explain_batch(f"The device ran out of memory ({first})", config, overrides)
    enough = getattr(error, "errno", None) != errno.ENOMEM
    if isinstance(error, MemoryError) or _has(reason, MACHINE) or not enough:
        return _explain_batch(f"The machine ran out of memory ({first})", config, overrides)
    return None


def _has(reason: str, words: tuple[str, ...]) -> bool:
    return any(word in reason for word in words)


def _explain_batch(what: str, config: dict[str, Any], overrides: list[str]) -> str:
    size, windows = config["data"]["batch_size"], config["trainer"]["accumulate_grad_batches"]
    lines = [f"{what}, at data.batch_size={size}. What takes less:"]
    smaller = halve_batch(size, windows)
    change = [f"{key}={value}" for key, value in smaller.items()]
    if smaller:
        images = smaller["data.batch_size"] * smaller["trainer.accumulate_grad_batches"]
        lines.append(
            f"  {' '.join(change)}   ({images} images a step, {size * windows} before; BatchNorm "
            "sees fewer at once)"
        )
    if str(config["trainer"]["precision"]).startswith("32"):
        lines.append("  trainer.precision=bf16-mixed   (about half, on a GPU that has bfloat16)")
    lines.append("  data.image_size=<smaller>   (a quarter at half the size)")
    lines.append("Batches of another size make another run. Start anew:")
    return "\n".join([*lines, f"  {_anew(overrides, change)}"])


def halve_batch(size: int, windows: int) -> dict[str, int]:
    """Overrides for batches of half the size or less, and as many images a step if that divides.

    Args:
        size: Images a batch.
        windows: Batches whose gradients make a step.
    """
    divisors = [n for n in range(2, size) if size % n == 0 and size // n >= LEAST]
    divisor = divisors[0] if divisors else 2
    if size // divisor < LEAST:
        return {}
    return {
        "data.batch_size": size // divisor,
        "trainer.accumulate_grad_batches": windows * divisor,
    }


def _explain_worker(
    first: str, shared: bool, config: dict[str, Any], overrides: list[str], folder: Path
) -> str:
    what = "A loading process was killed, as the system does when memory or /dev/shm runs out"
    if shared:
        what = (
            "The loading processes ran out of shared memory (/dev/shm; of a container: --shm-size)"
        )
    workers = config["data"]["num_workers"]
    fewer = "data.num_workers=0" if workers in (None, 1) else f"data.num_workers={workers // 2}"
    command = _anew(overrides, [fewer])
    if (folder / "checkpoints" / "last.ckpt").is_file():
        go_on = [f"resume={folder}", "resume_allow=data.num_workers", fewer]
        command = join_words([*TRAIN, *go_on])
    return f"{what}: {first}\nUse fewer of them; no result depends on their number:\n  {command}"


def _anew(overrides: list[str], change: list[str]) -> str:
    """The command of the run, changed."""
    replaced = {word.partition("=")[0] for word in change} | {"out"}
    kept = [word for word in overrides if word.partition("=")[0] not in replaced]
    return join_words([*TRAIN, *kept, *change])
