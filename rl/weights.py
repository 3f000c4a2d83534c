"""New weights from the learner to the engines: flattened buckets, one call a bucket, a version.

Two transports carry the same buckets. `ipc`: one buffer that both processes map, shared memory on
a CPU host and CUDA IPC on a GPU they share. `broadcast`: a process group of the first learner rank
and every engine worker, gloo on CPU hosts and NCCL on GPUs. The receiving half is mixed into vLLM's
worker (`worker_extension_cls`), so this module must stay importable with torch alone.
"""

import os
import pickle
import threading
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.reduction import ForkingPickler
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.multiprocessing import set_sharing_strategy
from torch.multiprocessing.reductions import reduce_tensor

from rl.errors import EngineError
from rl.rendezvous import join_store, make_group

ALIGNMENT = 256
"""Byte boundary on which each tensor starts in its bucket."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a parameter lies in a bucket."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    offset: int
    """Bytes from the bucket's start."""

    @property
    def nbytes(self) -> int:
        """Size of the parameter in bytes."""
        return torch.Size(self.shape).numel() * _dtype(self.dtype).itemsize

    def view(self, bucket: Tensor) -> Tensor:
        """The parameter inside `bucket` (uint8)."""
        piece = bucket[self.offset : self.offset + self.nbytes]
        return piece.view(_dtype(self.dtype)).view(self.shape)


def plan_buckets(
    parameters: Iterable[tuple[str, torch.Size]], dtype: torch.dtype, size: int
) -> list[list[Entry]]:
    """Lay parameters out in buckets of `size` bytes; a larger parameter has a bucket of its own."""
    buckets: list[list[Entry]] = []
    end = size + 1
    for name, shape in parameters:
        nbytes = shape.numel() * dtype.itemsize
        if end + nbytes > size:
            buckets.append([])
            end = 0
        buckets[-1].append(Entry(name, str(dtype).removeprefix("torch."), tuple(shape), end))
        end += -(-nbytes // ALIGNMENT) * ALIGNMENT
    return buckets


def bucket_bytes(bucket: Sequence[Entry]) -> int:
    """Bytes that a bucket takes."""
    return bucket[-1].offset + -(-bucket[-1].nbytes // ALIGNMENT) * ALIGNMENT


def checksum(bucket: Tensor) -> int:
    """CRC-32 of a bucket's bytes."""
    return zlib.crc32(bucket.cpu().numpy().data)


def full_parameters(module: nn.Module) -> Iterator[tuple[str, torch.Size]]:
    """Name and full shape of every parameter; ZeRO-3 keeps the full shape in `ds_shape`."""
    for name, parameter in module.named_parameters():
        yield name, torch.Size(getattr(parameter, "ds_shape", parameter.shape))


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


class WeightReceiver:
    """The engine's half, mixed into every vLLM worker; methods are called by `collective_rpc`."""

    device: torch.device
    rank: int
    model_runner: Any
    plumb_group: dist.ProcessGroup | None = None
    plumb_buffer: Tensor | None = None

    def plumb_follow_parent(self) -> None:
        """Exit when the process that started this one is gone: engines must not outlive a run."""
        parent = os.getppid()

        def watch() -> None:
            while os.getppid() == parent:
                time.sleep(0.5)
            os._exit(1)

        threading.Thread(target=watch, name="plumb-follow-parent", daemon=True).start()

    def plumb_attach(self, handle: bytes) -> None:
        """Map the learner's buffer."""
        if self.device.type == "cpu":
            set_sharing_strategy("file_system")
        rebuild, arguments = pickle.loads(handle)
        if self.device.type == "cuda":
            # The handle names the learner's device index; ours may differ for the same GPU.
            arguments = list(arguments)
            arguments[6] = self.device.index
        self.plumb_buffer = rebuild(*arguments)

    def plumb_join(
        self, host: str, port: int, first_rank: int, world_size: int, backend: str, seconds: float
    ) -> None:
        """Join the broadcast group."""
        timeout = timedelta(seconds=seconds)
        store = join_store(host, port, timeout)
        self.plumb_group = make_group(store, first_rank + self.rank, world_size, backend, timeout)

    def plumb_receive(self, entries: list[tuple[Any, ...]], expected: int | None) -> None:
        """Load one bucket into the model, after comparing its checksum where one is given."""
        bucket = [
            Entry(name, dtype, tuple(shape), offset) for name, dtype, shape, offset in entries
        ]
        data = self._plumb_bytes(bucket_bytes(bucket))
        if expected is not None and checksum(data) != expected:
            raise EngineError("a weight bucket arrived damaged: its checksum differs")
        self.model_runner.model.load_weights((entry.name, entry.view(data)) for entry in bucket)
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def _plumb_bytes(self, size: int) -> Tensor:
        if self.plumb_group is None:
            if self.plumb_buffer is None:
                raise EngineError("a weight bucket was announced before the buffer was mapped")
            return self.plumb_buffer[:size]
        data = torch.empty(size, dtype=torch.uint8, device=self.device)
        self.plumb_group.broadcast([data], dist.BroadcastOptions()).wait()
        return data


def _dtype(name: str) -> torch.dtype:
    dtype: torch.dtype = getattr(torch, name)
    return dtype
