"""From answers to numbers: accuracy under each change, and how many answers it changes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from lightning_modules.evaluation.interventions.answers import Answers, Recorded
from lightning_modules.evaluation.interventions.flips import is_flipped, share_ends

AS_THEY_ARE = "as_they_are"
RANDOM = "random_background"
FULL_MASK = "full_mask"
CONSTANT = "constant"
AGREEMENT, UNIT = 5, 6  # places among the columns of changed answers
MIXED = (
    "accuracy",
    "accuracy_before",
    "flip_rate",
    "bit_exact_share",
    "logit_change",
    "unanswered",
)
ORDER = (
    AS_THEY_ARE,
    "same_background",
    "next_background",
    "far_background",
    RANDOM,
    "no_roi",
    "mask_only",
)


@dataclass(frozen=True)
class Row:
    """Some images under one change.

    Args:
        name: Of the change.
        images: How many; in several rounds an image is asked about several times.
        accuracy: Share in [0, 1] that is answered right.
        accuracy_before: The same of these images as they are.
        accuracy_low: Lower end of its 95 % interval, over groups where these are known; None:
            there is none, as all images are of one group or it is a mean of several rows.
        accuracy_high: Its upper end.
        flip_rate: Share in [0, 1] whose answer differs from that to the image as it is, no answer
            being another one; None: it is not changed.
        flip_rate_low: Lower end of its 95 % interval likewise.
        flip_rate_high: Its upper end.
        bit_exact_share: Share in [0, 1] whose logits are the same bit for bit.
        logit_change: Mean over answers of the largest absolute difference of a logit.
        unanswered: Share in [0, 1] that got no answer once changed; counts as wrong.
    """

    name: str
    images: int
    accuracy: float
    accuracy_before: float
    accuracy_low: float | None = None
    accuracy_high: float | None = None
    flip_rate: float | None = None
    flip_rate_low: float | None = None
    flip_rate_high: float | None = None
    bit_exact_share: float | None = None
    logit_change: float | None = None
    unanswered: float | None = None


def measure_rows(answers: Answers, num_classes: int) -> dict[str, Row]:
    """One row a change, and of the same, the next and other backgrounds together a random one."""
    if not answers.as_they_are.num_rows:
        return {}
    labels, logits, unit = answers.as_they_are.columns()
    correct = logits.argmax(axis=1) == labels
    rows = {AS_THEY_ARE: _score(AS_THEY_ARE, correct, len(labels), unit)}
    for name, record in answers.changed.items():
        if record.num_rows:
            rows[name] = _compare(name, record)
    random = _mix_backgrounds(rows, answers.changed, num_classes)
    if random is not None:
        rows[RANDOM] = random
    return dict(sorted(rows.items(), key=lambda item: _place(item[0])))


def _place(name: str) -> tuple[int, str]:
    return (ORDER.index(name) if name in ORDER else len(ORDER), name)


def _score(name: str, correct: np.ndarray, images: int, unit: np.ndarray) -> Row:
    share, ends = float(correct.mean()), share_ends("accuracy", unit, correct, np.ones(len(unit)))
    return Row(name, images, share, share, **ends)


def _compare(name: str, record: Recorded) -> Row:
    number, labels, before, after, answered, _, unit = record.columns()
    answered = answered.astype(bool)
    correct = (after.argmax(axis=1) == labels) & answered
    flipped = is_flipped(before, after, answered)
    # NaN equals nothing, so it never counts as the same
    exact = (before == after).all(axis=1) & answered
    return replace(
        _score(name, correct, len(np.unique(number)), unit),
        accuracy_before=float((before.argmax(axis=1) == labels).mean()),
        flip_rate=float(flipped.mean()),
        **share_ends("flip_rate", unit, flipped, np.ones(len(flipped))),
        bit_exact_share=float(exact.mean()),
        logit_change=float(np.abs(before - after).max(axis=1).mean()),
        unanswered=float((~answered).mean()),
    )


def _mix_backgrounds(
    rows: Mapping[str, Row], changed: Mapping[str, Recorded], num_classes: int
) -> Row | None:
    """Backgrounds of a class drawn at random (Mixed-Rand, arXiv 2006.09994): strata by weight.

    A random class is the own one, or the next one, once in ``num_classes`` times each. A stratum
    that no donor serves is left out.
    """
    weights = {"same_background": 1, "next_background": 1, "far_background": num_classes - 2}
    found = {name: weight for name, weight in weights.items() if weight and name in rows}
    if not found.keys() - {"same_background"}:
        return None
    total = sum(found.values())

    def mean(field: str) -> float:
        return sum(w * getattr(rows[name], field) for name, w in found.items()) / total

    parts = [changed[name].columns() for name in found]
    number, unit = (np.concatenate([part[place] for part in parts]) for place in (0, UNIT))
    flipped = np.concatenate([is_flipped(part[2], part[3], part[4] > 0) for part in parts])
    # of each answer, so that a stratum counts by its weight however many answers it has
    pairs = zip(parts, found.values(), strict=True)
    weights = np.concatenate([np.full(len(part[0]), w / len(part[0])) for part, w in pairs])
    means = {field: mean(field) for field in MIXED}
    means |= share_ends("flip_rate", unit, flipped, weights)
    return Row(RANDOM, len(np.unique(number)), **means)


def background_gap(rows: Mapping[str, Row]) -> float | None:
    """Accuracy on backgrounds of the same class less that on random ones (arXiv 2006.09994).

    Each as the difference to the same images as they are: the two are not of quite the same images,
    and what these differ in by themselves is no gap. None: no image has a donor of its own class.
    """
    if "same_background" not in rows:
        return None
    same, random = rows["same_background"], rows[RANDOM]
    return (same.accuracy - same.accuracy_before) - (random.accuracy - random.accuracy_before)


def measure_constant(answers: Answers) -> Row:
    """The best that a predictor reaches which always gives the same answer; it never flips."""
    labels, _, unit = answers.as_they_are.columns()
    best = np.bincount(labels.astype(int)).argmax()
    row = _score(CONSTANT, labels == best, len(labels), unit)
    return replace(row, flip_rate=0.0, bit_exact_share=1.0, logit_change=0.0)


def mask_stability(answers: Answers) -> float | None:
    """Mean IoU of the masks predicted before and after a swap; None: none were predicted."""
    swapped = [
        r.columns()[AGREEMENT]
        for n, r in answers.changed.items()
        if n.endswith("_background") and r.num_rows
    ]
    agreement = np.concatenate(swapped) if swapped else np.zeros(0)
    known = agreement[np.isfinite(agreement)]
    return float(known.mean()) if len(known) else None
