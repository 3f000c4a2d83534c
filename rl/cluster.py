"""Ray: join the cluster at hand or start a local one, and say where each actor's GPU comes from."""

import asyncio
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import ray

from rl.config import RunConfig
from rl.errors import ClusterError
from rl.guardian import guarded
from rl.hardware import Hardware, detect
from rl.rewarding import serving_gpus

GPU_PARTS = 10_000
"""The parts of a GPU that Ray counts in."""

STARTS = 3
"""Tries to start a local cluster: Ray gives one 30 s, too short at times on a busy machine."""


@dataclass(frozen=True, slots=True)
class Placement:
    """What each actor asks of Ray."""

    engine_gpus: float
    learner_gpus: float
    shared_gpu: bool
    """Whether learner and engine share the cluster's only GPU."""


@contextmanager
def connect(config: RunConfig) -> Iterator[Hardware]:
    """Connect to Ray; a cluster that was started here is stopped at the end."""
    address = config.cluster.address or os.environ.get("RAY_ADDRESS")
    with ExitStack() as stack:
        if not address:
            stack.enter_context(guarded())
        _init(address)
        stack.callback(ray.shutdown)
        yield detect(ray.cluster_resources().get("GPU", 0))


def _init(address: str | None) -> None:
    # Ray lowers its workers' priority to 15 otherwise; on a laptop that halves the speed.
    os.environ.setdefault("RAY_worker_niceness", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    for start in range(1, STARTS + 1):
        try:
            ray.init(
                address=address or "local",
                include_dashboard=None if address else False,
                logging_level="ERROR",
                log_to_driver=False,
            )
            return
        except Exception as error:
            too_slow = type(error) is Exception  # that is what Ray raises after its 30 s
            if not too_slow or start == STARTS:
                raise _unusable(address, error) from error
            ray.shutdown()


def _unusable(address: str | None, error: Exception) -> ClusterError:
    where = f"the Ray cluster at {address}" if address else "a local Ray cluster"
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    remedy = (
        "check RAY_ADDRESS or cluster.address, and `ray status` there"
        if address
        else "free memory and disk space, or join a running cluster by RAY_ADDRESS"
    )
    return ClusterError(f"{where} cannot be used: {reason}; {remedy}")


def place(config: RunConfig, hardware: Hardware) -> Placement:
    """Decide which GPUs the actors take.

    Raises:
        ClusterError: the cluster has too few GPUs; says how many the run needs.
    """
    if hardware.is_cpu:
        return Placement(0, 0, shared_gpu=False)
    judges = serving_gpus(config.reward)
    gpus = ray.cluster_resources().get("GPU", 0)
    have = gpus - judges
    engines = config.rollout.engines * config.rollout.tensor_parallel
    need = engines + config.learner.ranks
    if have >= need:
        return Placement(config.rollout.tensor_parallel, 1, shared_gpu=False)
    if gpus == 1 and judges < 1 and need == 2:
        half = math.floor(have * GPU_PARTS / 2) / GPU_PARTS
        return Placement(half, half, shared_gpu=True)
    raise ClusterError(
        f"the run needs {need + judges:g} GPUs ({engines} for rollout.engines x "
        f"rollout.tensor_parallel, {config.learner.ranks} for learner.ranks, {judges:g} for judges "
        f"that it serves), the cluster has {gpus:g}: lower them, or add nodes"
    )


def place_engines(config: RunConfig, hardware: Hardware, engines: int | None) -> tuple[int, float]:
    """How many engines run where nothing is trained, and the GPUs of each.

    Args:
        config: the run's configuration.
        hardware: of the cluster.
        engines: how many are wanted; None: as many as there is room for, on CPU hosts those of the
            configuration.

    Raises:
        ClusterError: the cluster has too few GPUs.
    """
    if hardware.is_cpu:
        return engines or config.rollout.engines, 0.0
    judges = serving_gpus(config.reward)
    gpus = ray.cluster_resources().get("GPU", 0)
    each = config.rollout.tensor_parallel
    room = int((gpus - judges) // each)
    if room == 0 and each == 1 and gpus > judges and engines in (None, 1):
        return 1, math.floor((gpus - judges) * GPU_PARTS) / GPU_PARTS
    wanted = room if engines is None else engines
    if not 1 <= wanted <= room:
        raise ClusterError(
            f"{max(wanted, 1)} engines need {max(wanted, 1) * each + judges:g} GPUs (rollout."
            f"tensor_parallel={each}, {judges:g} for judges that are served), the cluster has "
            f"{gpus:g}: lower them, or add nodes"
        )
    return wanted, float(each)


async def await_places(
    actors: Mapping[str, Sequence[Any]], gpus: Mapping[str, float], seconds: float
) -> None:
    """Wait until the cluster has given every actor its place.

    Args:
        actors: Actors by what they are called in the run's words.
        gpus: GPUs that one actor of each kind asks for.
        seconds: How long the cluster may take.

    Raises:
        ClusterError: It has no room; says what is asked for, and what is free.
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
    asked = ", ".join(f"{len(some)} {kind} of {gpus[kind]:g} GPU" for kind, some in actors.items())
    free = ray.available_resources()
    raise ClusterError(
        f"the cluster had no place for all {' and '.join(lacking)} within "
        f"cluster.start_deadline={seconds:g} s: the run asks for {asked}; free are "
        f"{free.get('GPU', 0):g} GPU and {free.get('CPU', 0):g} CPU: wait for what else runs "
        "there, or lower rollout.engines, rollout.tensor_parallel or learner.ranks"
    )


async def _settled(ref: Any) -> None:
    """Wait for a reference; what is wrong with its actor shows when it is first called."""
    await asyncio.gather(ref, return_exceptions=True)


def transport(
    config: RunConfig, placement: Placement, hardware: Hardware
) -> Literal["ipc", "broadcast"]:
    """Resolve `sync.transport`."""
    choice = config.sync.transport
    if choice != "auto":
        return choice
    one_host = hardware.is_cpu and len(ray.nodes()) == 1
    return "ipc" if one_host or placement.shared_gpu else "broadcast"
