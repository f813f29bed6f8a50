"""What was trained, how to repeat it, how long it took."""

from pathlib import Path
from typing import Any

from markupsafe import Markup

from lightning_modules.evaluation.promised import PROMISED
from lightning_modules.evaluation.report.blocks import (
    code,
    fold,
    heading,
    paragraph,
    sentence,
    table,
    term,
)
from lightning_modules.evaluation.report.page import Section
from lightning_modules.evaluation.report.record import Record
from lightning_modules.evaluation.report.sections.training_time import show_time
from lightning_modules.evaluation.report.wording import percent_range


def write_training(record: Record) -> Section:
    """Model, data, gate; the command; versions, machine and time."""
    what = "What was trained" if record.trained else "What was evaluated"
    blocks = [table(["", ""], _rows(record))]
    if record.command:
        blocks += [heading("The command that repeats it"), code(_command(record))]
        blocks.append(paragraph(_say_repeat(record)))
    blocks += show_time(record)
    versions = record.facts.get("versions", {})
    if versions:
        rows = [[name, version] for name, version in versions.items()]
        blocks.append(fold("Versions and machine", [table(["", ""], rows)]))
    return Section("training", what, blocks)


def _rows(record: Record) -> list[list[object]]:
    config, facts, metrics = record.config, record.facts, record.metrics
    model = facts.get("model", {})
    gate = model.get("gate", _last(config.get("gate")))
    promise = metrics.get("gate_promise", model.get("promise"))
    size = config.get("data", {}).get("image_size")
    rows: list[list[object]] = [
        ["Backbone", model.get("backbone", config.get("model", {}).get("backbone"))],
        ["Parameters", f"{model['parameters']:,}" if "parameters" in model else None],
        [term("gate", "Gate"), gate],
        ["The gate promises", PROMISED.get(promise)],
        [term("margin", "Margin"), _pixels(metrics.get("gate_dilate"))],
        ["Start", _start(record)],
        ["Input", " x ".join(map(str, size)) if isinstance(size, list) else _pixels(size)],
        ["Data", _data(record)],
        ["Cross-validation", _folds(record)],
        _source(record),
        [term("seed", "Seed"), config.get("seed")],
        ["Epochs", _epochs(record)],
        ["Optimizer", _optimizer(record)],
        ["Finished", facts.get("finished")],
    ]
    return [row for row in rows if row[1] is not None]


def _data(record: Record) -> str | None:
    data = record.config.get("data") or {}
    name = record.facts.get("data", {}).get("name")
    if name is None and data.get("manifest"):
        name = _file(data["manifest"])
    return _last(data) if name is None else record.names.path(name)


def _source(record: Record) -> list[object]:
    """What was evaluated, and with the run that it is of, where it is of one."""
    if record.given:
        file = Path(str(record.config["predictions"]))
        parts = file.parts[-3:] if file.stem.endswith("predictions") else (file.name,)
        return ["Table of answers", record.names.path("/".join(parts))]
    file = "" if record.trained else str(record.config.get("ckpt") or "")
    return ["Checkpoint", record.names.scrub("/".join(Path(file).parts[-4:])) or None]


def _folds(record: Record) -> str | None:
    """How many models answered, and how far apart they are."""
    metrics = record.metrics
    if "num_pooled_folds" not in metrics:
        return None
    said = (
        f"{metrics['num_pooled_folds']} of {metrics['num_folds']} folds: as many models, each "
        "asked about images that it was not trained on"
    )
    ends = [metrics.get(f"test_accuracy_fold_{end}") for end in ("min", "max")]
    return said if None in ends else f"{said}; the models are right in {percent_range(ends)}"


def _start(record: Record) -> str | None:
    if not record.trained:
        return None
    pretrained = record.config.get("model", {}).get("pretrained")
    if record.config.get("init_from"):
        return f"the weights of {record.names.scrub(str(record.config['init_from']))}"
    if pretrained in (False, None):
        return "from scratch (random weights)"
    if pretrained is True:
        return "pretrained weights"
    return f"pretrained weights ({record.names.path(_file(pretrained))})"


def _file(path: object) -> str:
    return str(path).replace("\\", "/").rpartition("/")[2]


def _epochs(record: Record) -> str | None:
    if not record.history:
        return None
    return f"{len(record.history)} of at most {record.config['trainer'].get('max_epochs')}"


def _optimizer(record: Record) -> str | None:
    optimizer = record.config.get("optimizer") or {}
    name = optimizer.get("name", _last(optimizer))
    if not record.trained or name is None:
        return None
    rate = optimizer.get("lr")
    return name if rate is None else f"{name}, learning rate {rate:g}"


def _last(config: dict[str, Any] | None) -> str | None:
    target = (config or {}).get("_target_")
    return None if target is None else target.rpartition(".")[2]


def _pixels(value: object) -> str | None:
    return None if value is None else f"{value} px"


def _command(record: Record) -> str:
    seed = f"seed={record.config['seed']}" if "seed" in record.config else ""
    words = record.command if seed in record.command else f"{record.command} {seed}"
    return record.names.scrub(words)


def _say_repeat(record: Record) -> Markup:
    if record.trained:
        return sentence(
            "Started again with the same {seed}, versions and kind of machine it gives the same "
            "run. Everything that was decided by default stands in config.yaml of its folder.",
            seed=term("seed"),
        )
    return sentence("What was decided by default stands in config.yaml of its folder.")
