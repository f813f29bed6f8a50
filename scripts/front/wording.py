"""How answers are worded: nearest names, hints for words of other libraries, lists of problems."""

import difflib
from collections.abc import Iterable

MAX_LISTED = 12

# What people type at top level, coming from Keras, Lightning or timm, and how it is called here.
HINTS = {
    "epochs": "trainer.max_epochs",
    "max_epochs": "trainer.max_epochs",
    "num_epochs": "trainer.max_epochs",
    "precision": "trainer.precision",
    "gpus": "trainer.devices",
    "devices": "trainer.devices",
    "accelerator": "trainer.accelerator",
    "batch_size": "data.batch_size",
    "image_size": "data.image_size",
    "img_size": "data.image_size",
    "num_workers": "data.num_workers",
    "classes": "data.classes",
    "manifest": "data.manifest (with data=manifest)",
    "csv": "data.manifest (with data=manifest)",
    "image_dir": "data.images (with data=folder)",
    "data_dir": "data.images (with data=folder)",
    "images": "data.images (with data=folder)",
    "masks": "data.masks (with data=folder)",
    "lr": "optimizer.lr",
    "learning_rate": "optimizer.lr",
    "weight_decay": "optimizer.weight_decay",
    "backbone": "model.backbone",
    "model_name": "model.backbone",
    "dropout": "model.dropout",
    "pretrained": "model.pretrained",
    "label_smoothing": "loss.label_smoothing",
}
# Lightning has one word for three things, and people type it for each of them.
CKPT_WORDS = ("ckpt_path", "ckpt", "checkpoint", "resume_from_checkpoint", "load_from")
THREE_WORDS = (
    "is not an option: it could mean three things. train.py resume=<run> goes on with a run in its"
    " own folder; train.py init_from=<run or file> starts a new run from its weights;"
    " evaluate.py ckpt=<run or file> tests it"
)


def nearest(name: str, known: Iterable[str], count: int = 1, cutoff: float = 0.6) -> list[str]:
    """The known names that look most like ``name``, best first."""
    by_lower = {one.lower(): one for one in known}
    found = difflib.get_close_matches(name.lower(), by_lower, n=count, cutoff=cutoff)
    return [by_lower[one] for one in found]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """' Did you mean 'x'?', or nothing when no known name is near."""
    found = nearest(name, known)
    return f" Did you mean '{found[0]}'?" if found else ""


def listed(title: str, names: Iterable[str]) -> str:
    """' Title: a, b, c', or nothing when there are too many to read or none at all."""
    ordered = sorted(names)
    return f" {title}: {', '.join(ordered)}" if 0 < len(ordered) <= MAX_LISTED else ""


def unknown_top_level(key: str, known: Iterable[str]) -> str:
    """What to say about a top-level key that no command knows."""
    known = sorted(known)
    if key in CKPT_WORDS and key not in known:
        return f"{key} {THREE_WORDS}"
    if key in HINTS and HINTS[key].split(".")[0] in known:
        return f"{key} is not an option. It is called {HINTS[key]}"
    guess = did_you_mean(key, known) or f" Options: {', '.join(known)}"
    return f"{key} is not an option.{guess}"


def format_problems(problems: list[str]) -> str:
    """All problems under one heading."""
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    lines = [line.replace("\n", "\n    ") for line in problems]
    return "\n  ".join([f"{count} in the configuration:", *lines])
