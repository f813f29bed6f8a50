"""Find a learning rate for a training run before it is started; --help lists the options."""

from front import hydra_app
from omegaconf import DictConfig


@hydra_app("find_lr")
def main(cfg: DictConfig) -> None:
    """Check and build as training does, raise the rate step by step, say which to take."""
    from workflow.call import read_call
    from workflow.journal import Journal
    from workflow.lr_request import plan_search

    journal, call = Journal(), read_call()
    plan = plan_search(cfg, call)

    from workflow.lr_search import find_lr

    find_lr(plan, journal)


if __name__ == "__main__":
    main()
