"""How many engines and ranks fit on which nodes: arithmetic over GPUs, exact where it can be.

Ranks take one GPU each, so that they fill any gap: engines are fitted first, each where it costs
the ranks least, and ranks have what is left. With engines that fit on a node that finds a fit
wherever there is one; an engine over several nodes takes its equal parts where most is free.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

Part = tuple[str, int]
"""A node, and how many workers of an engine are on it."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What is asked for."""

    engines: int
    workers: int
    """GPUs of an engine."""
    ranks: int
    divisible: bool
    """Whether an engine may be on several nodes."""
    engines_per_node: int | None
    ranks_per_node: int | None

    @property
    def smallest(self) -> bool:
        """Whether it is one engine of one GPU, and one rank at most."""
        return self.engines == self.workers == 1 and self.ranks <= 1


@dataclass(frozen=True, slots=True)
class Room:
    """What a node offers."""

    node: str
    size: int
    """GPUs that it has."""
    free: int
    engines: bool
    """Whether it may have engines."""
    ranks: bool


@dataclass(frozen=True, slots=True)
class Fit:
    """Engines as parts on nodes, and the node of each rank that has a GPU without an engine."""

    engines: tuple[tuple[Part, ...], ...]
    ranks: tuple[str, ...]


def fit_apart(shape: Shape, rooms: Sequence[Room]) -> Fit | None:
    """Engines and ranks on GPUs of their own."""
    parts = _parts(shape, rooms)
    if parts is None:
        return None
    size = shape.workers // parts
    most = [_most_engines(shape, room, room.free // size) for room in rooms]
    if parts == 1:
        counts = _cheapest(shape, rooms, most)
        engines = None if counts is None else _whole(rooms, counts, size)
    else:
        engines = _spread(shape, rooms, most, parts)
    if engines is None:
        return None
    used = _used(engines)
    left = [_most_ranks(shape, room, room.free - used.get(room.node, 0)) for room in rooms]
    ranks = _filled(shape.ranks, rooms, left)
    return None if ranks is None else Fit(engines, ranks)


def fit_colocated(shape: Shape, rooms: Sequence[Room]) -> Fit | None:
    """Each engine's workers on GPUs of ranks; the other ranks on GPUs of their own."""
    single = shape.ranks - shape.engines * shape.workers
    parts = _parts(shape, rooms)
    if parts is None or single < 0:
        return None
    size = shape.workers // parts
    free = [_most_ranks(shape, room, room.free) for room in rooms]
    most = [
        _most_engines(shape, room, gpus // size) for room, gpus in zip(rooms, free, strict=True)
    ]
    engines = _spread(shape, rooms, most, parts) if parts > 1 else _packed(shape, rooms, most)
    if engines is None:
        return None
    used = _used(engines)
    left = [gpus - used.get(room.node, 0) for room, gpus in zip(rooms, free, strict=True)]
    ranks = _filled(single, rooms, left)
    return None if ranks is None else Fit(engines, ranks)


def _parts(shape: Shape, rooms: Sequence[Room]) -> int | None:
    """Over how many nodes an engine goes: as few as are large enough."""
    sizes = [room.size for room in rooms if room.engines]
    most = len(sizes) if shape.divisible else 1
    for parts in range(1, most + 1):
        enough = sum(size * parts >= shape.workers for size in sizes)
        if shape.workers % parts == 0 and enough >= parts:
            return parts
    return None


def _most_engines(shape: Shape, room: Room, by_gpus: int) -> int:
    """Most engines, or parts of engines, of a node."""
    most = by_gpus if shape.engines_per_node is None else min(by_gpus, shape.engines_per_node)
    return most if room.engines else 0


def _most_ranks(shape: Shape, room: Room, gpus: int) -> int:
    most = gpus if shape.ranks_per_node is None else min(gpus, shape.ranks_per_node)
    return max(most, 0) if room.ranks else 0


def _cheapest(shape: Shape, rooms: Sequence[Room], most: Sequence[int]) -> list[int] | None:
    """Engines of each node, so that as many ranks as can be still fit; the last nodes first.

    A node's loss of ranks grows with each further engine, so that taking the least losses in order
    is best.
    """

    def losses(place: int, room: Room) -> Iterator[tuple[int, int]]:
        for engines in range(most[place]):
            before = _most_ranks(shape, room, room.free - engines * shape.workers)
            after = _most_ranks(shape, room, room.free - (engines + 1) * shape.workers)
            yield before - after, -place

    offers = sorted(loss for place, room in enumerate(rooms) for loss in losses(place, room))
    if len(offers) < shape.engines:
        return None
    counts = [0] * len(rooms)
    for _, place in offers[: shape.engines]:
        counts[-place] += 1
    return counts


def _whole(rooms: Sequence[Room], counts: Sequence[int], size: int) -> tuple[tuple[Part, ...], ...]:
    """So many engines on each node, one after the other."""
    return tuple(
        ((room.node, size),)
        for room, engines in zip(rooms, counts, strict=True)
        for _ in range(engines)
    )


def _packed(
    shape: Shape, rooms: Sequence[Room], most: Sequence[int]
) -> tuple[tuple[Part, ...], ...] | None:
    """Engines on the first nodes, as many as each takes."""
    counts, left = [], shape.engines
    for limit in most:
        counts.append(min(limit, left))
        left -= counts[-1]
    return None if left else _whole(rooms, counts, shape.workers)


def _spread(
    shape: Shape, rooms: Sequence[Room], most: Sequence[int], parts: int
) -> tuple[tuple[Part, ...], ...] | None:
    """Each engine on the nodes that take most further parts."""
    left, size = list(most), shape.workers // parts
    engines = []
    for _ in range(shape.engines):
        chosen = sorted(range(len(rooms)), key=lambda place: (-left[place], place))[:parts]
        if min(left[place] for place in chosen) < 1:
            return None
        for place in chosen:
            left[place] -= 1
        engines.append(tuple((rooms[place].node, size) for place in sorted(chosen)))
    return tuple(engines)


def _used(engines: Sequence[Sequence[Part]]) -> dict[str, int]:
    used: dict[str, int] = {}
    for node, gpus in (part for parts in engines for part in parts):
        used[node] = used.get(node, 0) + gpus
    return used


def _filled(ranks: int, rooms: Sequence[Room], left: Sequence[int]) -> tuple[str, ...] | None:
    """The node of each rank: those with most room first, so that few nodes have them all."""
    nodes: list[str] = []
    for place in sorted(range(len(rooms)), key=lambda place: (-left[place], place)):
        nodes += [rooms[place].node] * min(left[place], ranks - len(nodes))
    return tuple(nodes) if len(nodes) == ranks else None
