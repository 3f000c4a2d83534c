"""Memory of one process that others of its host map, as tensors of bytes.

Guarantees: it goes when the last process that has it ends or lets go of it, however they end;
nothing else depends on it or is left behind. Torch's own sharing needs a manager process for that,
and a process that lets go of memory whose manager was killed with the other end aborts.
"""

import mmap
import os

import torch
from torch import Tensor


def share(size: int) -> tuple[Tensor, str]:
    """(size,) uint8 zeros, and the path at which processes of this host map the same memory."""
    file = os.memfd_create("plumb-weights")  # kept open: the path goes through it
    os.ftruncate(file, max(size, 1))
    return _mapped(file, size), f"/proc/{os.getpid()}/fd/{file}"


def mapped(path: str, size: int) -> Tensor:
    """What `share` of a process that lives has shared.

    Raises:
        OSError: That process has ended, or is on another host.
    """
    file = os.open(path, os.O_RDWR)
    try:
        return _mapped(file, size)
    finally:
        os.close(file)


def _mapped(file: int, size: int) -> Tensor:
    # The tensor keeps the mapping, and the mapping the memory.
    return torch.frombuffer(mmap.mmap(file, max(size, 1)), dtype=torch.uint8)[:size]
