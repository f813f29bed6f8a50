"""Values of option groups that cannot be, whichever command they are typed for."""

from collections.abc import Iterator, Mapping
from typing import Any

from lightning_modules.evaluation.alarms import AlarmOptions
from lightning_modules.evaluation.interventions.options import Interventions
from lightning_modules.evaluation.report.options import ReportOptions
from lightning_modules.evaluation.scores.options import find_score_problems

KINDS = {"alarms": AlarmOptions, "interventions": Interventions, "report": ReportOptions}


def find_option_problems(config: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the values of the groups that a configuration has, in sentences."""
    if config.get("scores") is not None:
        yield from find_score_problems(config["scores"])
    for group, kind in KINDS.items():
        if config.get(group) is not None:
            values = {name: value for name, value in config[group].items() if name != "_target_"}
            try:
                kind(**values)
            except ValueError as error:
                yield str(error).rstrip(".")
