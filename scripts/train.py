"""Train a classifier behind its gate, then test the best checkpoint; --help lists the options."""

from front import hydra_app
from front.outcome import ExitStatus, Outcome
from front.processes import this_process
from omegaconf import DictConfig


def after_job(outcome: Outcome) -> str | None:
    """Write the table and the picture of the sweep anew."""
    from workflow.sweep import write_down

    return write_down(outcome)


@hydra_app("train", after_job)
def main(cfg: DictConfig) -> ExitStatus | None:
    """Check, build, fit, test; torch is imported when all that needs none of it is right."""
    from workflow.devices.joining import follow, leading

    from lightning_modules.stop_signals import Stopped, StopSignals

    if this_process().rank:
        return follow()
    try:
        with StopSignals(), leading():
            return plan_and_run(cfg)
    except Stopped as stop:  # before there was a run to be ended
        raise KeyboardInterrupt(f"{stop}.") from stop


def plan_and_run(cfg: DictConfig) -> None:
    """Be the only process, or the first of several."""
    from workflow.call import read_call
    from workflow.journal import Journal
    from workflow.places import check_out, say_instead
    from workflow.plan import make_plan
    from workflow.resuming.resume import check_same_split, resume_config

    journal, call, checkpoint = Journal(), read_call(), None
    if "debug" in cfg:
        from workflow.replay import replay

        replay(cfg, call)
        return
    if cfg.resume is not None:
        cfg, call, checkpoint = resume_config(cfg, call)
    if checkpoint is None and cfg.out is not None:
        check_out(cfg.out, say_instead(cfg.out))
    plan = make_plan(cfg, call)
    if checkpoint is not None:
        check_same_split(plan.table, checkpoint.parents[1])

    from workflow.fit import run

    run(plan, journal, checkpoint)


if __name__ == "__main__":
    main()
