"""Sources laid out in flat buckets, which are filled one after another in one buffer.

Guarantees: a bucket stays whole while the one after it is filled; every rank gathers every
parameter, whether it holds the buffer or not.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from rl.weights.host_buffer import Shared, share
from rl.weights.layout import Entry, bucket_bytes, plan_buckets
from rl.weights.sources import Source, network_of


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket that is full."""

    entries: Sequence[Entry]
    start: int
    """Bytes from the start of the buffer that engines map."""
    data: Tensor | None
    """Its bytes, until the bucket after the next is asked for; only on the lead rank."""


class Packing:
    """Buckets of some sources.

    Args:
        module: the policy, which the sources are of.
        sources: what is packed.
        dtype: of the tensors in the buckets, but for sources with one of their own.
        device: where buckets are laid out.
        size: bytes of a bucket.
        lead: whether this rank holds the buffer.
    """

    def __init__(
        self,
        module: nn.Module,
        sources: Sequence[Source],
        *,
        dtype: torch.dtype,
        device: torch.device,
        size: int,
        lead: bool,
    ) -> None:
        self._network = network_of(module)
        self._sources = sources
        self.device = device
        self._lead = lead
        self._holds = lead
        self._buffer: Tensor | None = None
        tensors = [item for source in sources for item in source.tensors.items()]
        own = {name: one.dtype for one in sources if one.dtype for name in one.tensors}
        self._buckets = plan_buckets(tensors, dtype, size, own)
        sizes = [bucket_bytes(bucket) for bucket in self._buckets]
        # Two neighbours fit side by side: one at the start, the next at the end, and so on.
        self._room = max(map(sum, zip(sizes, [*sizes[1:], 0], strict=True)))
        self._starts = [0 if i % 2 == 0 else self._room - size for i, size in enumerate(sizes)]

    def open_buffer(self) -> Tensor:
        """The buffer, which this rank holds from now on, lead or not."""
        if not self._holds:
            self._holds = True
            self._buffer = None
        return self.buffer

    def share(self) -> Shared:
        """On a CPU host: the same where other processes can map it."""
        self._holds = True
        self._buffer, shared = share(self._room)
        return shared

    @property
    def buffer(self) -> Tensor:
        """(bytes,) uint8; empty on ranks that hold none."""
        if self._buffer is None:
            size = self._room if self._holds else 0
            self._buffer = torch.empty(size, dtype=torch.uint8, device=self.device)
        return self._buffer

    def buckets(self) -> Iterator[Bucket]:
        """Fill and yield one bucket after another."""
        places = {
            entry.name: (number, entry)
            for number, bucket in enumerate(self._buckets)
            for entry in bucket
        }
        number = 0
        for source in self._sources:
            with source.gathered():
                tensors = source.taken_apart(self._network) if self._holds else {}
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
        return self.buffer[start : start + bucket_bytes(self._buckets[number])]

    def _filled(self, number: int) -> Bucket:
        if self.buffer.is_cuda:
            # Other processes and streams read the buffer: they do not wait for this one's copies.
            torch.cuda.current_stream().synchronize()
        data = self._data(number) if self._lead else None
        return Bucket(self._buckets[number], self._starts[number], data)
