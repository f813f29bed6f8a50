"""What a run came to, in words for one screen."""

import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from lightning_modules.durations import say_time
from lightning_modules.evaluation.promised import PROMISED
from workflow.runs.records import MAIN, Record
from workflow.runs.table import say_score

# metrics that are shown, by the words for them
SCORES = {
    MAIN: "macro F1",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "auroc": "AUROC",
    "ece": "ECE",
    "loss": "loss",
}
BACKGROUND = (
    ("flip_rate", "of answers change with a random background"),
    ("no_roi_accuracy", "are right with the ROI filled in (chance is best)"),
    ("pair_flip_rate", "of pairs that differ in the background alone get two answers"),
)


def say_duration(folder: Path) -> str:
    """How long it trained, behind a comma; nothing where it is not known."""
    try:
        with (folder / "timing.csv").open(encoding="utf-8", newline="") as file:
            seconds = sum(float(row["seconds"]) for row in csv.DictReader(file))
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return f", trained for {say_time(seconds)}"


def say_epochs(record: Record) -> str:
    """``3 of 6 epochs``."""
    done, of = record.status.get("epoch", 0), record.about.get("epochs", "?")
    return f"{done} of {of} epochs"


def count_split(file: Path) -> dict[str, dict[str, int]]:
    """Images and groups of each split by split.csv; nothing where it cannot be read."""
    images, groups = Counter(), {}
    try:
        with file.open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines):
                images[row["split"]] += 1
                if row.get("group"):
                    groups.setdefault(row["split"], set()).add(row["group"])
    except (OSError, ValueError, KeyError, csv.Error):
        return {}
    return {
        name: {"images": images[name], "groups": len(groups.get(name, ()))}
        for name in ("train", "val", "test")
        if images[name]
    }


def say_split(split: dict[str, dict[str, int]]) -> str:
    """Images and groups of each split, behind a comma."""
    parts = [
        f"{name} {count['images']}" + (f" of {count['groups']} groups" if count["groups"] else "")
        for name, count in split.items()
    ]
    return f", images: {', '.join(parts)}" if parts else ""


def say_scores(record: Record, phase: str) -> str:
    """The main metrics of ``val`` or ``test``; nothing where there are none."""
    parts = []
    for name, words in SCORES.items():
        metric = record.val_metric(name) if phase == "val" else f"test_{name}"
        if text := say_score(record, metric):
            best = " at its best epoch" if metric.startswith("best_") else ""
            parts.append(f"{words} {text}{best}")
    return ", ".join(parts)


def say_test(record: Record) -> str:
    """What the test came to."""
    scores = say_scores(record, "test")
    if not scores:
        return "not tested"
    intervals = " (in brackets: 95 % intervals)" if "(" in scores else ""
    return f"{scores}{intervals}"


def say_background(record: Record) -> Iterator[tuple[str, str]]:
    """The worst group, and what other backgrounds change: a word and a sentence each."""
    worst = record.metrics.get("test_worst_group")
    if worst:
        yield "worst group", f"{worst}: accuracy {say_score(record, 'test_worst_group_accuracy')}"
    plain = say_score(record, f"control_test_{MAIN}")
    if plain:
        yield "control", f"the plain model by the same settings: {SCORES[MAIN]} {plain}"
    parts = [
        (100 * value, words)
        for name, words in BACKGROUND
        if (value := record.score(f"test_{name}")) is not None
    ]
    promise = record.metrics.get("gate_promise")
    if promise:
        yield "background", f"the gate promises {PROMISED.get(str(promise), promise)}"
    for number, (value, words) in enumerate(parts):
        yield "" if number or promise else "background", f"{value:5.1f} % {words}"
