"""The learner's half of a weight update: parameters into buckets, buckets to the engines.

Two transports carry the same buckets. `ipc`: one buffer that both processes map, shared memory on
a CPU host and CUDA IPC on a GPU they share. `broadcast`: a process group of the first learner rank
and every engine worker, gloo on CPU hosts and NCCL on GPUs. Guarantees: a bucket is gathered while
the one before it is loaded; whatever happens to engines, every rank gathers every bucket, so that
no other rank of the learner waits for one that has stopped.
"""

import pickle
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from multiprocessing.reduction import ForkingPickler
from typing import Any

import ray
import torch
import torch.distributed as dist
from torch import nn
from torch.multiprocessing.reductions import reduce_tensor

from rl.rendezvous import open_store
from rl.weights.collective import WeightGroup
from rl.weights.delivery import Delivery
from rl.weights.devices import device_name
from rl.weights.messages import Engine, Sent
from rl.weights.packing import Bucket, Packing
from rl.weights.sources import adapter_sources, model_sources


class WeightSender:
    """The learner's half; every rank makes one, since gathering ZeRO-3 shards is collective.

    Args:
        module: the policy inside the DeepSpeed engine.
        dtype: the engines' parameter type.
        device: where buckets are laid out.
        bucket_mb: bucket size, MiB.
        lead: whether this is the rank that talks to the engines.
        adapter: what vLLM is told of adapters that travel alone; none: whole models travel.
    """

    def __init__(
        self,
        module: nn.Module,
        *,
        dtype: torch.dtype,
        device: torch.device,
        bucket_mb: int,
        lead: bool,
        adapter: Mapping[str, Any] | None = None,
    ) -> None:
        self._lead = lead
        self._adapter = adapter
        pack = partial(
            Packing, module, dtype=dtype, device=device, size=bucket_mb * 2**20, lead=lead
        )
        self._model = pack(model_sources(module))
        self._sent = self._model if adapter is None else pack(adapter_sources(module))
        self._shared = False  # whether every rank has a buffer
        self._store: Any = None
        self._group: WeightGroup | None = None

    def open_buffer(self, every: bool) -> tuple[str, bytes]:
        """For `ipc`: the device, and what lets an engine there map the buffer.

        Args:
            every: whether every rank opens one, so that each has the same bytes; else the lead.
        """
        self._shared = every
        self._leave()
        if self._sent.device.type == "cpu":
            return device_name(self._sent.device), pickle.dumps(tuple(self._sent.share()))
        buffer = self._sent.open_buffer()
        # The forking pickler sends a storage's name instead of its bytes.
        handle = bytes(ForkingPickler.dumps(reduce_tensor(buffer)))
        return device_name(buffer.device), handle

    def open_store(self) -> tuple[str, int]:
        """For `broadcast`: serve the store at which groups meet; returns its address."""
        host = ray.util.get_node_ip_address()
        self._store = open_store(host, 0)
        return host, self._store.port

    def join(self, link: Mapping[str, Any]) -> None:
        """For `broadcast`: form a group with workers of engines, in place of the one before."""
        self._leave()
        self._group = WeightGroup(rank=0, **link)

    def push(self, engines: Sequence[Engine], seconds: float, verify: bool) -> Sent | None:
        """Send every bucket to every engine; every rank is called, the lead rank answers.

        Args:
            engines: those to send to.
            seconds: for all of it; see `Delivery`.
            verify: whether engines compare checksums.
        """
        if not self._lead:
            for _ in self._sent.buckets():
                self._meet()
            return None
        delivery = Delivery(
            engines, group=self._group, seconds=seconds, verify=verify, adapter=self._adapter
        )
        for bucket in self._sent.buckets():
            assert bucket.data is not None
            delivery.settle()
            self._meet()
            delivery.post(bucket.entries, bucket.start, bucket.data)
        return delivery.finish()

    def _leave(self) -> None:
        group, self._group = self._group, None
        if group is not None:
            group.close()

    def _meet(self) -> None:
        """Where each rank has a buffer: all of them are full, and the one before is loaded."""
        if self._shared:
            dist.barrier()

    def buckets(self) -> Iterator[Bucket]:
        """Every tensor of the model, adapters merged, bucket by bucket; collective."""
        return self._model.buckets()
