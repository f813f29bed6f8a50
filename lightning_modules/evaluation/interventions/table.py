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
# width of an interval from which on nothing is said, and flips below which nothing was read
VAGUE, UNMOVED = 0.25, 0.1


def tabulate(evidence: Evidence, metrics: dict[str, Any]) -> list[str]:
    """Lines of the table: the model, worst group and real pairs, and the two reference rows.

    Args:
        evidence: Of the interventions.
        metrics: Of the test, by name.
    """
    heads = f"{'before':>9}{'right':>9}{'95 % interval':>17}{'changed':>9}{'identical':>11}"
    lines = [f"{'':36}{'images':>7}{heads}"]
    lines += [_line(_label(name), row) for name, row in evidence.rows.items()]
    lines += list(_measured_lines(metrics))
    lines += [
        _line(f"without mask: {FULL_LABELS[name]}", row)
        for name, row in evidence.full.items()
        if name in FULL_LABELS and row != evidence.rows.get(name)  # else there is no mask
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
    before = None if row.flip_rate is None else row.accuracy_before  # of the same images
    cells = [
        "" if share is None else f"{100 * share:.1f} %"
        for share in (before, row.accuracy, row.flip_rate, row.bit_exact_share)
    ]
    shown = f"{cells[0]:>9}{cells[1]:>9}{interval:>17}{cells[2]:>9}{cells[3]:>11}"
    return f"{label:36}{row.images:7d}{shown}"


def _measured_lines(metrics: dict[str, Any]) -> Iterator[str]:
    if "test_worst_group" in metrics:
        group = metrics["test_worst_group"]
        share, low, high = (
            metrics.get(f"test_worst_group_accuracy{end}") for end in ("", "_low", "_high")
        )
        row = Row(group, metrics["test_groups"][group]["images"], share, share, low, high)
        yield _line(f"worst group: {group}"[:36], row)
    if "test_pair_flip_rate" in metrics:
        right, changed = (
            f"{100 * metrics[f'test_pair_{name}']:.1f} %" for name in ("accuracy", "flip_rate")
        )
        yield f"{'real pairs':36}{metrics['test_pairs']:7d}{right:>18}{'':17}{changed:>9}"


def describe(evidence: Evidence) -> Iterator[str]:
    """Say in plain sentences what the table shows."""
    yield from _say_flips(evidence.rows)
    yield from _say_covered(evidence.rows, evidence.constant)
    yield from _say_distractors(evidence.rows)
    yield from _say_attribution(evidence)


def _say_flips(rows: dict[str, Row]) -> Iterator[str]:
    if RANDOM not in rows:
        yield "No background was swapped: no image has a donor of another class and group."
        return
    random, gap = rows[RANDOM], background_gap(rows)
    sentence = f"In {_of_100(random)}, changing only the background changes the answer"
    if gap is not None:
        sentence += f" (background gap {round(100 * gap, 1) + 0.0:.1f} points)"  # never -0.0
    sentence += f"; {_right(random)}"
    if "next_background" in rows:
        other = rows["next_background"]
        sentence += f". With the background of the next class: in {_of_100(other)}, {_right(other)}"
    if random.unanswered:
        sentence += f". {100 * random.unanswered:.0f} of 100 get no answer then"
    yield f"{sentence}."


def _of_100(row: Row) -> str:
    said = f"{100 * row.flip_rate:.0f} of 100 images"
    if row.flip_rate_low is None:
        return said
    ends = f"{100 * row.flip_rate_low:.0f} to {100 * row.flip_rate_high:.0f}"
    return f"{said} ({row.images} asked about, 95 % interval {ends})"


def _right(row: Row) -> str:
    return f"{100 * row.accuracy:.1f} % are right then, {100 * row.accuracy_before:.1f} % before"


def _say_covered(rows: dict[str, Row], constant: Row) -> Iterator[str]:
    if constant.accuracy == 1:
        yield "All of these images are of one class: what tells it apart cannot be seen."
        return
    chance = f"(a constant answer: {100 * constant.accuracy:.1f} %)"
    for name, what in (
        ("no_roi", "With the ROI covered"),
        ("mask_only", "From the mask's shape alone, every colour gone,"),
    ):
        if name in rows:
            right = f"{100 * rows[name].accuracy:.1f} %"
            yield f"{what} it is right in {right} {chance}{_judge(rows[name], constant)}."


def _judge(row: Row, constant: Row) -> str:
    """What an accuracy without the ROI, or without any image, comes to."""
    if row.accuracy_low is None:
        return "; these are images of one group, too few to tell"
    if row.accuracy_low > constant.accuracy + NOTABLE:
        return ": that alone tells it the class"
    if row.accuracy_high - row.accuracy_low > VAGUE:
        return "; these are too few images to tell"
    if row.name == "no_roi" and row.flip_rate < UNMOVED:
        return f"; that changes {100 * row.flip_rate:.0f} of 100 answers: it hardly reads the ROI"
    if row.accuracy_high > constant.accuracy + VAGUE:
        return ", which is not certain to be more"
    return ", as it should be"


def _say_distractors(rows: dict[str, Row]) -> Iterator[str]:
    found = [name for name in rows if name.startswith("distractor_")]
    for what in dict.fromkeys(n.removeprefix("distractor_").rpartition("_")[0] for n in found):
        parts = []
        for how, words in (
            ("erased", f"Erasing the {what}"),
            ("transplanted", f"the {what} of another class's image"),
        ):
            row = rows.get(f"distractor_{what}_{how}")
            if row is not None:
                changed = f"{100 * row.flip_rate:.0f} of 100 answers"
                parts.append(f"{words} changes {changed}, {_right(row)}")
        sentence = "; ".join(parts)
        yield f"{sentence[0].upper()}{sentence[1:]}."


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
        yield f"Secondary evidence ({found.num_images} images): {'; '.join(parts)}."
