"""How a model trains on several devices."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.strategies import DDPStrategy, ModelParallelStrategy
from torch import nn
from torch.distributed.fsdp import FSDPModule, fully_shard


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

    def configure_ddp(self) -> None:
        """Expect parameters without gradient where a backbone rests in the first epochs."""
        if self.lightning_module.network.backbone.freeze_epochs:
            self._ddp_kwargs["find_unused_parameters"] = True
        super().configure_ddp()


class Sharded(ModelParallelStrategy):
    """Parameters, gradients and optimizer state in parts over the devices (FSDP2).

    For backbones that one device cannot hold. A block is gathered where it is computed and let go
    again. Checkpoints are whole, in one file, as those of one device.

    Args:
        blocks: Endings of the names of the classes that are gathered as one.
        timeout_minutes: How long a process waits for another before it gives up.
    """

    def __init__(
        self, *, blocks: Sequence[str] = ("Block",), timeout_minutes: float = 30.0
    ) -> None:
        super().__init__(
            tensor_parallel_size=1,
            save_distributed_checkpoint=False,
            timeout=timedelta(minutes=timeout_minutes),
        )
        self.endings = tuple(blocks)

    def setup_environment(self) -> None:  # noqa: D102
        self._data_parallel_size = self.num_nodes * self.num_processes
        super().setup_environment()

    def load_checkpoint(self, checkpoint_path: str | Path, **options: Any) -> dict[str, Any]:  # noqa: ANN401
        """Load a whole checkpoint.

        Raises:
            ValueError: One device has written it: its optimizer numbers parameters group by group,
                and Lightning would read them in the order of the model.
        """
        saved = torch.load(checkpoint_path, map_location="cpu", weights_only=True, mmap=True)
        for state in saved["optimizer_states"]:
            numbers = [number for group in state["param_groups"] for number in group["params"]]
            if len(state["param_groups"]) > 1 and numbers == list(range(len(numbers))):
                raise ValueError(
                    f"{checkpoint_path} was written by one device, from which trainer=fsdp cannot "
                    "go on with several: go on with trainer.devices=1."
                )
        return super().load_checkpoint(checkpoint_path, **options)

    def shard(self, network: nn.Module) -> None:
        """Part a network once; its parameters keep their names and shapes."""
        if isinstance(network, FSDPModule):
            return
        network.to(memory_format=torch.contiguous_format)  # what is cut is cut along the first axis
        mesh = self.device_mesh["data_parallel"]
        for module in network.modules():
            if type(module).__name__.endswith(self.endings):
                fully_shard(module, mesh=mesh)
        fully_shard(network, mesh=mesh)
