"""Places on a cluster of two Ray nodes with GPUs that are only counted."""

import asyncio
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import ray

from rl.cluster import await_places, connect
from rl.config import RunConfig
from rl.errors import ClusterError
from rl.nodes import look
from rl.places import Places, reserve
from tests.ray_start import start_cluster

pytestmark = pytest.mark.slow


class Cluster2:
    """Two nodes of this machine: 2 GPUs on the first, 4 on the second."""

    def __init__(self) -> None:
        # As `connect` has them before it starts a cluster.
        os.environ |= {"RAY_worker_niceness": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
        self.cluster = start_cluster({"num_cpus": 1, "num_gpus": 2})
        self.second = self.add()

    def add(self) -> Any:
        return self.cluster.add_node(num_cpus=1, num_gpus=4)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster2]:
    made = Cluster2()
    try:
        with connect(RunConfig.model_validate({"cluster": {"address": made.cluster.address}})):
            yield made
    finally:
        made.cluster.shutdown()


@pytest.fixture(autouse=True)
async def free(cluster: Cluster2) -> None:
    """What an earlier test gave back is there again, which Ray tells late."""
    async with asyncio.timeout(120):
        while any(node.free not in (None, node.gpus) for node in look()):
            await asyncio.sleep(0.1)


@ray.remote
class Who:
    """Where an actor is, and which GPUs it is shown."""

    def look(self) -> tuple[str, str, str]:
        node = ray.get_runtime_context().get_node_id()
        gpus = ",".join(str(gpu) for gpu in ray.get_gpu_ids())
        return node, gpus, os.environ.get("CUDA_VISIBLE_DEVICES", "")


def config(engines: int, parallel: int, ranks: int, **placement: Any) -> RunConfig:
    rollout = {"engines": engines, "tensor_parallel": parallel}
    return RunConfig.model_validate(
        {"rollout": rollout, "learner": {"ranks": ranks}, "placement": placement}
    )


def unsaid(line: str) -> None:
    """Nothing is waited for."""
    assert line.startswith("placed "), line


async def started(places: Places, asked: RunConfig) -> tuple[list[Any], list[Any]]:
    """What ranks and engines see of the cluster, started as a run starts them."""
    ranks = [Who.options(**places.rank(rank)).remote() for rank in range(asked.learner.ranks)]
    of_ranks = await asyncio.gather(*(rank.look.remote() for rank in ranks))
    places.see([gpus for _, gpus, _ in of_ranks])
    engines = []
    for engine in range(asked.rollout.engines):
        env = {"env_vars": dict(places.engine_env(engine))}
        engines.append(Who.options(**places.engine(engine), runtime_env=env).remote())
    await await_places({"engines": engines}, 120)
    of_engines = await asyncio.gather(*(engine.look.remote() for engine in engines))
    for actor in ranks + engines:
        ray.kill(actor)
    return list(of_ranks), list(of_engines)


async def test_what_is_not_started_in_time_is_named(cluster: Cluster2) -> None:
    never = Who.options(num_gpus=100).remote()
    said = "did not start the processes of all engines within cluster.start_deadline=2 s, though"
    with pytest.raises(ClusterError, match=said):
        await await_places({"engines": [never], "learner ranks": []}, 2)
    ray.kill(never)


async def test_apart_everybody_has_gpus_of_their_own(cluster: Cluster2) -> None:
    asked = config(2, 2, 2)
    places = await reserve(asked, unsaid)
    ranks, engines = await started(places, asked)
    assert len({node for node, *_ in ranks}) == 1
    assert [len(shown.split(",")) for _, _, shown in engines] == [2, 2]
    taken = [(node, gpu) for node, _, shown in ranks + engines for gpu in shown.split(",")]
    assert len(set(taken)) == len(taken) == 6
    for rank in range(2):
        assert ranks[rank][0] == places.placement.rank_node(rank)
    for engine in range(2):
        assert (engines[engine][0],) == places.placement.engine_nodes(engine)
    places.release()


async def test_colocated_an_engine_is_shown_the_gpus_of_its_ranks(cluster: Cluster2) -> None:
    asked = config(2, 2, 5)
    places = await reserve(asked, unsaid)
    assert places.placement.layout == "colocated"
    ranks, engines = await started(places, asked)
    for engine, slots in enumerate(places.placement.engines):
        node, _, shown = engines[engine]
        assert {ranks[slot][0] for slot in slots} == {node}
        assert shown.split(",") == [ranks[slot][1] for slot in slots]
    assert len({(node, gpus) for node, gpus, _ in ranks}) == 5
    assert places.seat(0).sleeps
    places.release()


async def test_single_gpus_are_had_in_halves(cluster: Cluster2) -> None:
    asked = config(5, 1, 5, layout="colocated")
    places = await reserve(asked, unsaid)
    ranks, engines = await started(places, asked)
    assert [one[:2] for one in engines] == [one[:2] for one in ranks]
    assert len({one[:2] for one in ranks}) == 5
    places.release()


async def test_what_others_hold_is_waited_for_and_then_told(cluster: Cluster2) -> None:
    other = await reserve(config(1, 2, 2), unsaid)
    while any(node.free == 4 for node in look()):  # Ray tells late of what is free
        await asyncio.sleep(0.1)
    lines: list[str] = []
    asked = config(2, 2, 2, wait=15.0)
    started_at = time.monotonic()
    told = (
        r"the run asks for 2 engines of 2 GPUs and 2 learner ranks of 1 GPU, 6 apart or 4 "
        r"colocated; the cluster has free 2 of 2 GPUs on \S+, 0 of 4 GPUs on \S+: wait for what "
        r".*\(waited placement\.wait=15 s\)"
    )
    with pytest.raises(ClusterError, match=told) as caught:
        await reserve(asked, lines.append)
    assert time.monotonic() - started_at < 120
    assert "\n" not in str(caught.value)
    (line,) = lines
    assert line.startswith("waiting up to 15 s for GPUs: the run asks for ")
    # Another run that ends makes room.
    waiting = asyncio.ensure_future(reserve(config(2, 2, 2, wait=60.0), lines.append))
    await asyncio.sleep(1)
    assert not waiting.done()
    other.release()
    (await waiting).release()


async def test_what_ray_tells_late_of_what_is_free_is_looked_at_again(
    cluster: Cluster2, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = await reserve(config(1, 2, 2), unsaid)
    late = [[replace(node, free=None) for node in look()]]
    monkeypatch.setattr("rl.places.look", lambda: late.pop() if late else look())
    monkeypatch.setattr("rl.places.GIVEN", 1.0)
    try:
        with pytest.raises(ClusterError, match=r"0 of 4 GPUs on \S+: wait for what .*=0.1 s\)"):
            await reserve(config(2, 2, 2, wait=0.1), unsaid)
        assert late == []
    finally:
        other.release()


async def test_what_was_on_a_node_that_is_gone_gets_another_place(cluster: Cluster2) -> None:
    asked = config(1, 2, 2, layout="apart", wait=60.0)
    places = await reserve(asked, unsaid)
    before = places.placement.engine_nodes(0)
    assert before == (look()[1].name,)
    await places.renew_engine(0, unsaid)  # it has one: nothing is done
    cluster.cluster.remove_node(cluster.second, allow_graceful=False)
    # As a rule Ray has not noticed it by now.
    cluster.second = cluster.add()
    async with asyncio.timeout(120):
        await places.renew_engine(0, unsaid)
    await places.renew_ranks()
    ranks, ((node, _, shown),) = await started(places, asked)
    assert len({one[0] for one in ranks}) == 1
    assert {node, *(one[0] for one in ranks)} <= {one.name for one in look()} - set(before)
    assert len(shown.split(",")) == 2
    places.release()
