"""How a model trains on several devices."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Literal

from lightning.pytorch.strategies import DDPStrategy, FSDPStrategy
from torch import nn
from torch.distributed.fsdp.wrap import lambda_auto_wrap_policy


class Replicated(DDPStrategy):
    """The whole model on every device; gradients are averaged while they are computed.

    Args:
        find_unused_parameters: Look in every step which parameters took no part in the loss; some
            gates leave some out.
        gradient_as_bucket_view: Save the memory of a copy of the gradients.
        timeout_minutes: How long a process waits for another before it gives up.
    """

    def __init__(
        self,
        *,
        find_unused_parameters: bool = False,
        gradient_as_bucket_view: bool = True,
        timeout_minutes: float = 30.0,
    ) -> None:
        # statistics of BatchNorm are made equal where they are read, not in every step
        super().__init__(
            find_unused_parameters=find_unused_parameters,
            gradient_as_bucket_view=gradient_as_bucket_view,
            broadcast_buffers=False,
            timeout=timedelta(minutes=timeout_minutes),
        )


class Sharded(FSDPStrategy):
    """Parameters, gradients and optimizer state in parts over the devices (FSDP).

    For backbones that one device cannot hold. A block is gathered where it is computed and let go
    again. Checkpoints are whole, in one file, as those of one device.

    Args:
        blocks: Endings of the names of the classes that are gathered as one.
        sharding: ``FULL_SHARD``, or ``SHARD_GRAD_OP``: the parameters stay whole.
        timeout_minutes: How long a process waits for another before it gives up.
    """

    def __init__(
        self,
        *,
        blocks: Sequence[str] = ("Block",),
        sharding: Literal["FULL_SHARD", "SHARD_GRAD_OP"] = "FULL_SHARD",
        timeout_minutes: float = 30.0,
    ) -> None:
        super().__init__(
            auto_wrap_policy=partial(
                lambda_auto_wrap_policy, lambda_fn=partial(_ends, tuple(blocks))
            ),
            sharding_strategy=sharding,
            state_dict_type="full",
            timeout=timedelta(minutes=timeout_minutes),
        )


def _ends(endings: tuple[str, ...], module: nn.Module) -> bool:
    return type(module).__name__.endswith(endings)
