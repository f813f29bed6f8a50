"""find_lr.py: train for some steps by a rising rate, and suggest one."""

import logging
import math
from pathlib import Path

from front.processes import Process
from omegaconf import OmegaConf

from lightning_modules.callbacks.lr_range_test import LRRangeTest
from lightning_modules.lr_curve import LRCurve
from lightning_modules.run_files import write_bytes, write_csv, write_text
from workflow.devices.trainers import build_trainer
from workflow.features import show_images
from workflow.journal import Journal
from workflow.objects import Objects, build_objects
from workflow.places import OUTPUTS, make_new, open_out
from workflow.plan import Plan
from workflow.typed import join_words

log = logging.getLogger(__name__)


def find_lr(plan: Plan, journal: Journal) -> None:
    """Sweep the rate, write the curve and say which rate it suggests.

    Args:
        plan: Of ``plan_search``.
        journal: What is said goes to the log.
    """
    config, trainer_options = plan.config, plan.config["trainer"]
    objects = build_objects(plan, None)
    batches = config["num_steps"] * trainer_options["accumulate_grad_batches"]
    trainer_options["max_epochs"] = math.ceil(batches / len(objects.data.train_dataloader())) + 1
    if config["dry_run"]:
        log.info("dry_run: all is checked and built; nothing was trained or written.")
        return
    out = config["out"]
    folder = make_new(OUTPUTS / "find_lr") if out is None else open_out(out, "Name another folder.")
    journal.write_to(folder / "log.txt")
    write_text(folder / "config.yaml", OmegaConf.to_yaml(OmegaConf.create(config)))
    command = join_words(["python", "scripts/find_lr.py", *plan.call.overrides])
    write_text(folder / "command.txt", command + "\n")
    curve = _sweep(plan, objects, folder)
    write_csv(folder / "lr_finder.csv", curve.rows())
    write_bytes(folder / "lr_finder.png", curve.draw())
    _say(curve, config["min_lr"], config["max_lr"])
    log.info("The curve is in %s", folder / "lr_finder.png")


def _sweep(plan: Plan, objects: Objects, folder: Path) -> LRCurve:
    asked = plan.config
    test = LRRangeTest(asked["min_lr"], asked["max_lr"], asked["num_steps"])
    owned = {
        "default_root_dir": str(folder),
        "callbacks": [test],
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
    }
    trainer = build_trainer(asked["trainer"], Process(), owned)
    try:
        if asked["data"]["cache_features"]:
            show_images(plan, objects.model, objects.data, trainer, None)
        trainer.fit(objects.model, objects.data)
    except SystemExit:
        # Lightning leaves by exit status 1 when somebody presses Ctrl-C
        raise KeyboardInterrupt from None
    return test.curve


def _say(curve: LRCurve, min_lr: float, max_lr: float) -> None:
    ending = f"; {curve.ending}, where the sweep ended" if curve.ending is not None else ""
    log.info(
        "The rate rose from %.1e to %.1e in %d steps of training%s.",
        min_lr,
        curve.lrs[-1] if curve.lrs else min_lr,
        len(curve.lrs),
        ending,
    )
    if curve.suggestion is None:
        log.warning(
            "No rate is suggested: the smoothed loss never falls. Begin lower (min_lr=%.1e), take "
            "more steps (num_steps=%d), or look at the data (debug=overfit).",
            min_lr / 100,
            3 * curve.num_steps,
        )
        return
    log.info(
        "The smoothed loss is lowest at %.1e, a tenth of which (%.1e) is the cautious choice, and "
        "falls fastest at the rate that is suggested:",
        curve.lowest,
        curve.lowest / 10,
    )
    log.info("optimizer.lr=%s", curve.suggestion)
    if curve.ending is None and curve.lowest == curve.lrs[-1]:
        log.warning("The loss fell to the very end: max_lr=%.0e would tell more.", 10 * max_lr)
