"""Ray: join the cluster at hand or start a local one."""

import asyncio
import atexit
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Literal

import ray

from rewards.grading.ray_start import start_ray
from rl.config import RunConfig
from rl.errors import ClusterError, HeadLostError
from rl.guardian import Guard, guarded
from rl.hardware import Hardware, detect
from rl.placement import Layout


@contextmanager
def connect(config: RunConfig) -> Iterator[Hardware]:
    """Connect to Ray; a cluster that was started here is stopped at the end.

    Where the block ends with `HeadLostError`, the process ends once it has told the error: Ray is
    not asked to stop, as it would wait for its head.
    """
    address = config.cluster.address or os.environ.get("RAY_ADDRESS")
    with ExitStack() as stack:
        guard = stack.enter_context(guarded())
        _init(address)
        stack.callback(ray.shutdown)
        try:
            nodes = sum(node["Alive"] for node in ray.nodes())
            yield detect(ray.cluster_resources().get("GPU", 0), nodes)
        except HeadLostError:
            atexit.register(_leave, guard, stack.pop_all())
            raise


def _leave(guard: Guard, _: ExitStack) -> None:
    guard.leave()


def head_address() -> str:
    """Of the head that this process is connected to, host:port."""
    return str(ray.get_runtime_context().gcs_address)


def _init(address: str | None) -> None:
    try:
        start_ray(address)
    except Exception as error:
        raise _unusable(address, error) from error


def _unusable(address: str | None, error: Exception) -> ClusterError:
    where = f"the Ray cluster at {address}" if address else "a local Ray cluster"
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    remedy = (
        "check RAY_ADDRESS or cluster.address, and `ray status` there"
        if address
        else "free memory and disk space, or join a running cluster by RAY_ADDRESS"
    )
    return ClusterError(f"{where} cannot be used: {reason}; {remedy}")


async def await_places(actors: Mapping[str, Sequence[Any]], seconds: float) -> None:
    """Wait until every actor's process is there; its place is reserved.

    Args:
        actors: Actors by what they are called in the run's words.
        seconds: How long that may take.

    Raises:
        ClusterError: It took longer.
    """
    pending = {
        asyncio.ensure_future(_settled(actor.__ray_ready__.remote())): kind
        for kind, some in actors.items()
        for actor in some
    }
    _, waiting = await asyncio.wait(pending, timeout=seconds)
    if not waiting:
        return
    for one in waiting:
        one.cancel()
    lacking = sorted({pending[one] for one in waiting})
    raise ClusterError(
        f"the cluster did not start the processes of all {' and '.join(lacking)} within "
        f"cluster.start_deadline={seconds:g} s, though it has room for them: look at "
        "`ray status` and the logs of its nodes"
    )


async def _settled(ref: Any) -> None:
    """Wait for a reference; what is wrong with its actor shows when it is first called."""
    await asyncio.gather(ref, return_exceptions=True)


def transport(
    config: RunConfig, layout: Layout, nodes: Collection[str], hardware: Hardware
) -> Literal["ipc", "broadcast"]:
    """Resolve `sync.transport`.

    Args:
        config: the run's configuration.
        layout: of its placement.
        nodes: on which engines and learner ranks are, each once.
        hardware: what they run on.
    """
    choice = config.sync.transport
    if choice != "auto":
        return choice
    one_host = hardware.is_cpu and len(nodes) == 1
    return "ipc" if one_host or layout == "colocated" else "broadcast"
