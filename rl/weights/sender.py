"""The learner's half of a weight update: parameters into buckets, buckets to the engines.

Two transports carry the same buckets. `ipc`: one buffer that both processes map, shared memory on
a CPU host and CUDA IPC on a GPU they share. `broadcast`: a process group of the first learner rank
and every engine worker, gloo on CPU hosts and NCCL on GPUs.
"""

from collections.abc import Iterator
from datetime import timedelta
from multiprocessing.reduction import ForkingPickler
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.multiprocessing import set_sharing_strategy
from torch.multiprocessing.reductions import reduce_tensor

from rl.errors import EngineError
from rl.rendezvous import make_group
from rl.weights.layout import Entry, bucket_bytes, full_parameters, plan_buckets


class WeightSender:
    """The learner's half; every rank makes one, since gathering ZeRO-3 shards is collective.

    Args:
        module: the policy inside the DeepSpeed engine.
        dtype: the engines' parameter type.
        device: where buckets are laid out.
        bucket_mb: bucket size, MiB.
        lead: whether this is the rank that talks to the engines.
    """

    def __init__(
        self,
        module: nn.Module,
        *,
        dtype: torch.dtype,
        device: torch.device,
        bucket_mb: int,
        lead: bool,
    ) -> None:
        self._module = module
        self._lead = lead
        self._buckets = plan_buckets(full_parameters(module), dtype, bucket_mb * 2**20)
        self._group: dist.ProcessGroup | None = None
        self._buffer = torch.empty(0, dtype=torch.uint8, device=device)
        if lead:
            largest = max(bucket_bytes(bucket) for bucket in self._buckets)
            self._buffer = torch.empty(largest, dtype=torch.uint8, device=device)

    def join(self, store: Any, world_size: int, backend: str, timeout: timedelta) -> None:
        """Join the broadcast group as its rank 0."""
        self._group = make_group(store, 0, world_size, backend, timeout)

    @property
    def broadcasts(self) -> bool:
        """Whether buckets go over a process group instead of a mapped buffer."""
        return self._group is not None

    def handle(self) -> bytes:
        """What lets an engine on the same device map the buffer."""
        if self._buffer.device.type == "cpu":
            set_sharing_strategy("file_system")
            self._buffer.share_memory_()
        # The forking pickler sends a storage's name instead of its bytes.
        return bytes(ForkingPickler.dumps(reduce_tensor(self._buffer)))

    def buckets(self) -> Iterator[tuple[list[Entry], Tensor | None]]:
        """Fill and yield one bucket after another; only the lead rank gets the bytes."""
        parameters = dict(self._module.named_parameters())
        for bucket in self._buckets:
            for entry in bucket:
                with gathered(parameters[entry.name]):
                    if self._lead:
                        entry.view(self._buffer).copy_(parameters[entry.name].detach())
            if self._buffer.is_cuda:
                # Another process may map the buffer: its reads do not wait for this one's copies.
                torch.cuda.synchronize()
            yield bucket, self._buffer[: bucket_bytes(bucket)] if self._lead else None

    def broadcast(self, bucket: Tensor) -> None:
        """Send a bucket to every engine worker of the group."""
        if self._group is None:
            raise EngineError("weights were to be broadcast before the engines joined the group")
        self._group.broadcast([bucket], dist.BroadcastOptions()).wait()


def gathered(parameter: nn.Parameter) -> Any:
    """Context in which a ZeRO-3 shard is whole; does nothing for a parameter that is whole anyway.

    One at a time: of several, DeepSpeed awaits only the last, which is enough on a CUDA stream, but
    gloo finishes them in any order.
    """
    import deepspeed

    return deepspeed.zero.GatheredParameters([parameter], enabled=hasattr(parameter, "ds_id"))
