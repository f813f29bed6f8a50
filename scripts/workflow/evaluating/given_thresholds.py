"""Thresholds for answers that are given: those of the run, or chosen anew on its validation."""

import logging
from pathlib import Path
from typing import Any

from lightning_modules.evaluation.calibration_file import (
    NAME,
    Calibration,
    read_calibration,
    read_calibration_file,
)
from lightning_modules.evaluation.predictions_file import read_predictions
from lightning_modules.evaluation.scores.fitting import Origin, find_hindrance, fit_calibration
from workflow.call import Call
from workflow.evaluating.frozen import INSTEAD, find_named
from workflow.evaluating.given_home import VAL, Home
from workflow.plan import instantiate

log = logging.getLogger(__name__)
CHOOSE = ("scores", "scores.operating_point", "scores.at", "scores.cost_ratio")
CHOOSE += ("scores.abstain_risk",)


def find_thresholds(
    file: Path, home: Home | None, positive: str | None, asked: dict[str, Any], call: Call
) -> Calibration | None:
    """Temperature and thresholds, frozen; nothing is fitted to the answers of the table.

    Args:
        file: The table.
        home: That it is of; None: it is from elsewhere.
        positive: The positive class of two; None: there are more.
        asked: The resolved configuration.
        call: How it was asked for.

    Raises:
        ValueError: A rule was typed, and there are no validation answers to choose by it, or
            ``calibration=`` names none that fits.
    """
    named = find_named(asked["calibration"])
    rules = [word for word in call.overrides if word.lstrip("+").partition("=")[0] in CHOOSE]
    _check(home, named, rules)
    place = named or (None if home is None else home.folder)
    kept = read_calibration_file(named, INSTEAD) if named else place and read_calibration(place)
    if rules:
        kept, place = _choose_anew(home, kept, positive, asked, rules), home.run
    if kept is None:
        log.info(
            "No %s is known for this table: no temperature, no threshold, no abstaining.", NAME
        )
        return None
    log.info(
        "Temperature and thresholds are %s %s, chosen on %s; %s",
        f"chosen anew ({', '.join(rules)}) by" if rules else "those of",
        place,
        kept.images,
        "these are evaluated here, which flatters them."
        if file.name == VAL and named is None
        else "nothing is fitted to the images evaluated here.",
    )
    return kept


def _check(home: Home | None, named: Path | None, rules: list[str]) -> None:
    """What cannot go with each other."""
    if named is not None and home is None:
        raise ValueError(
            "calibration= goes with a table of a run of this project: what it names was chosen by "
            "models of one recipe, and a table from elsewhere is of another. Leave it out."
        )
    if named is not None and rules:
        raise ValueError(
            f"{', '.join(rules)} chooses thresholds anew, and calibration= names some that are "
            "chosen: leave one of them out."
        )


def _choose_anew(
    home: Home | None,
    kept: Calibration | None,
    positive: str | None,
    asked: dict[str, Any],
    rules: list[str],
) -> Calibration:
    """By another rule, on the validation images of the run."""
    val = None if home is None or home.run is None else home.run / VAL
    if val is None or not val.is_file() or kept is None:
        raise ValueError(
            f"{', '.join(rules)} chooses a threshold on validation answers, and none are known for "
            f"this table: that takes a table in the folder of a run that has {VAL} and {NAME}. "
            "Leave it out; scores.resamples may stay."
        )
    table = read_predictions(val)
    hindrance = find_hindrance(table)
    if hindrance is not None:
        raise ValueError(f"{', '.join(rules)} cannot choose a threshold on {val}: {hindrance}.")
    origin = Origin(kept.checkpoint, kept.checkpoint_hash)
    return fit_calibration(table, positive, instantiate(asked["scores"]), origin)
