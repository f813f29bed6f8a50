"""Evaluate a trained model, and how much of it is background; --help lists the options."""

from front import hydra_app
from omegaconf import DictConfig, OmegaConf


@hydra_app("evaluate")
def main(cfg: DictConfig) -> None:
    """Find the model, read the data, test, ask; torch is imported when that is all there."""
    from workflow.call import read_call
    from workflow.evaluation_request import check_evaluation

    call = read_call()
    check_evaluation(OmegaConf.to_container(cfg, resolve=True), call)

    from workflow.evaluation import evaluate
    from workflow.journal import Journal

    evaluate(cfg, call, Journal())


if __name__ == "__main__":
    main()
