"""debug=replay: do the step again that a run has stopped at, and say where it goes wrong."""

import logging
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from front.processes import Process
from omegaconf import DictConfig, OmegaConf

from workflow.call import Call

if TYPE_CHECKING:
    from lightning_modules.non_finite.replay import Replay

log = logging.getLogger(__name__)
# what may be tried otherwise than in the run
TRIED = ("trainer.accelerator", "trainer.precision")
OWN = ("debug", "debug.batch", "traceback")
MOST_SHOWN = 20


def replay(cfg: DictConfig, call: Call) -> "Replay":
    """Replay ``debug.batch`` by the configuration of its run; nothing is written.

    Args:
        cfg: The composed configuration of this call.
        call: What was typed.

    Raises:
        ValueError: The file is no step of a run, or the command line asks for another step.
    """
    path = Path(cfg.debug.batch)
    typed = [word.lstrip("+").partition("=")[0] for word in call.overrides]
    foreign = [key for key in typed if key not in (*OWN, *TRIED)]
    if foreign:
        raise ValueError(
            f"debug=replay does a step again as its run did it: leave out {', '.join(foreign)}. "
            f"What can be tried: {', '.join(TRIED)}."
        )
    if not path.is_file():
        raise ValueError(
            f"debug.batch={path}: there is no such file. A run that stops because its loss is not "
            "finite leaves one: <run>/non_finite/batch.pt"
        )
    from lightning_modules.non_finite.replay import replay_step
    from lightning_modules.non_finite.step_file import WEIGHTS, read_step
    from lightning_modules.roi_classifier import ROIClassifier
    from workflow.devices.trainers import build_trainer
    from workflow.objects import check_builds, quieten

    quieten()
    step, batch = read_step(path)
    model = ROIClassifier.load_from_checkpoint(path.with_name(WEIGHTS), averaged=False)
    tried = {key.partition(".")[2]: OmegaConf.select(cfg, key) for key in TRIED if key in typed}
    silent = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    options = _plain_options(model.hparams.record["config"]["trainer"]) | tried | silent
    check_builds(options)
    trainer = build_trainer(options, Process(), {})
    log.info(
        "Replaying epoch %d, batch %d (%d images, seed %d), precision %s on %s.",
        step.epoch + 1, step.batch + 1, len(batch["id"]), step.seed, trainer.precision,
        trainer.strategy.root_device,
    )  # fmt: skip
    result = replay_step(model, trainer, step, batch)
    _say(result, step.loss, batch["id"])
    return result


def _plain_options(trainer: dict[str, Any]) -> dict[str, Any]:
    """Options of a Trainer that came in a file, which may name no code to run."""
    plain = {
        name: value
        for name, value in trainer.items()
        if isinstance(value, str | int | float | None) and not name.startswith("_")
    }
    return plain | {"_target_": "lightning.pytorch.Trainer", "devices": 1, "strategy": "auto"}


def _say(result: "Replay", loss: float, ids: list[str]) -> None:
    same = result.loss == loss or (math.isnan(result.loss) and math.isnan(loss))
    log.info("  loss       %.9g (in the run %.9g: %s)", result.loss, loss, _word(same))
    log.info("  weights    %s", _list(result.weights, "all finite before the step"))
    log.info("  forward    %s", _first(result.forward, "every module's output is finite"))
    log.info("  backward   %s", _first(result.backward, "the gradient of every output is finite"))
    if result.operation is not None:
        log.info("             %s", result.operation)
    log.info("  gradients  %s", _list(result.gradients, "all finite"))
    if result.forward is None and not math.isfinite(result.loss):
        log.info("  The network's answers are finite: it is the loss that is not.")
    log.info("Classification loss of each image, the worst first:")
    pairs = sorted(zip(result.sample_losses, ids, strict=True), key=_badness)
    for value, name in pairs[:MOST_SHOWN]:
        log.info("  %-12.6g %s", value, name)
    if len(pairs) > MOST_SHOWN:
        log.info("  ... and %d more", len(pairs) - MOST_SHOWN)


def _badness(pair: tuple[float, str]) -> float:
    return -pair[0] if math.isfinite(pair[0]) else -math.inf


def _word(same: bool) -> str:
    return "the same" if same else "ANOTHER: other hardware, packages or options"


def _first(name: str | None, none: str) -> str:
    return none if name is None else f"first not finite: {name}"


def _list(names: list[str], none: str) -> str:
    return f"{len(names)} not finite: {', '.join(names[:5])}" if names else none
