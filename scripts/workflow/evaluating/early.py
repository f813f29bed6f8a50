"""Words of an evaluation that its table must know; found before torch is imported.

The table is read for them, which is quick beside the images that it names.
"""

from collections.abc import Collection
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from datamodules.splitting.groups import find_groups
from datamodules.tables.classes import settle_model_classes
from datamodules.tables.decisions import read_columns
from lightning_modules.evaluation.units import GROUP, IMAGE, check_unit
from workflow.call import Call
from workflow.evaluating.frozen import find_known_classes
from workflow.places import find_checkpoint
from workflow.plan import instantiate
from workflow.resuming.run_config import load_config

# what the run said of its images holds for others too, unless it is said anew
KEPT = ("roi_at_test", "window")


def choose_data(asked: dict[str, Any], call: Call, own: dict[str, Any]) -> dict[str, Any]:
    """The data of an evaluation: the run's own with what was typed of it, or other data.

    Args:
        asked: The resolved configuration.
        call: How it was asked for.
        own: The configuration that the model was trained by.
    """
    data = asked["data"]
    if is_as_trained(data):
        kept = ("_target_", "corrections")  # the split is checked before labels are corrected
        return own["data"] | {n: v for n, v in data.items() if v is not None and n not in kept}
    typed = {word.partition("=")[0] for word in call.overrides}
    kept = {name: own.get("data", {}).get(name, data[name]) for name in KEPT}
    return data | {n: v for n, v in kept.items() if f"data.{n}" not in typed}


def is_as_trained(data: dict[str, Any]) -> bool:
    """Whether the images are those of the run itself."""
    return data["_target_"].endswith("AsTrained")


def check_words(asked: dict[str, Any], call: Call) -> None:
    """Stop where the table has not what ``by=``, ``unit=`` or the model needs of it.

    Where the folder of the model's run tells less, less is checked here.

    Args:
        asked: The resolved configuration, which ``check_evaluation`` has checked.
        call: How it was asked for.

    Raises:
        ValueError: Something is not there.
    """
    corrections = asked["data"].get("corrections")
    if corrections is not None:
        read_columns(Path(corrections).expanduser())
    foreign = asked["backbone"] is not None
    file = None if foreign else find_checkpoint(asked["ckpt"], asked["which"])
    own = {} if file is None else _find_config(file.parents[1])
    as_trained, named = is_as_trained(asked["data"]), asked["by"] or asked["unit"] != IMAGE
    if as_trained and not (named and "data" in own):
        return
    options = instantiate(choose_data(asked, call, own))
    raw = options.read_mapped([])
    check_columns(raw.name, raw.columns.column_names, ("by", asked["by"]))
    grouped = asked["unit"] == GROUP and find_groups(raw, options.group_from, []) is not None
    check_unit(asked["unit"], raw.columns.column_names, grouped)
    classes = asked["classes"] if file is None else find_known_classes(file)
    if classes and not as_trained:
        settle_model_classes(raw, classes)


def check_columns(name: str, columns: Collection[str], *asked: tuple[str, str | None]) -> None:
    """Stop where keys name columns that the table of this name has not.

    Args:
        name: Of the table.
        columns: That it has.
        asked: Each key with its column; None: it names none.

    Raises:
        ValueError: All that are not there are named.
    """
    missing = [f"{key}={column}" for key, column in asked if column not in (None, *columns)]
    if missing:
        raise ValueError(
            f"{', '.join(missing)}: {name} has no such column. Columns: "
            f"{', '.join(columns) or 'none to choose from'}."
        )


def _find_config(run: Path) -> dict[str, Any]:
    """The configuration of a run; none where it is not there or damaged: its checkpoint has it."""
    try:
        return OmegaConf.to_container(load_config(run / "config.yaml"))
    except (OSError, ValueError):
        return {}
