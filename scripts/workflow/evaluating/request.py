"""Evaluations that cannot be; found before torch is imported or any file is read."""

from collections.abc import Iterator
from typing import Any

from datamodules.problems import raise_problems
from lightning_modules.checkpoint_file import check_file
from lightning_modules.evaluation.calibration_file import read_calibration
from lightning_modules.evaluation.requirements.file import Requirement
from lightning_modules.evaluation.robustness.names import choose_slices
from workflow.call import Call
from workflow.evaluating.early import is_as_trained
from workflow.evaluating.frozen import check_named, find_known_classes
from workflow.evaluating.requirements import read_required
from workflow.option_request import find_option_problems
from workflow.places import check_out, find_checkpoint
from workflow.request import check_test

SPLITS = ("train", "val", "test", "all")
# options of the data that the model has decided
DECIDED = ("image_size", "classes", "roi_fraction")


def check_evaluation(asked: dict[str, Any], call: Call) -> list[Requirement]:
    """Check what is asked of an evaluation.

    Args:
        asked: The resolved configuration.
        call: How it was asked for.

    Returns:
        What is required of its results.

    Raises:
        ValueError: It cannot be, or there is no such checkpoint.
    """
    problems = [*_find_chosen(asked, call), *_find_values(asked), *_find_foreign(asked)]
    raise_problems([one.rstrip(".") for one in problems], "the configuration")
    check_test(asked)
    if asked["out"] is not None:
        check_out(asked["out"], "Name another folder.")
    if asked["backbone"] is not None:
        return read_required(asked["require"])
    file = find_checkpoint(asked["ckpt"], asked["which"])
    check_file(file)
    if asked["calibration"] is None:
        read_calibration(file.parent)
    check_named(asked["calibration"], find_known_classes(file), file)
    return read_required(asked["require"], file.parents[1])


def _find_chosen(asked: dict[str, Any], call: Call) -> Iterator[str]:
    """What was typed and is the model's own."""
    typed = {word.lstrip("+").partition("=")[0] for word in call.overrides}
    foreign_parts = typed & {"gate", "extras", "model", "loss", "augment", "optimizer", "scheduler"}
    decided = typed & {f"data.{name}" for name in DECIDED[foreign_size(asked) :]}
    if "folds" in typed:  # and is empty, or the folds would be pooled
        yield (
            "folds is empty: name the folder of a sweep over data.fold, or leave it out to "
            "evaluate one model"
        )
    if foreign_parts or decided:
        yield (
            f"{', '.join(sorted(foreign_parts | decided))} cannot be chosen: the model that is "
            "evaluated has its own. Leave it out"
        )


def _find_values(asked: dict[str, Any]) -> Iterator[str]:
    if not 0 <= asked["seed"] < 2**32:
        yield f"seed is {asked['seed']}, expected 0 to 2**32 - 1"
    if asked["split"] not in (None, *SPLITS):
        yield f"split is {asked['split']!r}, expected {', '.join(SPLITS)} or null"
    if asked["data"].get("batch_size") == "auto":
        yield (
            "data.batch_size=auto fits a training step into the memory, and nothing is trained "
            "here: set a number, such as data.batch_size=64"
        )
    yield from find_scoring_problems(asked)
    try:
        choose_slices(asked["slices"])
    except ValueError as error:
        yield str(error)
    if asked["slice_images"] < 1:
        yield f"slice_images is {asked['slice_images']}, expected at least 1"
    if asked["trainer"].get("limit_test_batches") == 0:
        yield "trainer.limit_test_batches is 0, so nothing would be evaluated"
    if asked["which"] not in ("best", "last"):
        yield f"which is {asked['which']!r}, expected best or last"


def find_scoring_problems(asked: dict[str, Any]) -> Iterator[str]:
    """Values that cannot be of options by which answers are scored, whoever gave them."""
    if asked["aggregate"] not in ("mean", "max"):
        yield f"aggregate is {asked['aggregate']!r}, expected mean or max"
    yield from find_option_problems(asked)


def _find_foreign(asked: dict[str, Any]) -> Iterator[str]:
    """What goes with weights that were trained elsewhere, and with no others."""
    names = [str(name) for name in asked["classes"]]
    if isinstance(asked["classes"], str) or len(set(names)) < len(names):
        yield (
            f"classes is {asked['classes']}, expected a list that names each class once, such as "
            '"classes=[apple,tomato]"'
        )
    foreign, chosen = asked["backbone"] is not None, not is_as_trained(asked["data"])
    if foreign and not (chosen and len(asked["classes"]) > 1):
        yield (
            "backbone= is for weights that were trained elsewhere. They need ckpt=<file>, data=... "
            "and classes=..., the classes in the order of the outputs, such as "
            "'classes=[apple,tomato]'"
        )
    if foreign and asked["calibration"] is not None:
        yield (
            "calibration= goes with a checkpoint of this project: what it names was chosen by "
            "models of one recipe, and weights that were trained elsewhere are of another. Leave "
            "it out"
        )
    if not foreign and asked["classes"]:
        yield (
            "classes= goes with backbone=, for weights that were trained elsewhere: a checkpoint "
            "of this project knows its own"
        )


def foreign_size(asked: dict[str, Any]) -> int:
    """1 where the input's size is to be chosen: weights from elsewhere do not tell it."""
    return int(asked["backbone"] is not None)
