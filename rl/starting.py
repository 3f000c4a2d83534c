"""Engines and learner, started on their places; who has the memory of their GPUs when."""

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial

from rl.cluster import await_places, transport
from rl.config import RunConfig
from rl.engines.fleet import Fleet
from rl.engines.making import maker
from rl.engines.spares import Spares
from rl.hardware import Hardware
from rl.learn.group import LearnerGroup
from rl.placement import Placement
from rl.places import Places, reserve
from rl.startup import Startup
from rl.tasks import both
from rl.turns import InTurns
from rl.versions import Versions
from rl.weights.publisher import WeightPublisher
from rl.weights.turns import Apart, Turns


async def start_actors(
    stack: AsyncExitStack,
    config: RunConfig,
    hardware: Hardware,
    startup: Startup,
    say: Callable[[str], None],
    lost: Callable[[str], None],
) -> tuple[Fleet, LearnerGroup, Places]:
    """Start engines and learner side by side, if they can be; where they are.

    Args:
        stack: stops them in the end.
        config: the run's configuration.
        hardware: what it runs on.
        startup: told what is being started.
        say: prints a line.
        lost: told what engines were lost, wait for a place, and came back.
    """
    with startup.of("places for engines and learner ranks"):
        places = await reserve(config, say)
    stack.callback(places.release)
    placement = places.placement
    learner = LearnerGroup(config, hardware, place=places.rank, renew=places.renew_ranks)
    stack.callback(learner.stop)
    startup.watch(lambda: [learner.status])
    deadline = config.cluster.start_deadline
    if places.shown:
        with startup.of("processes of learner ranks"):
            await await_places({"learner ranks": learner.actors}, deadline)
            places.see(await learner.devices())
    spares = Spares(maker(config, hardware, places), places.engine_node, say=lost)
    fleet = Fleet(
        config,
        make=spares,
        renew=partial(places.renew_engine, say=lost),
        say=lost,
    )
    stack.push_async_callback(fleet.stop)
    stack.push_async_callback(spares.aclose)
    actors = {"engines": [one.actor for one in fleet.handles], "learner ranks": learner.actors}
    with startup.of("processes of engines and learner ranks"):
        await await_places(actors, deadline)
    startup.watch(lambda: [f"{one.name}: {one.state}" for one in fleet.handles if not one.started])
    await learner.check_run_dir(config.run_dir)
    if placement.layout == "colocated":
        # vLLM measures the GPU's memory as it starts: another's must not change meanwhile.
        await learner.start()
        if placement.sleeps:
            await learner.residence("leave", "optimizer")
            await learner.residence("leave", "weights")
        await fleet.start()
    else:
        await both(fleet.start(), learner.start())
    if hardware.is_cpu and config.rollout.spare_after is not None:
        spares.begin(range(config.rollout.engines), config.rollout.spare_after)
    return fleet, learner, places


def turns_of(
    config: RunConfig,
    hardware: Hardware,
    placement: Placement,
    learner: LearnerGroup,
    fleet: Fleet,
    versions: Versions,
    say: Callable[[str], None],
) -> Turns:
    """Who has the memory of GPUs."""
    if not placement.sleeps:
        return Apart()
    lora, dtype = config.learner.lora, hardware.dtype(config.model.dtype)
    turns = InTurns(
        learner,
        fleet,
        versions,
        seconds=config.sync.deadline,
        say=say,
        base_stays=hardware.adapters_travel(lora, dtype),
    )
    fleet.sleeps, fleet.alone = True, turns.alone
    return turns


async def publisher_of(
    config: RunConfig,
    hardware: Hardware,
    places: Places,
    learner: LearnerGroup,
    fleet: Fleet,
    canary: Sequence[int],
    turns: Turns,
) -> WeightPublisher:
    """What brings weights from the learner to the engines, connected to both."""
    publisher = WeightPublisher(config, hardware, learner, fleet, canary, turns)
    layout = places.placement.layout
    await publisher.connect(
        lambda: transport(config, layout, places.nodes(), hardware), _below(places.placement)
    )
    fleet.attach = publisher.attach
    return publisher


def _below(placement: Placement) -> list[tuple[int, ...]] | None:
    """Of each engine, the ranks that its workers are on; None where they are on none."""
    if placement.layout == "apart":
        return None
    rank_on = {slot: rank for rank, slot in enumerate(placement.ranks)}
    return [tuple(rank_on[slot] for slot in slots) for slots in placement.engines]
