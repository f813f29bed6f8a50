"""Check a data set before anything is trained on it; --help lists the options."""

from front import hydra_app
from front.outcome import ExitStatus
from omegaconf import DictConfig


@hydra_app("check_data")
def main(cfg: DictConfig) -> ExitStatus:
    """Read, decode, examine, write; torch is not imported."""
    from workflow.call import read_call
    from workflow.doctoring import check_data
    from workflow.journal import Journal

    return check_data(cfg, read_call(), Journal())


if __name__ == "__main__":
    main()
