"""Do a step of training again and watch where its numbers leave the finite."""

import warnings
from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import torch
from lightning.pytorch import Trainer
from torch import Tensor, nn

from lightning_modules.networks.gates.base import NetworkOutput
from lightning_modules.non_finite.step_file import Step, broken_tensors
from lightning_modules.objective import mix_targets
from lightning_modules.roi_classifier import ROIClassifier


class Replay(NamedTuple):
    """What came of doing a step again.

    ``loss`` of the batch, ``sample_losses`` (B,) of the classification, image by image; ``weights``
    not finite before the step; ``forward`` the module whose output is the first that is not finite
    and ``backward`` the one at whose output the gradient is the first (None: none is);
    ``operation`` that made the first NaN of the backward pass, ``gradients`` of which parameters
    are not finite.
    """

    loss: float
    sample_losses: list[float]
    weights: list[str]
    forward: str | None
    backward: str | None
    operation: str | None
    gradients: list[str]


class Watch:
    """Notes the first module whose output, and then whose output's gradient, is not finite."""

    def __init__(self, module: nn.Module) -> None:
        self.forward: str | None = None
        self.backward: str | None = None
        self.output: NetworkOutput | None = None
        for name, part in module.named_modules():
            part.register_forward_hook(partial(self._look, f"{name} ({type(part).__name__})"))

    def _look(self, name: str, part: nn.Module, given: Any, output: Any) -> None:  # noqa: ANN401
        if isinstance(output, NetworkOutput):
            self.output = output
        for value in _floats(output):
            if self.forward is None and not bool(value.isfinite().all()):
                self.forward = f"{name}, whose input goes up to {_largest(given)}"
            if value.requires_grad:
                value.register_hook(partial(self._look_back, name))

    def _look_back(self, name: str, gradient: Tensor) -> None:
        if self.backward is None and not bool(gradient.isfinite().all()):
            self.backward = name


def replay_step(
    pl_module: ROIClassifier, trainer: Trainer, step: Step, batch: dict[str, Any]
) -> Replay:
    """Take a step of training again, up to its gradients.

    Args:
        pl_module: With the weights before the step.
        trainer: Its precision and device are used.
        step: As it was taken.
        batch: Of it.
    """
    weights = broken_tensors(pl_module)
    torch.set_num_threads(step.threads)
    pl_module = trainer.precision_plugin.convert_module(pl_module).to(trainer.strategy.root_device)
    _pretend(pl_module, trainer, step)
    watch = Watch(pl_module)
    batch = pl_module.transfer_batch_to_device(batch, trainer.strategy.root_device, 0)
    torch.manual_seed(step.seed)
    with trainer.precision_plugin.train_step_context():
        loss = pl_module.training_step(batch, step.batch)
    # as the run has computed it, to the last bit
    scaled = loss / step.accumulated
    scaled.backward(retain_graph=True)
    named = pl_module.named_parameters()
    broken = [n for n, p in named if p.grad is not None and not bool(p.grad.isfinite().all())]
    return Replay(
        float(scaled.detach() * step.accumulated),
        _sample_losses(watch.output, batch, pl_module.loss),
        weights,
        watch.forward,
        watch.backward,
        _find_operation(scaled),
        broken,
    )


def _pretend(pl_module: ROIClassifier, trainer: Trainer, step: Step) -> None:
    """Stand where the run stood: the same epoch and step, in training; nothing is logged."""
    trainer.fit_loop.max_batches = step.num_batches
    pl_module.network.backbone.start_epoch(step.epoch)
    trainer.fit_loop.epoch_progress.current.processed = step.epoch
    progress = trainer.fit_loop.epoch_loop.automatic_optimization.optim_progress
    progress.optimizer.step.total.completed = step.step
    pl_module.trainer = trainer
    pl_module.log = lambda *_, **__: None
    pl_module.train()


def _find_operation(loss: Tensor) -> str | None:
    """The operation that is the first to give a NaN in the backward pass."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with torch.autograd.set_detect_anomaly(True):
                loss.backward()
        except RuntimeError as error:
            return str(error).splitlines()[0]
    return None


def _sample_losses(
    output: NetworkOutput | None, batch: dict[str, Any], criterion: nn.Module
) -> list[float]:
    """What each image of the batch costs by itself; swapped copies are left out."""
    if output is None:
        return []
    target = batch["label"]
    logits = output.logits.detach()[: len(target)]
    if "own_share" in output.maps:
        maps = {name: output.maps[name][: len(target)] for name in ("partner", "own_share")}
        target, _ = mix_targets(output._replace(maps=maps), target, None)
    pairs = zip(logits, target, strict=True)
    return [float(criterion(one[None], other[None])) for one, other in pairs]


def _floats(value: Any) -> Iterator[Tensor]:  # noqa: ANN401
    """Every tensor of floats in what a module takes or gives."""
    if isinstance(value, Tensor):
        if value.is_floating_point():
            yield value
    elif isinstance(value, dict | list | tuple):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _floats(part)


def _largest(given: Any) -> str:  # noqa: ANN401
    sizes = [float(value.detach().abs().max()) for value in _floats(given) if value.numel()]
    return f"{max(sizes):.4g}" if sizes else "nothing"
