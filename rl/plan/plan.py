"""What a run will take: where its parts go, what each GPU holds, how long a step is, what it costs.

Guarantees: pure arithmetic from settings, a model's shape and a table of hardware; the same input
gives the same plan; nothing is started, and neither torch nor Ray is imported. What is assumed and
not known (lengths, acceptance, shares of a GPU's rates) is a part of the plan.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from rl.config import RunConfig
from rl.placement import Node, Placement, place
from rl.plan.hardware import GIB, OVERHEAD, Gpu
from rl.plan.memory import EngineMemory, RankMemory, engine_memory, rank_memory
from rl.plan.settings import (
    context_of,
    merges,
    pass_of,
    passes_of,
    states_of,
    width_of,
)
from rl.plan.shape import Shape
from rl.plan.times import Assumed, Times, times

ASLEEP = 1.5 * GIB
"""Bytes that a sleeping engine keeps of a GPU."""
GPU_MEMORY = 0.85
"""`rollout.gpu_memory` where it is not said."""
BATCH_TOKENS = 8192
"""Most tokens of an engine's step, vLLM's default on large GPUs."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A run on paper.

    Attributes:
        shape: of the model.
        gpu: of which kind all GPUs are.
        placement: where engines and ranks are.
        rank: memory of a learner rank.
        rank_room: bytes that a rank may take.
        engine: memory of an engine's GPU.
        times: of a step, and the whole run's; None where something does not fit, or was not asked.
        lacks: what does not fit, in words; empty where all does.
    """

    shape: Shape
    gpu: Gpu
    placement: Placement
    rank: RankMemory
    rank_room: float
    engine: EngineMemory
    times: Times | None
    lacks: tuple[str, ...]

    @property
    def gpus(self) -> int:
        """How many the run has."""
        return len(self.placement.slots)


def plan_of(
    config: RunConfig,
    shape: Shape,
    gpu: Gpu,
    nodes: Sequence[Node],
    assumed: Assumed,
    *,
    timed: bool = True,
) -> Plan:
    """Plan a run.

    Args:
        config: the run's settings.
        shape: of its model.
        gpu: of which kind the nodes' GPUs are.
        nodes: what there is.
        assumed: what is not known.
        timed: whether steps are simulated, which takes a second.

    Raises:
        ClusterError: there is no placement; says what is asked for, and what there is.
    """
    placement = place(config, nodes)
    rank = learner_memory(config, shape, gpu, assumed)
    engine = rollout_memory(config, shape, gpu, placement)
    room = rank_room(config, gpu, placement)
    lacks = (*_rank_lacks(rank, room, gpu, placement), *_engine_lacks(config, engine, gpu))
    found = None
    if timed and not lacks:
        found = times(config, shape, gpu, placement, engine, assumed, rank)
    return Plan(shape, gpu, placement, rank, room, engine, found, lacks)


def learner_memory(config: RunConfig, shape: Shape, gpu: Gpu, assumed: Assumed) -> RankMemory:
    """Memory of a learner rank."""
    micro = pass_of(config, shape, gpu)
    learner, width = config.learner, width_of(config, gpu)
    return rank_memory(
        states_of(config, shape, gpu),
        micro,
        passes=passes_of(config, assumed.prompt_tokens + assumed.response_tokens, micro),
        bucket=config.sync.bucket_mb * 2.0**20,
        whole=not learner.lora.on or merges(config, width),
        # Under adapters the policy without them is the reference.
        reference=learner.kl.coef > 0 and not learner.lora.on,
        ema=learner.ema is not None,
        copies=config.train.checkpoint_async,
    )


def rollout_memory(config: RunConfig, shape: Shape, gpu: Gpu, placement: Placement) -> EngineMemory:
    """Memory of an engine's GPU."""
    rollout, width = config.rollout, width_of(config, gpu)
    tokens = max(BATCH_TOKENS, context_of(config)) if not gpu.is_gpu else BATCH_TOKENS
    share = engine_share(config, placement)
    found = engine_memory(
        shape,
        width=width,
        given=gpu.memory * share,
        overhead=OVERHEAD if gpu.is_gpu else 0.0,
        tensor=rollout.tensor_parallel,
        pipeline=rollout.pipeline_parallel,
        batch_tokens=tokens,
        sequences=rollout.max_concurrency,
    )
    if gpu.is_gpu:
        return found
    cache = float(rollout.cpu_cache_gb * GIB)
    given = found.weights + found.working + cache
    return EngineMemory(
        given, found.weights, found.working, 0.0, cache, found.token, cache / found.token
    )


def engine_share(config: RunConfig, placement: Placement) -> float:
    """Share of a GPU's memory that an engine takes."""
    if config.rollout.gpu_memory is not None:
        return config.rollout.gpu_memory
    side_by_side = placement.layout == "colocated" and not placement.sleeps
    return 0.5 if side_by_side else GPU_MEMORY


def rank_room(config: RunConfig, gpu: Gpu, placement: Placement) -> float:
    """Bytes that a learner rank may take of its GPU, or of its CPU host."""
    if not gpu.is_gpu:
        return gpu.memory / max(1, len(placement.ranks))
    room = gpu.memory - OVERHEAD
    if placement.layout == "colocated":
        return (
            room - ASLEEP
            if placement.sleeps
            else room - gpu.memory * engine_share(config, placement)
        )
    return room


def host_memory(rank: RankMemory, placement: Placement) -> float:
    """Bytes of its host's memory that a learner rank needs, while engines have its GPU too."""
    return rank.host + (rank.resting if placement.sleeps else 0.0)


def host_room(rank: RankMemory, room: float, gpu: Gpu) -> float:
    """Bytes of its host's memory that a learner rank has beside what it has room for."""
    return gpu.host if gpu.is_gpu else max(0.0, room - rank.total)


def _rank_lacks(rank: RankMemory, room: float, gpu: Gpu, placement: Placement) -> list[str]:
    lacks = []
    if rank.total > room:
        lacks.append(
            f"a learner rank needs {rank.total / GIB:.1f} GiB and has {room / GIB:.1f} GiB of one "
            f"{gpu.name}"
        )
    needed, has = host_memory(rank, placement), host_room(rank, room, gpu)
    if needed > has:
        lacks.append(
            f"a learner rank needs {needed / GIB:.0f} GiB of its host's memory and has about "
            f"{has / GIB:.0f} GiB"
        )
    return lacks


def _engine_lacks(config: RunConfig, engine: EngineMemory, gpu: Gpu) -> list[str]:
    context = context_of(config)
    if engine.cache <= 0:
        return [
            f"an engine's GPU needs {(engine.given - engine.cache) / GIB:.1f} GiB before any KV "
            f"cache and may take {engine.given / GIB:.1f} GiB of one {gpu.name}"
        ]
    if engine.holds(context) < 1:
        return [
            f"an engine's KV cache holds {engine.tokens:,.0f} tokens and one context may have "
            f"{context:,}"
        ]
    return []
