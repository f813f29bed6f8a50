"""A running average of a network's weights, which is what validation, ``best`` and the test use.

Of the network and not of the LightningModule, which holds metrics too; the raw weights go on
training and stand beside the average in every checkpoint.
"""

from collections.abc import Callable, Mapping
from functools import partial

from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


class NetworkAverage(AveragedModel):
    """The average of a network over the optimizer steps since it began.

    Its first step copies; each later one moves weights and running statistics towards those of the
    network by ``newest(n)``, n being the steps that are averaged already. Integers (counters, the
    index tables of windowed attention) are copied: a rounded mean of theirs would be another table.

    Args:
        network: Copied, so it takes its memory once more.
        newest: Share in (0, 1] that the newest weights get, by the number of steps before, from 1.
        begins_at: Share in [0, 1) of the run's optimizer steps that pass before it begins.
    """

    def __init__(
        self, network: nn.Module, newest: Callable[[int], float], begins_at: float = 0.0
    ) -> None:
        super().__init__(network, multi_avg_fn=self._move, use_buffers=True)
        self.requires_grad_(False)
        self.newest = newest
        self.begins_at = begins_at

    @property
    def began(self) -> bool:
        """Whether anything is averaged yet."""
        return bool(self.n_averaged > 0)

    def follow(self, network: nn.Module, step: int, num_steps: int) -> None:
        """Take in the weights of an optimizer step.

        Args:
            network: After the step.
            step: Number of the step, from 1.
            num_steps: Of the whole run. A run that is made longer begins anew if need be.
        """
        if step <= round(self.begins_at * num_steps):
            self.n_averaged.zero_()
        else:
            self.update_parameters(network)

    def _move(self, averaged: list[Tensor], current: list[Tensor], num_averaged: Tensor) -> None:
        """Move tensors of one type; what AveragedModel calls for every type."""
        if averaged[0].is_floating_point():
            keep = 1 - self.newest(int(num_averaged))
            get_ema_multi_avg_fn(keep)(averaged, current, num_averaged)
        else:
            for old, new in zip(averaged, current, strict=True):
                old.copy_(new)


def no_average(network: nn.Module) -> None:
    """Keep the raw weights alone."""


def ema(network: nn.Module, *, decay: float = 0.999) -> NetworkAverage:
    """Exponential moving average: recent steps count most (Polyak and Juditsky 1992).

    The decay is ``min(decay, (1 + n) / (10 + n))`` after n steps, as TensorFlow's
    ``ExponentialMovingAverage`` has it with ``num_updates``: a short run is not held at its start.

    Args:
        network: What is averaged.
        decay: In [0, 1); the average reaches back about 1 / (1 - decay) steps.

    Raises:
        ValueError: ``decay`` is out of its range.
    """
    if not 0 <= decay < 1:
        raise ValueError(f"average.decay is {decay}, expected 0 or more and below 1.")
    return NetworkAverage(network, partial(_newest_of_ema, decay))


def swa(network: nn.Module, *, last_share: float = 0.25) -> NetworkAverage:
    """Equal weights over the last part of the run (Izmailov et al. 2018, arXiv 1803.05407, eq. 1).

    They average one model an epoch at a high rate and compute the statistics of normalisation anew;
    here every step counts, and the statistics are averaged as the weights are.

    Args:
        network: What is averaged.
        last_share: Of the run's optimizer steps that count, in (0, 1].

    Raises:
        ValueError: ``last_share`` is out of its range.
    """
    if not 0 < last_share <= 1:
        raise ValueError(f"average.last_share is {last_share}, expected above 0 and up to 1.")
    return NetworkAverage(network, _newest_of_mean, begins_at=1 - last_share)


def _newest_of_ema(decay: float, num_averaged: int) -> float:
    return 1 - min(decay, (1 + num_averaged) / (10 + num_averaged))


def _newest_of_mean(num_averaged: int) -> float:
    return 1 / (num_averaged + 1)


def has_average(state: Mapping[str, Tensor]) -> bool:
    """Whether a classifier's state holds averaged weights that have begun."""
    return "average.n_averaged" in state and bool((state["average.n_averaged"] > 0).all())


def pick_weights(state: Mapping[str, Tensor], averaged: bool = True) -> dict[str, Tensor]:
    """Weights of one network out of a checkpoint that may hold its average beside it.

    Args:
        state: Of a classifier.
        averaged: Take the average, where there is one and it has begun.

    Returns:
        The state of a classifier without an average.
    """
    weights = {name: value for name, value in state.items() if not name.startswith("average.")}
    if averaged and has_average(state):
        prefix = "average.module."
        found = [name.removeprefix(prefix) for name in state if name.startswith(prefix)]
        weights |= {f"network.{name}": state[f"{prefix}{name}"] for name in found}
    return weights
