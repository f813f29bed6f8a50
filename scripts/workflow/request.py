"""Requests that are well formed and still cannot be met; found before any file is read."""

from collections.abc import Iterator
from typing import Any

from front.processes import this_process

from datamodules.augmentation.ranges import find_augment_problems
from datamodules.problems import raise_problems
from workflow.call import Call
from workflow.devices.request import count_asked, find_device_problems
from workflow.evaluating.requirements import read_required
from workflow.logger_request import find_logger_problems
from workflow.option_request import find_option_problems
from workflow.recipe import find_recipe_problems

OWNED = (
    "callbacks",
    "default_root_dir",
    "enable_model_summary",
    "enable_progress_bar",
    "logger",
    "plugins",
)


def check_request(config: dict[str, Any], call: Call) -> None:
    """Check the values of a resolved configuration against each other.

    Raises:
        ValueError: Something cannot be; all problems are listed.
    """
    problems = [*_find_own(config, call), *_find_trainer(config), *_find_monitors(config)]
    problems += find_recipe_problems(config)
    problems += find_logger_problems(config)
    problems += find_augment_problems(config["augment"])
    problems += find_option_problems(config)
    raise_problems(problems, "the configuration")
    read_required(config.get("require"))


def check_test(config: dict[str, Any]) -> None:
    """Check the trainer of a test that nothing is trained before; raises as ``check_request``."""
    trainer, process = config["trainer"], this_process()
    if process.several:
        raise ValueError(
            f"{process.num_processes} processes of this command were started (torchrun, srun), and "
            "it starts its own: call it once, with trainer=ddp or trainer.devices=<number>."
        )
    # batches are dealt out whole, so that any size will do
    problems = list(_find_trainer(config | {"data": {}}))
    limit = trainer.get("limit_test_batches", 1.0)
    limited = isinstance(limit, int) or limit != 1.0  # 1 is one batch, 1.0 all of them
    if count_asked(trainer["devices"]) != 1 and limited:
        problems.append("trainer.limit_test_batches needs one device: trainer.devices=1")
    raise_problems(problems, "the configuration")


def _find_own(config: dict[str, Any], call: Call) -> Iterator[str]:
    if not 0 <= config["seed"] < 2**32:
        yield f"seed is {config['seed']}, expected 0 to 2**32 - 1"
    if config.get("which", "best") not in ("best", "last"):
        yield f"which is {config['which']!r}, expected best or last"
    name = config["name"]
    if name is not None and (name in ("", ".", "..", "latest") or set(name) & set("/\\:")):
        yield f"name is {name!r}; it names a folder below outputs/runs: no slash, colon or 'latest'"
    if config.get("require") is not None and not config["test"]:
        yield "require is about the test, and test=false leaves it out: leave one of them out"
    if config["out"] is not None and call.sweep_folder is not None:
        yield "out names one folder, and a sweep needs one a job: leave it out with --multirun"


def _find_trainer(config: dict[str, Any]) -> Iterator[str]:
    trainer = config["trainer"]
    for key in OWNED:
        if key in trainer:
            yield f"trainer.{key} is the project's own and cannot be set"
    if trainer.get("max_epochs") is None or trainer["max_epochs"] < 1:
        yield f"trainer.max_epochs is {trainer.get('max_epochs')}, expected at least 1"
    yield from find_device_problems(config, this_process())
    if trainer.get("limit_val_batches") == 0:
        yield (
            "trainer.limit_val_batches is 0, but the best checkpoint is chosen on validation "
            "images: expected more than 0"
        )


def _find_monitors(config: dict[str, Any]) -> Iterator[str]:
    for name, callback in config["callbacks"].items():
        monitor, mode = (callback or {}).get("monitor"), (callback or {}).get("mode")
        if monitor and mode and mode != ("min" if monitor.endswith("loss") else "max"):
            yield (
                f"callbacks.{name}.mode is {mode!r} for {monitor}: a loss is best at its lowest "
                "(min), any other metric at its highest (max)"
            )
