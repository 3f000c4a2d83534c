"""Process groups: where their members meet, and groups beside torch's default one."""

from datetime import timedelta
from typing import Any

import torch.distributed as dist

from rl.errors import LearnerError

c10d: Any = dist
"""torch's type stubs leave out its stores and backends."""


def open_store(host: str, port: int) -> Any:
    """Serve a store at `port`, or at any free port for 0; it lives as long as the object."""
    try:
        return c10d.TCPStore(host, port, is_master=True, wait_for_workers=False)
    except dist.DistNetworkError as error:
        raise LearnerError(
            f"port {port} on {host} cannot be used (address already in use): free it, or set "
            "learner.port to another port, or to 0 for any free one"
        ) from error


def join_store(host: str, port: int, timeout: timedelta) -> Any:
    """Connect to a store that another process serves."""
    return c10d.TCPStore(host, port, is_master=False, timeout=timeout, wait_for_workers=False)


def make_group(
    store: Any, rank: int, world_size: int, backend: str, timeout: timedelta
) -> dist.ProcessGroup:
    """A process group beside torch's default one, which learner and engine each have already."""
    scoped = c10d.PrefixStore("plumb_weights", store)
    if backend == "nccl":
        options = c10d.ProcessGroupNCCL.Options()
        options._timeout = timeout
        nccl: dist.ProcessGroup = c10d.ProcessGroupNCCL(scoped, rank, world_size, options)
        return nccl
    gloo: dist.ProcessGroup = c10d.ProcessGroupGloo(scoped, rank, world_size, timeout)
    return gloo
