"""The evidence as a table for people, and in plain sentences."""

from collections.abc import Iterator
from typing import Any

from lightning_modules.evaluation.interventions.evidence import Evidence
from lightning_modules.evaluation.interventions.measures import (
    AS_THEY_ARE,
    RANDOM,
    Row,
    background_gap,
)

LABELS = {
    AS_THEY_ARE: "as they are",
    "same_background": "background of the same class",
    "next_background": "background of the next class",
    "far_background": "background of a further class",
    RANDOM: "background of a random class",
    "no_roi": "ROI covered: the background alone",
    "mask_only": "nothing but the mask's shape",
}
FULL_LABELS = {AS_THEY_ARE: "as they are", "next_background": "next class's background"}
# points of accuracy above the constant answer from which on a model knows something
NOTABLE = 0.05


def tabulate(evidence: Evidence, metrics: dict[str, Any]) -> list[str]:
    """Lines of the table: the model, worst group and real pairs, and the two reference rows.

    Args:
        evidence: Of the interventions.
        metrics: Of the test, by name.
    """
    lines = [f"{'':36}{'images':>7}{'accuracy':>10}{'95 % interval':>17}{'changed':>9}{'exact':>8}"]
    lines += [_line(_label(name), row) for name, row in evidence.rows.items()]
    lines += list(_measured_lines(metrics))
    lines += [
        _line(f"full mask: {FULL_LABELS[name]}", row)
        for name, row in evidence.full.items()
        if name in FULL_LABELS
    ]
    return [*lines, _line("constant answer", evidence.constant)]


def _label(name: str) -> str:
    if name in LABELS:
        return LABELS[name]
    what, _, how = name.removeprefix("distractor_").rpartition("_")
    return f"{what} erased" if how == "erased" else f"{what} of another class's image"


def _line(label: str, row: Row) -> str:
    interval = ""
    if row.accuracy_low is not None:
        interval = f"{100 * row.accuracy_low:.1f} to {100 * row.accuracy_high:.1f}"
    cells = [
        "" if share is None else f"{100 * share:.1f} %"
        for share in (row.accuracy, row.flip_rate, row.bit_exact_share)
    ]
    return f"{label:36}{row.images:7d}{cells[0]:>10}{interval:>17}{cells[1]:>9}{cells[2]:>8}"


def _measured_lines(metrics: dict[str, Any]) -> Iterator[str]:
    if "test_worst_group" in metrics:
        group = metrics["test_worst_group"]
        share, low, high = (
            metrics[f"test_worst_group_accuracy{end}"] for end in ("", "_low", "_high")
        )
        row = Row(group, metrics["test_groups"][group]["images"], share, share, low, high)
        yield _line(f"worst group: {group}"[:36], row)
    if "test_pair_flip_rate" in metrics:
        share = f"{100 * metrics['test_pair_flip_rate']:.1f} %"
        yield f"{'real pairs':36}{metrics['test_pairs']:7d}{'':27}{share:>9}"


def describe(evidence: Evidence) -> Iterator[str]:
    """Say in plain sentences what the table shows."""
    yield from _say_flips(evidence.rows)
    yield from _say_covered(evidence.rows, evidence.constant)
    yield from _say_distractors(evidence.rows)
    yield from _say_attribution(evidence)


def _say_flips(rows: dict[str, Row]) -> Iterator[str]:
    if RANDOM not in rows:
        return
    random = rows[RANDOM]
    gap = round(100 * background_gap(rows), 1) + 0.0  # never -0.0
    sentence = (
        f"In {100 * random.flip_rate:.0f} of 100 images, changing only the background changes the "
        f"answer, which is right in {100 * random.accuracy:.1f} % then (background gap {gap:.1f} "
        "points)"
    )
    if "next_background" in rows:
        other = rows["next_background"]
        sentence += (
            f"; with the background of the next class it changes in {100 * other.flip_rate:.0f} of "
            f"100 and is right in {100 * other.accuracy:.1f} %"
        )
    yield f"{sentence}."


def _say_covered(rows: dict[str, Row], constant: Row) -> Iterator[str]:
    chance = f"(a constant answer: {100 * constant.accuracy:.1f} %)"
    for name, what in (
        ("no_roi", "With the ROI covered"),
        ("mask_only", "From the mask's shape alone, every colour gone,"),
    ):
        if name in rows:
            row = rows[name]
            known = row.accuracy_low > constant.accuracy + NOTABLE
            told = ": that alone tells it the class" if known else ", as it should be"
            yield f"{what} it is right in {100 * row.accuracy:.1f} % {chance}{told}."


def _say_distractors(rows: dict[str, Row]) -> Iterator[str]:
    for name in [n for n in rows if n.startswith("distractor_") and n.endswith("_erased")]:
        moved = rows.get(name.replace("_erased", "_transplanted"))
        what = name.removeprefix("distractor_").removesuffix("_erased")
        sentence = f"Erasing the {what} changes {100 * rows[name].flip_rate:.0f} of 100 answers"
        if moved is not None:
            sentence += (
                f"; that of another class's image in its stead changes {100 * moved.flip_rate:.0f} "
                f"of 100, which are right in {100 * moved.accuracy:.1f} % then"
            )
        yield f"{sentence}."


def _say_attribution(evidence: Evidence) -> Iterator[str]:
    found, parts = evidence.attribution, []
    for share, where in (
        (found.gradient_outside_mask, "the applied mask"),
        (found.gradient_outside_roi, "the ROI"),
    ):
        if share is not None:
            amount = "exactly 0" if share == 0 else f"{100 * share:.1f} %"
            parts.append(f"{amount} of the input gradient lies outside {where}")
    if found.heat_map_roi_ratio is not None:
        parts.append(
            f"the heat map puts {found.heat_map_roi_ratio:.1f} times as much into the ROI as chance"
        )
    if evidence.stability is not None:
        parts.append(
            "the predicted mask on another background overlaps the first with an IoU of "
            f"{evidence.stability:.2f}"
        )
    if parts:
        yield f"Secondary ({found.num_images} images): {'; '.join(parts)}."
