"""Where each tensor lies in the flattened buckets by which weights travel."""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

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
    parameters: Iterable[tuple[str, torch.Size]],
    dtype: torch.dtype,
    size: int,
    own: Mapping[str, torch.dtype] | None = None,
) -> list[list[Entry]]:
    """Lay parameters out in buckets of `size` bytes; a larger parameter has a bucket of its own.

    They are of `dtype`, but for those that `own` names with another one.
    """
    buckets: list[list[Entry]] = []
    end = size + 1
    for name, shape in parameters:
        kind = (own or {}).get(name, dtype)
        nbytes = shape.numel() * kind.itemsize
        if end + nbytes > size:
            buckets.append([])
            end = 0
        buckets[-1].append(Entry(name, str(kind).removeprefix("torch."), tuple(shape), end))
        end += -(-nbytes // ALIGNMENT) * ALIGNMENT
    return buckets


def bucket_bytes(bucket: Sequence[Entry]) -> int:
    """Bytes that a bucket takes."""
    return bucket[-1].offset + -(-bucket[-1].nbytes // ALIGNMENT) * ALIGNMENT


def checksum(bucket: Tensor) -> int:
    """CRC-32 of a bucket's bytes."""
    return zlib.crc32(bucket.cpu().numpy().data)


def _dtype(name: str) -> torch.dtype:
    dtype: torch.dtype = getattr(torch, name)
    return dtype
