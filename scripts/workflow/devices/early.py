"""What only torch knows of the devices, asked before the data is read where a run may be wrong."""

from typing import Any

from workflow.devices.request import count_asked

EVERYWHERE = {"accelerator": ("auto", "cpu"), "precision": (None, 32, "32", "32-true")}


def check_devices(config: dict[str, Any]) -> None:
    """Try the trainer's options and the compiler; a run that asks for nothing special waits for it.

    Raises:
        ValueError: A device, a precision or a compiler is not there.
    """
    trainer, compiled = config["trainer"], bool(config["model"].get("compile"))
    plain = all(trainer.get(key) in values for key, values in EVERYWHERE.items())
    if plain and not compiled and count_asked(trainer["devices"]) == 1:
        return
    from workflow.devices.checks import check_compiler  # torch comes with it
    from workflow.objects import check_builds, quieten

    quieten()
    device = check_builds(trainer)
    if compiled:
        check_compiler(device)
