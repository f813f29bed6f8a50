"""Measure how fast parts of the project are, as ratios within one run; --help lists the options."""

from front import hydra_app
from omegaconf import DictConfig


@hydra_app("benchmark")
def main(cfg: DictConfig) -> None:
    """Draw what is measured with, measure, print and write down."""
    from workflow.benchmark import measure
    from workflow.journal import Journal

    measure(cfg, Journal())


if __name__ == "__main__":
    main()
