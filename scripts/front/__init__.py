"""The front door of every command: command line, check of the configuration, errors.

Nothing in here imports torch: help and configuration errors take half a second. A command reads:

    from front import hydra_app

    @hydra_app("train")
    def main(cfg: DictConfig) -> None:
        from workflow.fit import run  # heavy imports inside
        run(cfg)
"""

from front.app import hydra_app
from front.outcome import RequirementNotMet

__all__ = ["RequirementNotMet", "hydra_app"]
