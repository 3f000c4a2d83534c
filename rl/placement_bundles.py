"""A placement in the terms of Ray's placement groups: bundles, and what each actor asks for.

Guarantees: the bundle of an engine on one node has all of its GPUs, and that of a colocated one
those of its ranks too, so that Ray cannot part them. Where an engine and several ranks share GPUs,
the ranks ask for them and the engine is shown theirs: Ray gives parts of one GPU alone.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from rl.placement import Placement

GPU_PARTS = 10_000
"""The parts of a GPU that Ray counts in."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """What is reserved of a node in one piece."""

    node: str
    gpus: float


@dataclass(frozen=True, slots=True)
class Asked:
    """What an actor asks for."""

    bundles: tuple[int, ...]
    """Of a rank or of an engine on one node the only one, else one for each worker."""
    gpus: float
    """Of the first bundle, for the actor itself."""
    of_ranks: tuple[int, ...] = ()
    """Ranks whose GPUs the actor is shown."""
    per_worker: float = 0.0
    """GPUs that vLLM asks of Ray for each worker of an engine on several nodes."""


@dataclass(frozen=True, slots=True)
class Bundles:
    """A placement's bundles, and what engines and ranks ask of them."""

    all: tuple[Bundle, ...]
    engines: tuple[Asked, ...]
    ranks: tuple[Asked, ...]


def bundles_of(placement: Placement) -> Bundles:
    """Cut a placement into bundles."""
    return _colocated(placement) if placement.layout == "colocated" else _apart(placement)


def placed(placement: Placement, called: Mapping[str, str]) -> str:
    """Where engines and ranks are, in a line; nodes by what people call them."""

    def where(nodes: Iterable[str]) -> str:
        counts = Counter(called.get(node, node) for node in nodes)
        return ", ".join(f"{number} on {node}" for node, number in counts.items())

    over = [
        [called.get(n, n) for n in placement.engine_nodes(e)] for e in range(len(placement.engines))
    ]
    engines = where(" and ".join(nodes) for nodes in over)
    ranks = where(placement.rank_node(rank) for rank in range(len(placement.ranks)))
    how = "apart"
    if placement.layout == "colocated":
        how = "colocated, in turns" if placement.sleeps else "colocated, side by side"
    return f"placed {how}: engines {engines}; learner ranks {ranks}"


def half(gpu: float) -> float:
    """Half of what the run has of a GPU, in the parts that Ray counts in."""
    return math.floor(gpu * GPU_PARTS / 2 + 1e-6) / GPU_PARTS


def _apart(placement: Placement) -> Bundles:
    every: list[Bundle] = []
    engines, ranks = [], []
    for slot in placement.ranks:
        ranks.append(Asked((len(every),), placement.slots[slot].gpu))
        every.append(_bundle(placement, (slot,)))
    for slots in placement.engines:
        whole = len({placement.slots[slot].node for slot in slots}) == 1
        pieces = [_bundle(placement, piece) for piece in _pieces(slots, whole=whole)]
        numbers = tuple(range(len(every), len(every) + len(pieces)))
        every += pieces
        one = placement.slots[slots[0]].gpu
        engines.append(Asked(numbers, pieces[0].gpus) if whole else Asked(numbers, 0.0, (), one))
    return Bundles(tuple(every), tuple(engines), tuple(ranks))


def _colocated(placement: Placement) -> Bundles:
    every: list[Bundle] = []
    engines: list[Asked] = []
    of_slot: dict[int, Asked] = {}
    rank_on = {slot: rank for rank, slot in enumerate(placement.ranks)}
    for slots in placement.engines:
        whole = len({placement.slots[slot].node for slot in slots}) == 1
        first, gpu = len(every), placement.slots[slots[0]].gpu
        pieces = list(_pieces(slots, whole=whole))
        every += [_bundle(placement, piece) for piece in pieces]
        alone = not whole or len(slots) == 1
        for number, piece in enumerate(pieces):
            share = half(gpu) if alone else gpu
            of_slot |= {slot: Asked((first + number,), share) for slot in piece}
        numbers = tuple(range(first, len(every)))
        if not whole:
            engines.append(Asked(numbers, 0.0, (), half(gpu)))
        elif alone:
            engines.append(Asked(numbers, half(gpu)))
        else:
            engines.append(Asked(numbers, 0.0, tuple(rank_on[slot] for slot in slots)))
    for slot in placement.ranks:
        if slot not in of_slot:
            of_slot[slot] = Asked((len(every),), placement.slots[slot].gpu)
            every.append(_bundle(placement, (slot,)))
    ranks = tuple(of_slot[slot] for slot in placement.ranks)
    return Bundles(tuple(every), tuple(engines), ranks)


def _pieces(slots: tuple[int, ...], *, whole: bool) -> Iterator[tuple[int, ...]]:
    """The slots of an engine by bundle."""
    if whole:
        yield slots
    else:
        yield from ((slot,) for slot in slots)


def _bundle(placement: Placement, slots: tuple[int, ...]) -> Bundle:
    gpus = sum(placement.slots[slot].gpu for slot in slots)
    return Bundle(placement.slots[slots[0]].node, gpus)
