"""Evaluate a trained model, and how much of it is background; --help lists the options."""

from front import hydra_app
from omegaconf import DictConfig


@hydra_app("evaluate")
def main(cfg: DictConfig) -> None:
    """Find the model, read the data, test, ask; torch is imported when that is all there."""
    from workflow.call import read_call
    from workflow.evaluation import evaluate
    from workflow.journal import Journal

    evaluate(cfg, read_call(), Journal())


if __name__ == "__main__":
    main()
