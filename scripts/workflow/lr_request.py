"""What is asked of find_lr.py, checked and turned into a plan before torch is imported."""

import math
from typing import Any

from front.conf_tree import CONF
from omegaconf import DictConfig, OmegaConf

from datamodules.problems import raise_problems
from workflow.call import Call
from workflow.plan import Plan, make_plan

FEWEST_STEPS = 20


def plan_search(cfg: DictConfig, call: Call) -> Plan:
    """The plan of the run that the rate is for, with all that only a whole run has left out.

    Raises:
        ValueError: An option is out of its range, or the data has mistakes.
    """
    _check(OmegaConf.to_container(cfg, resolve=True))
    plan = make_plan(cfg, call)
    # the sweep is the schedule, and nothing is validated, drawn or kept of what it trains
    plan.config["scheduler"] = OmegaConf.to_container(OmegaConf.load(CONF / "scheduler/none.yaml"))
    plan.config["callbacks"] = {}
    plan.config["trainer"] |= {"limit_val_batches": 0, "fast_dev_run": False}
    return plan


def _check(asked: dict[str, Any]) -> None:
    problems = []
    if asked["resume"] is not None:
        problems.append("resume goes on with a run; a rate is looked for before one: leave it out")
    rates = {name: asked[name] for name in ("min_lr", "max_lr")}
    for name, rate in rates.items():
        if not isinstance(rate, int | float) or not 0 < rate < math.inf:
            problems.append(f"{name} is {rate!r}, expected a number above 0")
    if not problems and asked["min_lr"] >= asked["max_lr"]:
        problems.append(
            f"min_lr is {asked['min_lr']:g} and max_lr {asked['max_lr']:g}, expected a higher one"
        )
    if asked["num_steps"] < FEWEST_STEPS:
        problems.append(f"num_steps is {asked['num_steps']}, expected at least {FEWEST_STEPS}")
    raise_problems(problems, "the search for a learning rate")
