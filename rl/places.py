"""What a run has reserved of a Ray cluster, and where each of its actors is started.

Guarantees: all is reserved at once or nothing, on the nodes of the placement; what is impossible is
told at once and what others hold after `placement.wait` seconds, with what is asked for and what is
free; what was on a node that is gone gets another place, if there is one.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ray
from ray.exceptions import RayError
from ray.util.placement_group import PlacementGroup, placement_group, remove_placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from rl.config import RunConfig
from rl.engines.seat import Seat
from rl.errors import BusyClusterError, ClusterError
from rl.nodes import here, look, settle
from rl.placement import Placement, most_engines, place
from rl.placement_bundles import Asked, Bundle, bundles_of, placed
from rl.placement_moves import move

LOOK = 0.5  # seconds between two looks at the cluster
TOLD = 5.0  # seconds after which a line says what is waited for
AGAIN = 5.0  # seconds between two tries to place an engine that has lost its place
GONE = 60.0  # seconds for Ray to notice that a node is gone
GIVEN = 20.0  # seconds for Ray to reserve what was free a moment before


class NotGivenError(BusyClusterError):
    """What was told to be free was not given."""


@dataclass(frozen=True, slots=True)
class Reserved:
    """A bundle that the run has."""

    bundle: Bundle
    group: PlacementGroup
    index: int
    """Of the bundle in the group."""


class Places:
    """Where engines and learner ranks are.

    Args:
        config: the run's configuration.
        placement: which was found for it.
        reserved: its bundles, in the order of `bundles_of`.
    """

    def __init__(
        self, config: RunConfig, placement: Placement, reserved: Sequence[Reserved]
    ) -> None:
        self.placement = placement
        self._config = config
        self._bundles = bundles_of(placement)
        self._reserved = list(reserved)
        self._devices: dict[int, str] = {}

    @property
    def shown(self) -> bool:
        """Whether engines are shown the GPUs of ranks, which have to be there before them."""
        on_gpus = any(slot.gpu for slot in self.placement.slots)
        return on_gpus and any(asked.of_ranks for asked in self._bundles.engines)

    def rank(self, rank: int) -> dict[str, Any]:
        """Ray's options for the actor of a rank."""
        return self._options(self._bundles.ranks[rank])

    def engine(self, engine: int) -> dict[str, Any]:
        """Ray's options for the actor of an engine; `env_vars` are to be added to its own."""
        return self._options(self._bundles.engines[engine])

    def nodes(self) -> set[str]:
        """Those on which anything is, as it is now."""
        return {one.bundle.node for one in self._reserved}

    def engine_node(self, engine: int) -> str:
        """The node of an engine's actor, as it is now."""
        return self._reserved[self._bundles.engines[engine].bundles[0]].bundle.node

    def engine_env(self, engine: int) -> Mapping[str, str]:
        """What an engine's environment has to say of its GPUs.

        Raises:
            ClusterError: it is shown the GPUs of ranks, and `see` has not been told of them.
        """
        asked = self._bundles.engines[engine]
        if asked.per_worker:
            indices = ",".join(str(self._reserved[number].index) for number in asked.bundles)
            return {
                "RAY_ADDRESS": ray.get_runtime_context().gcs_address,
                "VLLM_RAY_BUNDLE_INDICES": indices,
                "VLLM_RAY_PER_WORKER_GPUS": f"{asked.per_worker:g}",
            }
        if not asked.of_ranks or not self.shown:
            return {}
        unknown = [rank for rank in asked.of_ranks if rank not in self._devices]
        if unknown:
            raise ClusterError(f"the GPUs of learner ranks {unknown} are not known yet")
        return {
            "CUDA_VISIBLE_DEVICES": ",".join(self._devices[rank] for rank in asked.of_ranks),
            "RAY_EXPERIMENTAL_NOSET_CUDA_VISIBLE_DEVICES": "1",
        }

    def seat(self, engine: int) -> Seat:
        """What an engine has of its GPUs."""
        placement = self.placement
        gpu = placement.slots[placement.engines[engine][0]].gpu
        beside = placement.layout == "colocated" and not placement.sleeps
        return Seat(
            gpu / 2 if beside else gpu,
            sleeps=placement.sleeps,
            over_nodes=bool(self._bundles.engines[engine].per_worker),
        )

    def see(self, devices: Sequence[str]) -> None:
        """Take note of the GPU of each rank, as its host numbers them."""
        self._devices = {rank: device for rank, device in enumerate(devices) if device}

    async def renew_engine(self, engine: int, say: Callable[[str], None]) -> None:
        """Wait until an engine has a place again, where a node of its own is gone."""
        told = ""
        while True:
            try:
                return await self._renew([engine], [])
            except ClusterError as error:
                if str(error) != told:
                    told = str(error)
                    say(f"rollout engine {engine} waits for a place: {told}")
            await asyncio.sleep(AGAIN)

    async def renew_ranks(self) -> None:
        """Give ranks whose node is gone another place.

        Raises:
            ClusterError: there is none within `placement.wait` seconds.
        """
        await self._renew([], range(len(self._bundles.ranks)))

    def release(self) -> None:
        """Give everything back."""
        for group in {one.group.id: one.group for one in self._reserved}.values():
            try:
                remove_placement_group(group)
            except RayError:
                continue  # with the cluster it has ended anyway

    def _options(self, asked: Asked) -> dict[str, Any]:
        reserved = self._reserved[asked.bundles[0]]
        strategy = PlacementGroupSchedulingStrategy(
            placement_group=reserved.group,
            placement_group_bundle_index=reserved.index,
            placement_group_capture_child_tasks=bool(asked.per_worker),
        )
        return {"num_cpus": 0, "num_gpus": asked.gpus, "scheduling_strategy": strategy}

    async def _renew(self, engines: Sequence[int], ranks: Sequence[int]) -> None:
        asked = [self._bundles.engines[engine] for engine in engines]
        asked += [self._bundles.ranks[rank] for rank in ranks]
        numbers = sorted({number for one in asked for number in one.bundles})
        await settle(GONE)
        until = time.monotonic() + self._config.placement.wait
        while True:
            nodes = look()
            alive = {node.name for node in nodes}
            lost = [n for n in numbers if self._reserved[n].bundle.node not in alive]
            if not lost:
                return
            bundles = [self._reserved[number].bundle for number in lost]
            try:
                moved = move(self._config, bundles, nodes, ranks=bool(ranks))
                group = await _reserve(moved)
            except BusyClusterError as error:
                if time.monotonic() > until:
                    raise ClusterError(f"{error} (placement.wait)") from error
                await asyncio.sleep(LOOK)
                continue
            for index, (number, bundle) in enumerate(zip(lost, moved, strict=True)):
                self._reserved[number] = Reserved(bundle, group, index)


async def reserve_engines(
    config: RunConfig, engines: int | None, say: Callable[[str], None]
) -> tuple[RunConfig, Places]:
    """Reserve places for engines where nothing is trained.

    Args:
        config: the run's configuration.
        engines: how many; None: as many as there is room for, on CPU hosts those of `config`.
        say: told what is waited for.

    Returns:
        The configuration with their number, and the places.

    Raises:
        ClusterError: as `reserve`.
    """
    number = most_engines(config, look()) if engines is None else engines
    rollout = config.rollout.model_copy(update={"engines": number})
    config = config.model_copy(update={"rollout": rollout})
    return config, await reserve(config, say, learner=False)


async def reserve(config: RunConfig, say: Callable[[str], None], *, learner: bool = True) -> Places:
    """Find a placement and reserve it.

    Args:
        config: the run's configuration.
        say: told what is waited for, and where what is.
        learner: whether there are ranks; else there are engines alone.

    Raises:
        ClusterError: the cluster lacks what is asked for, or others held it for `placement.wait`
            seconds; says what is asked for, and what is free.
    """
    started, wait, told = time.monotonic(), config.placement.wait, False
    tried: type[BusyClusterError] | None = None
    while True:
        try:
            nodes = look()
            placement = place(config, nodes, learner=learner)
            bundles = bundles_of(placement).all
            group = await _reserve(bundles)
            reserved = [Reserved(bundle, group, index) for index, bundle in enumerate(bundles)]
            if learner and (len(nodes) > 1 or placement.layout == "colocated"):
                say(placed(placement, {node.name: node.called for node in nodes}))
            return Places(config, placement, reserved)
        except BusyClusterError as error:
            before, tried = tried, type(error)
            if tried is NotGivenError and before is not NotGivenError:
                continue  # Ray's word of what is free comes late: what holds it shows in a moment
            waited = time.monotonic() - started
            if waited >= wait:
                raise ClusterError(f"{error} (waited placement.wait={wait:g} s)") from error
            if waited >= TOLD and not told:
                told = True
                say(f"waiting up to {wait:g} s for GPUs: {error}")
        await asyncio.sleep(LOOK)


async def _reserve(bundles: Sequence[Bundle]) -> PlacementGroup:
    """Reserve bundles, each on its node.

    Raises:
        NotGivenError: somebody else took some of it first.
    """
    group = placement_group(
        [_resources(bundle) for bundle in bundles],
        strategy="PACK",
        bundle_label_selector=[{"ray.io/node-id": bundle.node} for bundle in bundles],
    )
    try:
        if await asyncio.to_thread(group.wait, GIVEN):
            return group
    except BaseException:
        remove_placement_group(group)
        raise
    remove_placement_group(group)
    raise NotGivenError(f"Ray did not reserve {len(bundles)} places that were free before")


def _resources(bundle: Bundle) -> dict[str, float]:
    """What a bundle asks for; on a CPU host nothing that anybody could lack."""
    return {"GPU": bundle.gpus} if bundle.gpus else {here(bundle.node): 1e-4}
