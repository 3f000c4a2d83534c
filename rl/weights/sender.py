"""The learner's half of a weight update: parameters into buckets, buckets to the engines.

Two transports carry the same buckets. `ipc`: one buffer that both processes map, shared memory on
a CPU host and CUDA IPC on a GPU they share. `broadcast`: a process group of the first learner rank
and every engine worker, gloo on CPU hosts and NCCL on GPUs. Guarantees: a bucket is gathered while
the one before it is loaded; whatever happens to engines, every rank gathers every bucket, so that
no other rank of the learner waits for one that has stopped.
"""

import pickle
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.reduction import ForkingPickler
from typing import Any

import ray
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.multiprocessing.reductions import reduce_tensor

from rl.rendezvous import open_store
from rl.weights.collective import WeightGroup
from rl.weights.delivery import Delivery
from rl.weights.devices import device_name
from rl.weights.host_buffer import share
from rl.weights.layout import Entry, bucket_bytes, plan_buckets, sources
from rl.weights.messages import Engine, Sent


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket that is full."""

    entries: Sequence[Entry]
    start: int
    """Bytes from the start of the buffer that engines map."""
    data: Tensor | None
    """Its bytes, until the bucket after the next is asked for; only on the lead rank."""


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
        self._sources = sources(module)
        tensors = [item for source in self._sources for item in source.tensors.items()]
        self._buckets = plan_buckets(tensors, dtype, bucket_mb * 2**20)
        sizes = [bucket_bytes(bucket) for bucket in self._buckets]
        # Two neighbours fit side by side: one at the start, the next at the end, and so on.
        room = max(map(sum, zip(sizes, [*sizes[1:], 0], strict=True)))
        self._room = room
        self._buffer = torch.empty(room if lead else 0, dtype=torch.uint8, device=device)
        self._holds = lead
        self._shared = False  # whether every rank has a buffer
        self._starts = [0 if i % 2 == 0 else room - size for i, size in enumerate(sizes)]
        self._store: Any = None
        self._group: WeightGroup | None = None

    def open_buffer(self, every: bool) -> tuple[str, bytes]:
        """For `ipc`: the device, and what lets an engine there map the buffer.

        Args:
            every: whether every rank opens one, so that each has the same bytes; else the lead.
        """
        self._shared = every
        if not self._holds:
            self._holds = True
            self._buffer = torch.empty(self._room, dtype=torch.uint8, device=self._buffer.device)
        if self._buffer.device.type == "cpu":
            self._buffer, path = share(len(self._buffer))
            return device_name(self._buffer.device), pickle.dumps((path, len(self._buffer)))
        # The forking pickler sends a storage's name instead of its bytes.
        handle = bytes(ForkingPickler.dumps(reduce_tensor(self._buffer)))
        return device_name(self._buffer.device), handle

    def open_store(self) -> tuple[str, int]:
        """For `broadcast`: serve the store at which groups meet; returns its address."""
        host = ray.util.get_node_ip_address()
        self._store = open_store(host, 0)
        return host, self._store.port

    def join(self, link: Mapping[str, Any]) -> None:
        """For `broadcast`: form a group with workers of engines, in place of the one before."""
        if self._group is not None:
            self._group.close()
        self._group = None
        self._group = WeightGroup(rank=0, **link)

    def push(self, engines: Sequence[Engine], seconds: float, verify: bool) -> Sent | None:
        """Send every bucket to every engine; every rank is called, the lead rank answers.

        Args:
            engines: those to send to.
            seconds: for all of it; see `Delivery`.
            verify: whether engines compare checksums.
        """
        if not self._lead:
            for _ in self.buckets():
                self._meet()
            return None
        delivery = Delivery(engines, group=self._group, seconds=seconds, verify=verify)
        for bucket in self.buckets():
            assert bucket.data is not None
            delivery.settle()
            self._meet()
            delivery.post(bucket.entries, bucket.start, bucket.data)
        return delivery.finish()

    def _meet(self) -> None:
        """Where each rank has a buffer: all of them are full, and the one before is loaded."""
        if self._shared:
            dist.barrier()

    def buckets(self) -> Iterator[Bucket]:
        """Fill and yield one bucket after another."""
        parameters = dict(self._module.named_parameters())
        places = {
            entry.name: (number, entry)
            for number, bucket in enumerate(self._buckets)
            for entry in bucket
        }
        number = 0
        for source in self._sources:
            parameter = parameters[source.name]
            with gathered(parameter):
                tensors = (
                    source.taken_apart(self._module, parameter.detach()) if self._holds else {}
                )
                for name in source.tensors:
                    place, entry = places[name]
                    if place != number:
                        yield self._filled(number)
                        number = place
                    if self._holds:
                        entry.view(self._data(number)).copy_(tensors[name])
        yield self._filled(number)

    def _data(self, number: int) -> Tensor:
        start = self._starts[number]
        return self._buffer[start : start + bucket_bytes(self._buckets[number])]

    def _filled(self, number: int) -> Bucket:
        if self._buffer.is_cuda:
            # Other processes and streams read the buffer: they do not wait for this one's copies.
            torch.cuda.current_stream().synchronize()
        data = self._data(number) if self._lead else None
        return Bucket(self._buckets[number], self._starts[number], data)


def gathered(parameter: nn.Parameter) -> Any:
    """Context in which a ZeRO-3 shard is whole; does nothing for a parameter that is whole anyway.

    One at a time: of several, DeepSpeed awaits only the last, which is enough on a CUDA stream, but
    gloo finishes them in any order.
    """
    import deepspeed

    return deepspeed.zero.GatheredParameters([parameter], enabled=hasattr(parameter, "ds_id"))
