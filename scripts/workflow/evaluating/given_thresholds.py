"""Thresholds for given answers: named, those of their run, or chosen anew on its validation."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lightning_modules.evaluation.calibration_file import (
    NAME,
    Calibration,
    read_calibration,
    read_calibration_file,
)
from lightning_modules.evaluation.predictions_file import read_predictions
from lightning_modules.evaluation.scores.fitting import (
    Origin,
    find_hindrance,
    fit_calibration,
)
from workflow.call import Call
from workflow.evaluating.frozen import INSTEAD, check_named, find_named, say_fit, say_own
from workflow.evaluating.given_home import VAL, Home
from workflow.plan import instantiate

log = logging.getLogger(__name__)
CHOOSE = ("scores", "scores.operating_point", "scores.at", "scores.cost_ratio")
CHOOSE += ("scores.abstain_risk",)


def find_thresholds(
    file: Path,
    class_names: Sequence[str],
    home: Home | None,
    positive: str | None,
    asked: dict[str, Any],
    call: Call,
) -> Calibration | None:
    """Temperature and thresholds, frozen; nothing is fitted to the answers of the table.

    Args:
        file: The table.
        class_names: Of its answers, in their order.
        home: That it is of; None: it is from elsewhere.
        positive: The positive class of two; None: there are more.
        asked: The resolved configuration.
        call: How it was asked for.

    Raises:
        ValueError: What ``calibration=`` names is of other classes, or a rule was typed and there
            are no validation answers to choose by it.
    """
    rules = [word for word in call.overrides if word.lstrip("+").partition("=")[0] in CHOOSE]
    named = asked["calibration"]
    if named is not None and rules:
        raise ValueError(
            f"{', '.join(rules)} chooses thresholds anew, and calibration={named} names some that "
            "are chosen: leave out one of the two."
        )
    if named is not None:
        return _take_named(named, class_names, file)
    if rules:
        return _choose_anew(file, home, positive, asked, rules)
    return _take_own(file, home)


def _take_named(place: str, class_names: Sequence[str], file: Path) -> Calibration:
    check_named(place, class_names, file)
    path = find_named(place)
    calibration = read_calibration_file(path, INSTEAD)
    log.info(
        "Temperature and thresholds are those of %s, chosen on %s: they suit these answers if they "
        "are of that model, or of one of the same recipe; nothing is fitted to them.",
        path,
        calibration.images,
    )
    return calibration


def _take_own(file: Path, home: Home | None) -> Calibration | None:
    kept = None if home is None else read_calibration(home.folder)
    if kept is None:
        log.info(
            "No %s is known for this table: no temperature, no threshold, no abstaining.", NAME
        )
    elif home.is_pooled:
        log.info(
            "%s was chosen by these very answers, so they are not scored at it.",
            home.folder / NAME,
        )
        return None
    else:
        say_own(home.folder, kept, file.name == VAL)
    return kept


def _choose_anew(
    file: Path, home: Home | None, positive: str | None, asked: dict[str, Any], rules: list[str]
) -> Calibration:
    """By another rule, on the validation images of the run."""
    said, run = ", ".join(rules), None if home is None else home.run
    val = None if run is None else run / VAL
    kept = None if run is None else read_calibration(run)
    if val is None or not val.is_file() or kept is None:
        raise ValueError(
            f"{said} chooses a threshold on validation answers, and none are known for this table: "
            f"that takes a table in the folder of a run that has {VAL} and {NAME}. Leave it out; "
            "scores.resamples may stay."
        )
    table, origin = read_predictions(val), Origin(kept.checkpoint, kept.checkpoint_hash)
    hindrance = find_hindrance(table)
    if hindrance is not None:
        raise ValueError(f"{said}: nothing can be chosen on {val}, as {hindrance}.")
    chosen = fit_calibration(table, positive, instantiate(asked["scores"]), origin)
    log.info(
        "Temperature and thresholds are chosen anew (%s) on the %d validation images of %s; %s",
        said,
        chosen.num_images,
        run,
        say_fit(file.name == VAL),
    )
    return chosen
