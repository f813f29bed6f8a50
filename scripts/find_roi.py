"""Find regions of interest in images that have none; --help lists the options."""

from front import hydra_app
from omegaconf import DictConfig


@hydra_app("find_roi")
def main(cfg: DictConfig) -> None:
    """Read the data, look into the images, write what was found and what was missed."""
    from workflow.call import read_call
    from workflow.finding.roi_search import find_roi
    from workflow.journal import Journal

    find_roi(cfg, read_call(), Journal())


if __name__ == "__main__":
    main()
