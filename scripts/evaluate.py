"""Evaluate a trained model, and how much of it is background; --help lists the options."""

from front import hydra_app
from omegaconf import DictConfig, OmegaConf


@hydra_app("evaluate")
def main(cfg: DictConfig) -> None:
    """Find the model, read the data, test, ask; torch is imported when that is all there."""
    from workflow.call import read_call
    from workflow.evaluating.request import check_evaluation
    from workflow.journal import Journal

    call = read_call()
    if cfg.folds:
        from workflow.evaluating.cross_validation import evaluate_folds

        evaluate_folds(cfg, call, Journal())
        return
    if cfg.predictions is not None:
        from workflow.evaluating.given_predictions import evaluate_predictions

        evaluate_predictions(cfg, call, Journal())
        return
    if cfg.sets:
        from workflow.evaluating.several_sets import evaluate_sets

        evaluate_sets(cfg, call, Journal())
        return
    check_evaluation(OmegaConf.to_container(cfg, resolve=True), call)

    from workflow.evaluating.evaluation import evaluate

    evaluate(cfg, call, Journal())


if __name__ == "__main__":
    main()
