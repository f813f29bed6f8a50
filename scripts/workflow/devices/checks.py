"""What a device lacks, said before anything is trained on it."""

import torch

from workflow.devices.request import explain_half


def check_precision(precision: str, device: torch.device) -> None:
    """Refuse a precision that Lightning would exchange for another, or that is only emulated.

    Args:
        precision: As trainer.precision has it.
        device: The run's.

    Raises:
        ValueError: The device lacks it.
    """
    if precision.startswith("16") and device.type == "cpu":
        raise ValueError(f"{explain_half(precision)}.")
    native = device.type != "cuda" or torch.cuda.is_bf16_supported(including_emulation=False)
    if precision.startswith("bf16") and not native:
        name = torch.cuda.get_device_name(device)
        raise ValueError(
            f"trainer.precision is {precision}, and {name} has no bfloat16 (it came with Ampere). "
            "Take trainer=fp16."
        )


def check_compiler(device: torch.device) -> None:
    """Compile one addition, so that a missing compiler is said before the run and not in it.

    Raises:
        ValueError: torch.compile does not work here.
    """
    try:
        torch.compile(_add_one)(torch.ones(8, device=device))
    except Exception as error:  # of dynamo, inductor, triton, or the compiler itself
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        reason = lines[0] if lines else type(error).__name__
        raise ValueError(
            f"model.compile=true: torch.compile does not work here ({reason}). It needs a C++ "
            "compiler (g++ or clang; cl on Windows), and triton on a GPU. Install one, or leave "
            "model.compile out."
        ) from error


def _add_one(value: torch.Tensor) -> torch.Tensor:
    return value + 1
