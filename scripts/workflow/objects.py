"""From a checked plan to the objects of a run; building them is the last check of all."""

import copy
import logging
import shutil
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from front.processes import Process
from lightning.pytorch import Callback, seed_everything

from datamodules.checks.trained_on import sketch_content
from datamodules.datamodule import ROIDataModule
from datamodules.loading.imbalance import inform_loss
from datamodules.loading.transforms import Preprocessing
from lightning_modules.build import build
from lightning_modules.callbacks import Curves
from lightning_modules.loggers.run_loggers import RunLoggers
from lightning_modules.networks import ROINetwork
from lightning_modules.networks.backbone import expected_input
from lightning_modules.networks.head_inputs import find_head_obstacle
from lightning_modules.roi_classifier import ROIClassifier
from workflow.devices.batch_size import settle_batch_size
from workflow.devices.checks import check_compiler, check_precision
from workflow.devices.trainers import build_strategy, build_trainer, count_devices
from workflow.feature_request import decline_features
from workflow.finding.finder_record import read_finder
from workflow.loggers import build_loggers
from workflow.margin import settle_margin
from workflow.places import find_cache
from workflow.plan import Plan, instantiate
from workflow.recipe import say_recipe
from workflow.resuming.init_from import go_on_from, start_from
from workflow.situation import describe_extras

log = logging.getLogger(__name__)
# Lightning's and torch's advice on what this project decides itself
HUSHED = (
    "does not have many workers",
    "exists and is not empty",
    "number of training batches",
    "LeafSpec",
    r"lr_scheduler.step\(\)` before",
    "No (positive|negative) samples in targets",
    r"method of metric \w+ was called before",
    "is not None or using a progress bar",
    "your dataloader is not resumable",
    "AMP with fp16 is not supported on",
    "sync_dist=True",
    "broadcast_buffers",
    "callbacks used to create the checkpoint",  # a logger that was switched off since
    r"module\(s\) in eval mode",  # a frozen backbone stays in it
)
# of the configuration that the classifier builds itself from, beside its model
PARTS = ("gate", "extras", "loss", "optimizer", "scheduler", "average")


@dataclass
class Objects:
    """Classifier, data and callbacks of a run.

    Args:
        model: The classifier.
        data: What it learns from and is tested on.
        callbacks: Who watches.
        loggers: Where curves go beside the run folder; None: nowhere.
        num_processes: That test the classifier.
    """

    model: ROIClassifier
    data: ROIDataModule
    callbacks: list[Callback]
    loggers: RunLoggers | None = None
    num_processes: int = 1


def build_objects(plan: Plan, resume_from: Path | None) -> Objects:
    """Build what trains, on what, and who watches, and try what is built later.

    Args:
        plan: What to build.
        resume_from: Checkpoint that the weights come from, those the run started from may be gone;
            None: the run starts.

    Raises:
        ValueError: An option is out of its range, weights cannot be had, or the backbone does not
            take the image size.
    """
    quieten()
    config, table, options = plan.config, plan.table, plan.options
    preprocessing = _preprocess_for(config["model"]["backbone"], options.size)
    settle_margin(config, table, preprocessing)
    resuming = resume_from is not None
    starts_from = not resuming and config.get("init_from") is not None
    start = {"pretrained": False} if resuming or starts_from else {}
    seed_everything(config["seed"], verbose=False)
    model = ROIClassifier(
        class_names=list(table.class_names),
        region_names=list(table.region_names),
        positive_class=table.positive_class,
        image_size=list(preprocessing.size),
        **inform_loss(table, options),
        seed=config["seed"],
        record=_make_record(plan),
        model=config["model"] | start,
        **{part: config[part] for part in PARTS},
    )
    if starts_from:
        start_from(plan, model)
    elif resuming:
        go_on_from(plan, model, resume_from)
    _try(config, model)
    settle_batch_size(plan, model)
    if config["data"]["cache_features"] is not False:
        _settle_features(config, model)
    instantiate(config["interventions"])
    instantiate(config.get("report") or {})
    augmentation = instantiate(config["augment"], table.region_names)
    cache = find_cache(options)
    data = ROIDataModule(table, options, preprocessing, augmentation, config["seed"], cache)
    callbacks = [instantiate(callback) for callback in config["callbacks"].values() if callback]
    loggers = build_loggers(plan)
    # first: the checkpoints are to know what was not sent yet
    callbacks = callbacks if loggers is None else [Curves(loggers), *callbacks]
    _say_parts(plan, model)
    return Objects(model, data, callbacks, loggers)


def _make_record(plan: Plan) -> dict[str, Any]:
    """What a checkpoint says of its origin."""
    trained_on = sketch_content(plan.content[plan.table.rows_of("train")])
    return {
        "config": plan.config,
        "split_fingerprint": plan.table.fingerprint,
        **read_finder(plan.config, plan.table),
        "trained_on": trained_on._asdict() | {"hashes": torch.from_numpy(trained_on.hashes)},
    }


def _preprocess_for(backbone: str, size: tuple[int, int] | None) -> Preprocessing:
    expected = expected_input(backbone)
    return Preprocessing(
        size=size or tuple(expected["input_size"][1:]),
        mean=tuple(expected["mean"]),
        std=tuple(expected["std"]),
        interpolation=expected["interpolation"],
    )


def _try(config: dict[str, Any], model: ROIClassifier) -> None:
    """Build once what is built anew in training, so that its mistakes come before any folder."""
    network, (height, width) = model.network, model.preprocessing["size"]
    image = torch.zeros(2, 3, height, width)
    roi = torch.ones(2, len(model.hparams.region_names), height, width, dtype=torch.bool)
    try:
        with torch.no_grad():
            network.eval()(image, roi, roi.any(dim=(2, 3)))
            if network.gate.locator is not None:
                network.gate.locator(image)
    except Exception as error:  # every architecture has its own way of refusing a size
        reason = str(error).strip().splitlines()[0]
        raise ValueError(
            f"model.backbone={config['model']['backbone']} does not take images of {height} x "
            f"{width} pixels ({reason}). Set data.image_size to a size it takes."
        ) from error
    network.train()
    if config["data"]["batch_size"] == 1:
        _try_single(network, image[:1], roi[:1])
    optimizer = build(config["optimizer"], model.network)
    build(config["scheduler"], optimizer, 10, 5)
    device = check_builds(config["trainer"])
    if network.backbone.compiles:
        check_compiler(device)


def check_builds(trainer: dict[str, Any]) -> torch.device:
    """Build a Trainer, let it go, and return the device it would use.

    Raises:
        ValueError: Lightning refuses its options, or there is no such device.
    """
    try:
        options = {"logger": False, "enable_progress_bar": False}
        built = build_trainer(trainer, Process(), options)
        if count_devices(trainer) > 1:
            build_strategy(trainer)
    except Exception as error:  # Lightning's own checks of its arguments, or a missing device
        reason = str(error.__cause__ or error).strip()
        raise ValueError(
            f"Lightning's Trainer refuses the options of trainer: {reason} "
            f"(trainer.accelerator={trainer.get('accelerator')}; auto takes what there is)"
        ) from error
    device = built.strategy.root_device
    check_precision(str(trainer.get("precision")), device)
    return device


def _settle_features(config: dict[str, Any], model: ROIClassifier) -> None:
    """Decide whether the last layer may be trained on what it reads of each image, once."""
    obstacle = find_head_obstacle(model.network, len(model.hparams.region_names))
    if obstacle is not None:
        decline_features(config, [obstacle])
    else:
        config["data"]["cache_features"] = True


def _try_single(network: ROINetwork, image: torch.Tensor, roi: torch.Tensor) -> None:
    """A batch of one image has no variance for BatchNorm to divide by."""
    try:
        copy.deepcopy(network).train()(image, roi, roi.any(dim=(2, 3)))
    except ValueError as error:
        raise ValueError(
            f"data.batch_size is 1, with which this network cannot be trained ({error}). Take 2 or "
            "more, and trainer.accumulate_grad_batches for a larger effective size."
        ) from error


def quieten() -> None:
    """Keep the libraries' chatter from burying what a run says."""
    for message in HUSHED:
        warnings.filterwarnings("ignore", message=f".*{message}")
    for name in ("lightning.pytorch", "lightning.fabric", "lightning_fabric", "timm"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _say_origin(config: dict[str, Any]) -> str:
    if config.get("init_from") is not None:
        return "weights of another run"
    return "pretrained" if config["model"]["pretrained"] else "from scratch"


def _say_parts(plan: Plan, model: ROIClassifier) -> None:
    chosen, gate = plan.config["model"], model.network.gate
    log.info(
        "%s (%.1f M parameters, %s) behind %s (promise %s, margin %d px), %s, input %d x %d, "
        "seed %d.",
        chosen["backbone"],
        sum(parameter.numel() for parameter in model.network.parameters()) / 1e6,
        _say_origin(plan.config),
        type(gate).__name__,
        gate.promise.name,
        gate.dilate,
        describe_extras(plan.config["extras"]),
        *model.preprocessing["size"],
        plan.config["seed"],
    )
    say_recipe(plan.config)
    if shutil.which("nvidia-smi") and torch.version.cuda is None:
        log.warning(
            "A GPU is present, but this torch (%s) is built for the CPU only and cannot use it. "
            "The README's installation has the line for GPUs.",
            torch.__version__,
        )
