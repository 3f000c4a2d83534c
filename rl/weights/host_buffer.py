"""Memory of one process that others of its host map, as tensors of bytes.

Guarantees: it goes when the last process that has it ends or lets go of it, however they end;
nothing else depends on it or is left behind; what is mapped is that memory, and never what has its
number in another process or on another host. Torch's own sharing needs a manager process for that,
and a process that lets go of memory whose manager was killed with the other end aborts.
"""

import mmap
import os
import secrets
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor


class Shared(NamedTuple):
    """What lets processes of this host map the memory."""

    path: str
    """Through the descriptor of the process that shares it."""
    name: str
    """The memory's own, which no other has."""
    size: int
    """Bytes."""


def share(size: int) -> tuple[Tensor, Shared]:
    """(size,) uint8 zeros, and what lets others map the same memory."""
    name = f"plumb-weights-{secrets.token_hex(8)}"
    file = os.memfd_create(name)  # kept open: the path goes through it
    os.ftruncate(file, max(size, 1))
    return _mapped(file, size), Shared(f"/proc/{os.getpid()}/fd/{file}", name, size)


def mapped(shared: Shared) -> Tensor:
    """What a process that lives has shared.

    Raises:
        OSError: That process has ended, or is on another host.
    """
    _check(shared, shared.path)  # before opening what may be anything
    file = os.open(shared.path, os.O_RDWR)
    try:
        _check(shared, f"/proc/self/fd/{file}")
        return _mapped(file, shared.size)
    finally:
        os.close(file)


def _check(shared: Shared, path: str) -> None:
    try:
        found = str(Path(path).readlink())
    except OSError:
        found = "nothing"
    if found != f"/memfd:{shared.name} (deleted)":
        raise OSError(
            f"{shared.path} is {found}, not the memory that a learner rank shares: the rank has "
            "ended, or is on another host (sync.transport=broadcast reaches those)"
        )


def _mapped(file: int, size: int) -> Tensor:
    # The tensor keeps the mapping, and the mapping the memory.
    return torch.frombuffer(mmap.mmap(file, max(size, 1)), dtype=torch.uint8)[:size]
