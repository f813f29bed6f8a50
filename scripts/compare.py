"""Compare trained models on the same images: which is better, and whether that can be told."""

from front import hydra_app
from omegaconf import DictConfig, OmegaConf


@hydra_app("compare")
def main(cfg: DictConfig) -> None:
    """Find the results, pair them, say which is better, write it down; torch is not imported."""
    from workflow.comparing.request import check_comparison

    asked = check_comparison(OmegaConf.to_container(cfg, resolve=True))

    from workflow.call import read_call
    from workflow.comparing.comparison import compare_runs
    from workflow.journal import Journal

    compare_runs(asked, read_call(), Journal())


if __name__ == "__main__":
    main()
