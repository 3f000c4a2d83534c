"""Seconds of a step and what they cost: rates of engines and learner, given to the simulated loop.

The loop is the real dispatcher over engines and a learner that only wait (`rl.simulation`), so that
stragglers, lag and updates cost what they cost in a run.
"""

from dataclasses import dataclass

from rl.config import RunConfig
from rl.placement import Placement
from rl.plan.hardware import LINKS, Gpu
from rl.plan.memory import EngineMemory, RankMemory
from rl.plan.settings import (
    adapter_parameters,
    episodes,
    merges,
    pass_of,
    passes_of,
    states_of,
    training_of,
    width_of,
)
from rl.plan.shape import Shape
from rl.plan.speed import (
    decoding,
    learning_seconds,
    moving_seconds,
    prefill_seconds,
    training_flops,
    transfer_seconds,
)
from rl.simulation.load import Load, median_of
from rl.simulation.steps import WARM_UP, Loop, step

COUNTED = 8
"""Simulated steps that count."""
HOST_STEP = 10e9
"""Bytes a second of an optimizer's step in a host's memory, a rank."""


@dataclass(frozen=True, slots=True)
class Assumed:
    """What nobody knows before a run.

    Attributes:
        prompt_tokens: of a prompt, on average.
        response_tokens: of an answer, on average.
        acceptance: share of groups that teach something.
    """

    prompt_tokens: float
    response_tokens: float
    acceptance: float = 0.5


def assumed_of(
    config: RunConfig,
    prompt_tokens: float | None = None,
    response_tokens: float | None = None,
    acceptance: float | None = None,
) -> Assumed:
    """What is said, and else: half of the longest prompt, a quarter of the longest answer, half."""
    rollout = config.rollout
    return Assumed(
        prompt_tokens or rollout.max_prompt_tokens / 2,
        min(response_tokens or rollout.max_response_tokens / 4, rollout.max_response_tokens),
        acceptance or (1.0 if config.sampler.filter == "none" else 0.5),
    )


@dataclass(frozen=True, slots=True)
class Times:
    """Of a step, seconds; warm-up apart.

    Attributes:
        step: of the whole, in the simulated loop.
        generate: of sampling alone, all engines full.
        learn: of learning alone.
        sync: of a weight update, of moving memory between GPU and host too.
        waited: in which the learner waits for a batch.
        lag: mean of trained tokens, versions.
        sampled: tokens.
        trained: tokens, prompts apart.
        flops: of learning.
        engine_speed: tokens a second of one engine at full load.
        slots: answers that an engine decodes at once.
        gpu_hours: of all steps of the run.
    """

    step: float
    generate: float
    learn: float
    sync: float
    waited: float
    lag: float
    sampled: float
    trained: float
    flops: float
    engine_speed: float
    slots: int
    gpu_hours: float


def times(
    config: RunConfig,
    shape: Shape,
    gpu: Gpu,
    placement: Placement,
    engine: EngineMemory,
    assumed: Assumed,
    rank: RankMemory,
) -> Times:
    """What a step takes."""
    sampler, rollout = config.sampler, config.rollout
    length = assumed.prompt_tokens + assumed.response_tokens
    slots = max(1, min(rollout.max_concurrency, int(engine.holds(length))))
    workers = len(placement.engines[0])
    context = assumed.prompt_tokens + assumed.response_tokens / 2
    law = decoding(shape, gpu, workers, width_of(config, gpu), context, slots)
    flops, learn = _learning(config, shape, gpu, placement, assumed)
    sync = _update(config, shape, gpu, placement, rank)
    if sampler.max_lag and config.sync.kv == "recompute":
        in_flight = len(placement.engines) * slots * context
        sync += prefill_seconds(shape, gpu, len(placement.engines) * workers, in_flight, context)
    loop = Loop(
        size=sampler.prompts_per_step,
        samples=sampler.samples_per_prompt,
        engines=len(placement.engines),
        max_lag=sampler.max_lag,
        ahead=sampler.ahead,
        order=sampler.order,
        steps=WARM_UP + COUNTED,
    )
    cut = rollout.max_response_tokens
    load = Load(
        sampler.samples_per_prompt,
        assumed.acceptance,
        median=median_of(assumed.response_tokens, cut),
        cut=cut,
    )
    # Engines that are asleep while the policy learns stand still as long.
    still = learn if placement.sleeps else 0.0
    ran = step(loop, load, law, learn - still, sync + still)
    return Times(
        step=ran.seconds,
        generate=ran.tokens / (law.full * len(placement.engines)),
        learn=learn,
        sync=sync,
        waited=ran.waited,
        lag=ran.lag,
        sampled=ran.tokens,
        trained=episodes(config) * assumed.response_tokens,
        flops=flops,
        engine_speed=law.full,
        slots=slots,
        gpu_hours=ran.seconds * config.train.steps * len(placement.slots) / 3600,
    )


def _learning(
    config: RunConfig, shape: Shape, gpu: Gpu, placement: Placement, assumed: Assumed
) -> tuple[float, float]:
    """FLOPs and seconds of learning a step."""
    learner, width = config.learner, width_of(config, gpu)
    length = assumed.prompt_tokens + assumed.response_tokens
    training = training_of(config)
    tokens = episodes(config) * length
    trained = assumed.response_tokens / length
    flops = tokens * training_flops(shape, training, length, trained)
    compute = learning_seconds(flops, learner.ranks, gpu)
    steps = -(-episodes(config) // learner.mini_batch_size) * learner.epochs
    passes = passes_of(config, length, pass_of(config, shape, gpu))
    nodes = {placement.rank_node(rank) for rank in range(learner.ranks)}
    link = (gpu.link if len(nodes) == 1 else gpu.network) * LINKS
    states = states_of(config, shape, gpu)
    others = (learner.ranks - 1) / learner.ranks
    trained_weights = states.trained * width * others
    frozen_weights = states.frozen * states.frozen_width * others
    # ZeRO 3 gathers weights on both ways and spreads gradients; else gradients are summed once.
    sent = 3 * trained_weights * steps
    if learner.zero_stage == 3:
        sent = (3 * trained_weights + 2 * frozen_weights) * passes * steps
    host = 0.0
    if learner.optimizer_offload:
        host = steps * states.trained * 16 / learner.ranks / HOST_STEP
    return flops, max(compute, sent / link) + host


def _update(
    config: RunConfig, shape: Shape, gpu: Gpu, placement: Placement, rank: RankMemory
) -> float:
    """Seconds of a weight update, without what answers in flight are computed again for."""
    learner, width = config.learner, width_of(config, gpu)
    whole = float(shape.parameters * width)
    if learner.lora.on and not merges(config, width):
        whole = adapter_parameters(shape, learner.lora.rank, learner.lora.targets) * width
    seconds = transfer_seconds(
        whole,
        gpu,
        nodes=len({slot.node for slot in placement.slots}),
        shared=placement.layout == "colocated",
        gathered=learner.zero_stage == 3,
    )
    return seconds + (moving_seconds(rank.resting) if placement.sleeps else 0.0)
