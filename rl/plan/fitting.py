"""What would make a run fit: the cheapest change of settings under which every part has room."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from math import log2
from typing import Any, Final

from pydantic import ValidationError

from rl.config import LearnerConfig, RunConfig
from rl.errors import ClusterError
from rl.placement import Node, Placement, place
from rl.plan.hardware import Gpu
from rl.plan.plan import host_memory, host_room, learner_memory, rank_room, rollout_memory
from rl.plan.settings import context_of, trained_context
from rl.plan.shape import Shape
from rl.plan.times import Assumed

Change = Mapping[str, Any]
"""Settings by their paths."""

ROOM: Final = 0.95
"""Share of the room that a change may fill."""
GROWTH: Final = (1, 2, 4, 8, 16, 32)
"""Times as many ranks."""
GPU_MEMORY: Final = 0.92
"""Most of a GPU that an engine is advised to take."""
MICRO: Final = 2048
"""Fewest tokens of a micro-batch that are advised."""
CONTEXTS: Final = 4
"""Longest contexts that an engine is advised to hold at one time."""


def changed(config: RunConfig, change: Change) -> RunConfig:
    """The settings with a change, of sections' own fields."""
    sections: dict[str, dict[str, Any]] = {}
    for path, value in change.items():
        section, _, name = path.partition(".")
        sections.setdefault(section, {})[name] = value
    return config.model_copy(
        update={
            section: getattr(config, section).model_copy(update=values)
            for section, values in sections.items()
        }
    )


def learner_remedy(
    config: RunConfig, shape: Shape, gpu: Gpu, placement: Placement, assumed: Assumed
) -> Change | None:
    """The cheapest change with which a learner rank has room; None: there is none here."""
    found: list[tuple[float, int, Change]] = []
    for order, change in enumerate(_learner_changes(config, shape)):
        cost = _cost(config, change)
        if found and cost >= found[0][0]:
            continue
        tried = changed(config, change)
        memory = learner_memory(tried, shape, gpu, assumed)
        room = rank_room(tried, gpu, placement)
        fits = memory.total <= ROOM * room
        fits &= host_memory(memory, placement) <= host_room(memory, room, gpu)
        if fits and _is_allowed(tried.learner):
            found = [(cost, order, change)]
    return found[0][2] if found else None


def engine_remedy(config: RunConfig, shape: Shape, gpu: Gpu, placement: Placement) -> Change | None:
    """The cheapest change with which an engine holds a context; None: there is none here."""
    needed = CONTEXTS * context_of(config)
    if rollout_memory(config, shape, gpu, placement).holds(context_of(config)) >= 1:
        return {}
    shares = [None, GPU_MEMORY] if placement.layout == "apart" else [None]
    tensors = [n for n in (1, 2, 4, 8, 16, 32) if n >= config.rollout.tensor_parallel]
    for tensor, share in product(tensors, shares):
        if shape.heads % tensor:
            continue
        change: dict[str, Any] = {"rollout.tensor_parallel": tensor}
        if share is not None:
            change["rollout.gpu_memory"] = share
        tried = changed(config, change)
        if rollout_memory(tried, shape, gpu, placement).holds(needed) >= 1:
            return _new(config, change)
    return None


def fit(
    config: RunConfig, shape: Shape, gpu: Gpu, nodes: Sequence[Node], assumed: Assumed
) -> RunConfig | None:
    """The settings with the cheapest changes under which all fits on these nodes, if it can."""
    try:
        placement = place(config, nodes)
    except ClusterError:
        return None
    for_engine = engine_remedy(config, shape, gpu, placement)
    for_rank = learner_remedy(config, shape, gpu, placement, assumed)
    if for_engine is None or for_rank is None:
        return None
    return changed(config, {**for_engine, **for_rank})


def told(change: Change) -> str:
    """A change as the command line takes it."""
    return " ".join(f"{path}={_word(value)}" for path, value in change.items())


def _learner_changes(config: RunConfig, shape: Shape) -> Iterator[Change]:
    learner = config.learner
    row = trained_context(config)
    stages = [stage for stage in (learner.zero_stage, 2, 3) if stage >= learner.zero_stage]
    for ranks, shared, stage, again, offload in product(
        [learner.ranks * times for times in GROWTH],
        [n for n in (1, 2, 4, 8, 16) if n >= learner.sequence_parallel],
        dict.fromkeys(stages),
        {learner.gradient_checkpointing, True},
        {learner.optimizer_offload, learner.optimizer_offload or learner.optimizer == "adamw"},
    ):
        if ranks % shared or shape.heads % shared or (shared > 1 and not learner.packing):
            continue
        if offload and stage == 0:
            continue
        for tokens in {
            learner.micro_batch_tokens,
            min(learner.micro_batch_tokens, max(MICRO, -(-row // shared))),
        }:
            yield _new(
                config,
                {
                    "learner.ranks": ranks,
                    "learner.sequence_parallel": shared,
                    "learner.zero_stage": stage,
                    "learner.gradient_checkpointing": again,
                    "learner.optimizer_offload": offload,
                    "learner.micro_batch_tokens": tokens,
                },
            )


def _is_allowed(learner: LearnerConfig) -> bool:
    """Whether these settings may stand together."""
    try:
        LearnerConfig.model_validate(learner.model_dump())
    except ValidationError:
        return False
    return True


def _cost(config: RunConfig, change: Change) -> float:
    """What a change costs in time and money, roughly, in the order in which to try them."""
    learner = config.learner
    cost = 3.0 * log2(change.get("learner.ranks", learner.ranks) / learner.ranks)
    shared = change.get("learner.sequence_parallel", learner.sequence_parallel)
    cost += 1.2 * log2(shared / learner.sequence_parallel)
    stage = change.get("learner.zero_stage", learner.zero_stage)
    cost += 0.2 * (stage >= 2) + 0.3 * (stage == 3) if "learner.zero_stage" in change else 0.0
    cost += 1.0 * ("learner.gradient_checkpointing" in change)
    cost += 2.5 * ("learner.optimizer_offload" in change)
    return cost + 0.4 * ("learner.micro_batch_tokens" in change)


def _new(config: RunConfig, change: Change) -> Change:
    """Without what is so already."""

    def now(path: str) -> Any:
        section, _, name = path.partition(".")
        return getattr(config.learner if section == "learner" else config.rollout, name)

    return {path: value for path, value in change.items() if value != now(path)}


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
