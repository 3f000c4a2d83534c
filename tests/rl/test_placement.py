"""Which GPUs of which nodes engines and ranks have: no cluster is needed to tell."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise, product
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rl.config import RunConfig
from rl.errors import BusyClusterError, ClusterError
from rl.placement import Node, Placement, Slot, most_engines, place
from rl.placement_bundles import Bundle, bundles_of, placed
from rl.placement_moves import move


def config(
    engines: int = 1, parallel: int = 1, ranks: int = 1, judge: float = 0, **sections: Any
) -> RunConfig:
    rollout = {"engines": engines, "tensor_parallel": parallel}
    tree: dict[str, Any] = {"learner": {"ranks": ranks}} | sections
    tree["rollout"] = rollout | tree.get("rollout", {})
    if judge:
        options = {"serve": {"model": "judge", "gpus": judge}}
        tree["reward"] = {"routes": {"text": {"spec": "judge", "options": options}}}
    return RunConfig.model_validate(tree)


def hosts(*gpus: float, free: Sequence[float] | None = None) -> list[Node]:
    left: Sequence[float | None] = free or [None] * len(gpus)
    return [Node(f"n{i}", n, left[i], frozenset({f"host{i}"})) for i, n in enumerate(gpus)]


def shown(placement: Placement) -> str:
    """By slot: the node, the engine and the rank on it."""
    engine = {slot: e for e, slots in enumerate(placement.engines) for slot in slots}
    rank = {slot: r for r, slot in enumerate(placement.ranks)}
    return " ".join(
        f"{slot.node}:{'' if i not in engine else f'e{engine[i]}'}"
        f"{'' if i not in rank else f'r{rank[i]}'}"
        for i, slot in enumerate(placement.slots)
    )


@pytest.mark.parametrize(
    ("asked", "nodes", "expected"),
    [
        # A node that is just large enough, not the largest.
        (config(), hosts(8, 2), "n1:r0 n1:e0"),
        (config(2, 2, 4), hosts(8), "n0:r0 n0:r1 n0:r2 n0:r3 n0:e0 n0:e0 n0:e1 n0:e1"),
        # Over two nodes: ranks together on one, engines whole.
        (config(2, 2, 4), hosts(4, 4), "n0:r0 n0:r1 n0:r2 n0:r3 n1:e0 n1:e0 n1:e1 n1:e1"),
        # An engine larger than any node is in equal parts on several.
        (config(1, 4, 2), hosts(2, 2, 2), "n2:r0 n2:r1 n0:e0 n0:e0 n1:e0 n1:e0"),
        # Too few for both: the same GPUs in turns, an engine on its ranks.
        (config(2, 2, 4), hosts(4), "n0:e0r0 n0:e0r1 n0:e1r2 n0:e1r3"),
        (config(1, 2, 3), hosts(2, 1), "n0:e0r0 n0:e0r1 n1:r2"),
        (config(2, 1, 3, placement={"layout": "colocated"}), hosts(8), "n0:e0r0 n0:e1r1 n0:r2"),
        (config(1, 4, 4), hosts(2, 2), "n0:e0r0 n0:e0r1 n1:e0r2 n1:e0r3"),
        # Settings say where.
        (config(2, placement={"engines_per_node": 1}), hosts(8, 8), "n0:r0 n0:e0 n1:e1"),
        (config(1, 1, 2, placement={"ranks_per_node": 1}), hosts(8, 8), "n0:r0 n1:r1 n1:e0"),
        (config(placement={"learner_nodes": ["host1"]}), hosts(8, 8), "n1:r0 n1:e0"),
        (
            config(placement={"learner_nodes": ["n1"], "engine_nodes": ["host0"]}),
            hosts(8, 8),
            "n1:r0 n0:e0",
        ),
        # A judge that will be served keeps its room, on the smallest node that has it.
        (config(1, 1, 4, judge=2), hosts(4, 2), "n0:e0r0 n0:r1 n0:r2 n0:r3"),
        (config(1, 1, 1, judge=1), hosts(2, 1), "n0:r0 n0:e0"),
        # CPU hosts: what there is to do is spread.
        (config(), hosts(0), "n0:r0 n0:e0"),
        (config(), hosts(0, 0), "n0:r0 n1:e0"),
        (config(3), hosts(0, 0), "n0:r0 n0:e0 n1:e1 n1:e2"),
        (config(2, 2, 1), hosts(0, 0), "n0:r0 n0:e0 n0:e0 n1:e1 n1:e1"),
        (config(2, 1, 2, placement={"layout": "colocated"}), hosts(0, 0), "n0:e0r0 n1:e1r1"),
    ],
)
def test_what_is_asked_for_is_placed(asked: RunConfig, nodes: list[Node], expected: str) -> None:
    placement = place(asked, nodes)
    assert shown(placement) == expected
    assert placement.layout == ("colocated" if any("r" in one and "e" in one for one in
                                                   expected.split()) else "apart")  # fmt: skip


@pytest.mark.parametrize(
    ("free", "judge", "slot"),
    [(None, 0, 1.0), (None, 0.3, 0.7), ([0.75], 0.25, 0.75)],
)
def test_engine_and_learner_are_side_by_side_on_the_only_gpu(
    free: list[float] | None, judge: float, slot: float
) -> None:
    placement = place(config(judge=judge), hosts(1, free=free))
    assert placement == Placement("colocated", False, (Slot("n0", slot),), ((0,),), (0,))
    turns = place(config(judge=judge, placement={"sleep": True}), hosts(1, free=free))
    assert turns.sleeps


@pytest.mark.parametrize(
    ("gpus", "judge", "parallel", "room"),
    [(8, 0, 1, 8), (8, 0, 2, 4), (8, 1, 2, 3), (1, 0.25, 1, 1)],
)
def test_engines_alone_take_every_gpu(gpus: float, judge: float, parallel: int, room: int) -> None:
    asked = config(7, parallel, judge=judge)
    nodes = hosts(gpus, free=[gpus - judge])
    assert most_engines(asked, nodes) == room
    asked = config(room, parallel, judge=judge)
    placement = place(asked, nodes, learner=False)
    assert (len(placement.engines), placement.ranks, placement.layout) == (room, (), "apart")
    assert {slot.gpu for slot in placement.slots} == {min(1, gpus - judge)}
    assert most_engines(asked, hosts(0, 0)) == room


@pytest.mark.parametrize(
    ("gpus", "judge", "engines", "told"),
    [
        (4, 0, 5, "asks for 5 engines of 1 GPU; the cluster has 4 of 4"),
        (1, 1, 1, "1 engine of 1 GPU, beside 1 for judges"),
    ],
)
def test_engines_alone_that_have_no_room_are_told(
    gpus: float, judge: float, engines: int, told: str
) -> None:
    with pytest.raises(ClusterError, match=told):
        nodes = hosts(gpus, free=[gpus - judge])
        place(config(engines, judge=judge), nodes, learner=False)


@pytest.mark.parametrize(("sleep", "sleeps"), [(None, True), (True, True), (False, False)])
def test_several_gpus_are_had_in_turns_unless_it_is_said_otherwise(
    sleep: bool | None, sleeps: bool
) -> None:
    assert place(config(2, 1, 2, placement={"sleep": sleep}), hosts(2)).sleeps == sleeps
    assert not place(config(2, 1, 2, placement={"sleep": sleep}), hosts(4)).sleeps


@pytest.mark.parametrize(
    ("asked", "nodes", "told"),
    [
        (
            config(4, 2, 4),
            hosts(8, 2),
            "the run asks for 4 engines of 2 GPUs and 4 learner ranks of 1 GPU, 12 apart or 8 "
            "colocated; the cluster has 8 of 8 GPUs on n0, 2 of 2 GPUs on n1: to colocate, raise "
            "learner.ranks to the GPUs of all engines; or lower rollout.engines",
        ),
        (config(judge=1), hosts(1), "1 learner rank of 1 GPU, 2 apart or 1 colocated, beside 1 "),
        (config(2, placement={"layout": "apart"}), hosts(2), "set placement.layout=auto"),
        (config(ranks=5, placement={"ranks_per_node": 2}), hosts(8, 8), "raise placement.engines"),
        (config(rollout={"data_parallel": 4}), hosts(2, 2, 2), "lower rollout.data_parallel"),
        (config(2, sync={"kv": "keep"}), hosts(2), "2 engines of 1 GPU"),
        (config(placement={"learner_nodes": ["n7"]}), hosts(2, 2), "names 'n7', .* it has n0, n1"),
        (
            config(ranks=10),
            [Node(f"n{i}", 1) for i in range(9)],
            r"n7, 1 of 1 GPU on 1 more node: ",
        ),
        (config(4, 2, 2, placement={"layout": "colocated"}), hosts(0), "raise learner.ranks"),
    ],
)
def test_what_cannot_be_placed_is_told_with_what_there_is(
    asked: RunConfig, nodes: list[Node], told: str
) -> None:
    with pytest.raises(ClusterError, match=told) as caught:
        place(asked, nodes)
    assert "\n" not in str(caught.value)
    assert not isinstance(caught.value, BusyClusterError)


def test_what_others_hold_is_told_apart_from_what_is_not_there() -> None:
    asked = config(2, 2, 4)
    told = r"the run asks for .*; the cluster has free 7 of 8 GPUs on n0, 0 of 2 GPUs on n1: wait"
    with pytest.raises(BusyClusterError, match=told):
        place(asked, hosts(8, 2, free=[7, 0]))
    # auto does not become colocated because others are there at the moment.
    assert place(asked, hosts(8, 2, free=[8, 0])).layout == "apart"
    with pytest.raises(ClusterError, match="the cluster has 0 of 6 GPUs on n0"):
        place(config(4, 2, 1), hosts(6, free=[0]))


def check_bundles(placement: Placement) -> None:
    """Bundles have what is asked of them, and nothing that is never asked for."""
    bundles = bundles_of(placement)
    taken: Counter[int] = Counter()
    for asked in (*bundles.engines, *bundles.ranks):
        taken[asked.bundles[0]] += asked.gpus  # type: ignore[assignment]
        if asked.per_worker:
            taken.update(dict.fromkeys(asked.bundles, asked.per_worker))  # type: ignore[arg-type]
    assert dict(taken) == {i: one.gpus for i, one in enumerate(bundles.all)}
    by_node = Counter(slot.node for slot in placement.slots)
    assert by_node == Counter(one.node for one in bundles.all for _ in range(int(one.gpus)))


@pytest.mark.parametrize(
    ("asked", "nodes", "engine"),
    [
        (config(1, 4, 2), hosts(2, 2, 2), ((2, 3, 4, 5), 0.0, (), 1.0)),
        (config(1, 4, 4), hosts(2, 2), ((0, 1, 2, 3), 0.0, (), 0.5)),
        (config(1, 2, 1), hosts(3), ((1,), 2.0, (), 0.0)),
        (config(1, 2, 2), hosts(2), ((0,), 0.0, (0, 1), 0.0)),
        (config(2, 1, 2), hosts(2), ((0,), 0.5, (), 0.0)),
    ],
)
def test_an_engine_asks_of_its_bundles(
    asked: RunConfig, nodes: list[Node], engine: tuple[object, ...]
) -> None:
    placement = place(asked, nodes)
    found = bundles_of(placement).engines[0]
    assert (found.bundles, found.gpus, found.of_ranks, found.per_worker) == engine
    check_bundles(placement)


def test_parts_of_a_gpu_are_those_that_ray_counts() -> None:
    placement = place(config(judge=1 / 3), hosts(1))
    bundles = bundles_of(placement)
    assert (bundles.engines[0].gpus, bundles.ranks[0].gpus) == (0.3333, 0.3333)


def test_where_things_are_is_told_in_a_line() -> None:
    called = {"n0": "10.0.0.1", "n1": "10.0.0.2"}
    apart = place(config(2, 4, 4), hosts(8, 4))
    assert placed(apart, called) == (
        "placed apart: engines 1 on 10.0.0.1, 1 on 10.0.0.2; learner ranks 4 on 10.0.0.1"
    )
    turns = place(config(1, 4, 4), hosts(2, 2))
    assert placed(turns, called) == (
        "placed colocated, in turns: engines 1 on 10.0.0.1 and 10.0.0.2; learner ranks "
        "2 on 10.0.0.1, 2 on 10.0.0.2"
    )


def test_what_was_on_a_node_that_is_gone_goes_where_there_is_room() -> None:
    lost = [Bundle("gone", 1), Bundle("gone", 2)]
    assert move(config(), lost, hosts(8, 8, free=[1, 2]), ranks=False) == [
        Bundle("n0", 1), Bundle("n1", 2)
    ]  # fmt: skip
    on_cpus = move(config(), [Bundle("gone", 0)] * 2, hosts(0, 0), ranks=True)
    assert {bundle.node for bundle in on_cpus} == {"n0", "n1"}
    told = "the node of an engine is gone, and none that is left has 2 GPUs free for it: 1 on n0"
    with pytest.raises(BusyClusterError, match=told):
        move(config(), lost, hosts(8, free=[1]), ranks=False)
    only = config(placement={"learner_nodes": ["host1"]})
    assert move(only, lost[:1], hosts(8, 8), ranks=True) == [Bundle("n1", 1)]


def feasible(asked: RunConfig, gpus: Sequence[int], most: int | None) -> bool:
    """By trying everything: engines of each node, and as many ranks as then are left."""
    size, engines, ranks = asked.rollout.tensor_parallel, asked.rollout.engines, asked.learner.ranks

    def left(counts: Sequence[int]) -> Iterator[int]:
        for n, count in zip(gpus, counts, strict=True):
            yield n - count * size if most is None else min(most, n - count * size)

    return any(
        sum(counts) == engines and sum(left(counts)) >= ranks
        for counts in product(*(range(n // size + 1) for n in gpus))
    )


@settings(max_examples=150)
@given(
    st.lists(st.integers(0, 6), min_size=1, max_size=4),
    st.integers(1, 4),
    st.integers(1, 3),
    st.integers(1, 8),
    st.sampled_from([None, 1, 2]),
)
def test_a_placement_is_found_wherever_there_is_one(
    gpus: list[int], engines: int, size: int, ranks: int, most: int | None
) -> None:
    assume(sum(gpus) >= 1 and size <= max(gpus))
    where = {"layout": "apart", "ranks_per_node": most}
    asked = config(engines, size, ranks, placement=where)
    if not feasible(asked, gpus, most):
        with pytest.raises(ClusterError):
            place(asked, hosts(*gpus))
        return
    placement = place(asked, hosts(*gpus))
    taken = [slot for slots in placement.engines for slot in slots] + list(placement.ranks)
    assert sorted(taken) == list(range(len(placement.slots)))  # each GPU is one's
    used = Counter(slot.node for slot in placement.slots)
    assert all(used[node.name] <= node.gpus for node in hosts(*gpus))
    assert all(len(placement.engine_nodes(e)) == 1 for e in range(engines))
    of_ranks = Counter(placement.rank_node(rank) for rank in range(ranks))
    assert most is None or max(of_ranks.values()) <= most
    # Ranks of a node follow each other.
    nodes = [placement.rank_node(rank) for rank in range(ranks)]
    assert len([1 for a, b in pairwise(nodes) if a != b]) == len(of_ranks) - 1
    check_bundles(placement)
    # On as few nodes as can be.
    fewer = len(used) - 1
    largest = sorted(gpus, reverse=True)[:fewer]
    assert fewer == 0 or not feasible(asked, largest, most)


@settings(max_examples=100)
@given(
    st.lists(st.integers(0, 6), min_size=1, max_size=4),
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(0, 4),
)
def test_colocated_engines_are_on_the_gpus_of_ranks(
    gpus: list[int], engines: int, size: int, more: int
) -> None:
    assume(sum(gpus) > 1 and size <= max(gpus))
    ranks = engines * size + more
    asked = config(engines, size, ranks, placement={"layout": "colocated"})
    if sum(n // size for n in gpus) < engines or sum(gpus) < ranks:
        with pytest.raises(ClusterError):
            place(asked, hosts(*gpus))
        return
    placement = place(asked, hosts(*gpus))
    assert sorted(placement.ranks) == list(range(len(placement.slots))) == list(range(ranks))
    taken = [slot for slots in placement.engines for slot in slots]
    assert sorted(set(taken)) == sorted(taken)
    assert all(len(placement.engine_nodes(e)) == 1 for e in range(engines))
    used = Counter(slot.node for slot in placement.slots)
    assert all(used[node.name] <= node.gpus for node in hosts(*gpus))
    check_bundles(placement)
