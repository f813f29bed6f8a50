"""Thresholds for answers that are given: those of the run, or chosen anew on its validation."""

import logging
from pathlib import Path
from typing import Any

from lightning_modules.evaluation.calibration_file import NAME, Calibration, read_calibration
from lightning_modules.evaluation.predictions_file import read_predictions
from lightning_modules.evaluation.scores.fitting import Origin, fit_calibration
from workflow.call import Call
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
        ValueError: A rule was typed, and there are no validation answers to choose by it.
    """
    kept = None if home is None else read_calibration(home.folder)
    rules = [word for word in call.overrides if word.lstrip("+").partition("=")[0] in CHOOSE]
    if rules:
        kept = _choose_anew(home, kept, positive, asked, rules)
        flattering = file.name == VAL
        log.info(
            "Temperature and thresholds are chosen anew (%s) on the %d validation images of %s; %s",
            ", ".join(rules),
            kept.num_images,
            home.run,
            _say_fit(flattering),
        )
    elif kept is None:
        log.info(
            "No %s is known for this table: no temperature, no threshold, no abstaining.", NAME
        )
    else:
        log.info(
            "Temperature and thresholds are those of %s, chosen on %d validation images; %s",
            home.folder,
            kept.num_images,
            _say_fit(file.name == VAL),
        )
    return kept


def _say_fit(flattering: bool) -> str:
    if flattering:
        return "these are evaluated here, which flatters them."
    return "nothing is fitted to the images evaluated here."


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
    origin = Origin(kept.checkpoint, kept.checkpoint_hash)
    chosen = fit_calibration(read_predictions(val), positive, instantiate(asked["scores"]), origin)
    if chosen is None:
        raise ValueError(f"{', '.join(rules)}: {val} has no answers to choose a threshold on.")
    return chosen
