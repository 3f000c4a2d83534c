"""Which GPUs of which nodes engines and learner ranks have: settings and nodes to a placement.

Guarantees: pure, and imported without Ray; where any placement keeps to the settings one is found,
on as few nodes as can be; an engine is on one node if any node is large enough for it, else on
several in equal parts; ranks of one node follow each other. On CPU hosts nothing is scarce, and the
load is spread. `rl.places` reserves what is found.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from rl.config import RunConfig
from rl.errors import BusyClusterError, ClusterError
from rl.placement_fit import Fit, Room, Shape, fit_apart, fit_colocated
from rl.placement_words import asked, held, remedy
from rl.rewarding import serving_gpus

Layout = Literal["apart", "colocated"]


@dataclass(frozen=True, slots=True)
class Node:
    """A host of the cluster, or of one that is only planned."""

    name: str
    gpus: float = 0.0
    """All that it has."""
    free: float | None = None
    """GPUs that nobody holds; None: all."""
    also: frozenset[str] = frozenset()
    """Other names that settings may call it by: address and host name."""
    shown: str = ""
    """What people call it; empty: its name."""

    @property
    def called(self) -> str:
        """Its name for people."""
        return self.shown or self.name

    @property
    def room(self) -> float:
        """GPUs that nobody holds."""
        return self.gpus if self.free is None else self.free


@dataclass(frozen=True, slots=True)
class Slot:
    """A GPU that the run has, or on a CPU host the place of a process."""

    node: str
    gpu: float = 1.0
    """How much of the GPU: below 1 where a judge has a part of it; 0 on a CPU host."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Every engine and rank on its slots."""

    layout: Layout
    """`colocated`: engines are on slots of ranks."""
    sleeps: bool
    """Whether engines and learner have the memory of their slots in turns."""
    slots: tuple[Slot, ...]
    engines: tuple[tuple[int, ...], ...]
    """Of each engine the slots of its workers, in their order."""
    ranks: tuple[int, ...]
    """The slot of each learner rank."""

    def engine_nodes(self, engine: int) -> tuple[str, ...]:
        """The nodes of an engine, each once."""
        return tuple(dict.fromkeys(self.slots[slot].node for slot in self.engines[engine]))

    def rank_node(self, rank: int) -> str:
        """The node of a learner rank."""
        return self.slots[self.ranks[rank]].node


def shape_of(config: RunConfig, *, learner: bool = True) -> Shape:
    """How many engines and ranks settings ask for, and of what size."""
    rollout, where = config.rollout, config.placement
    return Shape(
        engines=rollout.engines,
        workers=rollout.tensor_parallel * rollout.pipeline_parallel * rollout.data_parallel,
        ranks=config.learner.ranks if learner else 0,
        divisible=rollout.data_parallel == 1,
        engines_per_node=where.engines_per_node,
        ranks_per_node=where.ranks_per_node,
    )


def place(config: RunConfig, nodes: Sequence[Node], *, learner: bool = True) -> Placement:
    """Find a placement.

    Whether `auto` is apart or colocated depends on what the nodes have, not on what is free of it.

    Args:
        config: the run's configuration.
        nodes: of the cluster, those that are preferred first. Judges that the run serves are among
            what is held; where nothing is said of what is free, room is left for them.
        learner: whether there are ranks; else there are engines alone.

    Raises:
        BusyClusterError: there is none while others hold what they hold.
        ClusterError: there is none at all. Both say what is asked for, and what there is.
    """
    shape = shape_of(config, learner=learner)
    _check_names(config, nodes)
    on = _on_gpus if sum(node.gpus for node in nodes) >= 1 else _on_cpus
    whole = _without_judges(nodes, serving_gpus(config.reward))
    choice = config.placement.layout if learner else "apart"
    layouts: list[Layout] = ["apart", "colocated"] if choice == "auto" else [choice]
    if choice == "auto" and config.sync.kv == "keep" and config.placement.sleep is not False:
        layouts = ["apart"]  # engines that sleep lose what they are to keep
    for layout in layouts:
        planned = on(config, shape, whole, layout)
        if planned is None:
            continue
        if all(node.free is None for node in nodes):
            return planned
        if found := on(config, shape, nodes, layout):
            return found
        raise BusyClusterError(
            f"{_asks(config, shape)}; the cluster has free {_has(nodes)}: wait for what "
            "else runs there, or ask for less"
        )
    largest = max((node.gpus for node in nodes), default=0)
    raise ClusterError(
        f"{_asks(config, shape)}; the cluster has {_has(nodes)}: {remedy(shape, choice, largest)}"
    )


def most_engines(config: RunConfig, nodes: Sequence[Node]) -> int:
    """How many engines there is room for where nothing is trained; on CPU hosts the settings'."""
    if sum(node.gpus for node in nodes) < 1:
        return config.rollout.engines
    shape = shape_of(config, learner=False)
    for engines in range(int(sum(node.room for node in nodes) / shape.workers), 1, -1):
        if _on_gpus(config, replace(shape, engines=engines), nodes, "apart"):
            return engines
    return 1


def allowed(names: Sequence[str], node: Node) -> bool:
    """Whether a setting that names nodes names this one; an empty one names all."""
    return not names or bool({node.name, node.called, *node.also} & set(names))


def _asks(config: RunConfig, shape: Shape) -> str:
    judges = serving_gpus(config.reward)
    beside = f", beside {judges:g} for judges that it serves" if judges else ""
    return f"the run asks for {asked(shape)}{beside}"


def _has(nodes: Sequence[Node]) -> str:
    return held([(node.called, node.room, node.gpus) for node in nodes])


def _on_gpus(
    config: RunConfig, shape: Shape, nodes: Sequence[Node], layout: Layout
) -> Placement | None:
    only = sum(node.gpus for node in nodes) == 1
    if only and shape.smallest and (layout == "colocated" or not shape.ranks):
        (node,) = (node for node in nodes if node.gpus == 1)
        sleeps = layout == "colocated" and bool(config.placement.sleep)
        slots, ranks = (Slot(node.name, node.room),), tuple(range(shape.ranks))
        return Placement(layout, sleeps, slots, ((0,),), ranks) if node.room > 0 else None
    fit = fit_apart if layout == "apart" else fit_colocated
    for some in _choices(nodes):
        if fitted := fit(shape, _rooms(config, some)):
            sleeps = layout == "colocated" and config.placement.sleep is not False
            return _placement(fitted, layout, sleeps=sleeps, gpu=1.0)
    return None


def _choices(nodes: Sequence[Node]) -> Iterator[Sequence[Node]]:
    """Nodes to try, few before many; of single ones the smallest first."""
    yield from ([node] for node in sorted(nodes, key=lambda node: node.room))
    largest_first = sorted(nodes, key=lambda node: -node.room)
    yield from (largest_first[:some] for some in range(2, len(nodes) + 1))


def _on_cpus(
    config: RunConfig, shape: Shape, nodes: Sequence[Node], layout: Layout
) -> Placement | None:
    """As on GPUs, of which each node has just so many that all is found."""
    shape = replace(shape, divisible=False)
    fit = fit_apart if layout == "apart" else fit_colocated
    for gpus in range(1, shape.ranks + shape.engines * shape.workers + 1):
        even = [replace(node, gpus=gpus, free=None) for node in nodes]
        if fitted := fit(shape, _rooms(config, even)):
            sleeps = layout == "colocated" and config.placement.sleep is not False
            return _placement(fitted, layout, sleeps=sleeps, gpu=0.0)
    return None


def _rooms(config: RunConfig, nodes: Sequence[Node]) -> list[Room]:
    where = config.placement
    return [
        Room(
            node.name,
            size=int(node.gpus),
            free=int(node.room + 1e-6),
            engines=allowed(where.engine_nodes, node),
            ranks=allowed(where.learner_nodes, node),
        )
        for node in nodes
    ]


def _placement(fitted: Fit, layout: Layout, *, sleeps: bool, gpu: float) -> Placement:
    """Number the slots: those of ranks first, or of engines where ranks are on them too."""
    of_engines = [[node for node, gpus in parts for _ in range(gpus)] for parts in fitted.engines]
    before = [] if layout == "colocated" else list(fitted.ranks)
    after = list(fitted.ranks) if layout == "colocated" else []
    slots, engines = before, []
    for nodes in of_engines:
        engines.append(tuple(range(len(slots), len(slots) + len(nodes))))
        slots += nodes
    slots += after
    ranks = range(len(slots)) if layout == "colocated" else range(len(fitted.ranks))
    return Placement(
        layout, sleeps, tuple(Slot(node, gpu) for node in slots), tuple(engines), tuple(ranks)
    )


def _without_judges(nodes: Sequence[Node], judges: float) -> Sequence[Node]:
    """All that the nodes have but what judges hold, on the smallest that has room for them."""
    rooms = {node.name: node.gpus for node in nodes}
    for name in sorted(rooms, key=lambda name: (rooms[name] < judges, rooms[name])):
        taken = min(judges, rooms[name])
        rooms[name] -= taken
        judges -= taken
    return [replace(node, free=rooms[node.name]) for node in nodes]


def _check_names(config: RunConfig, nodes: Sequence[Node]) -> None:
    known = {name for node in nodes for name in (node.name, node.called, *node.also)}
    for setting, names in _named(config):
        for name in names:
            if name not in known:
                shown = ", ".join(sorted(node.called for node in nodes))
                raise ClusterError(
                    f"{setting} names {name!r}, which the cluster has not: it has {shown}"
                )


def _named(config: RunConfig) -> Iterator[tuple[str, Sequence[str]]]:
    yield "placement.engine_nodes", config.placement.engine_nodes
    yield "placement.learner_nodes", config.placement.learner_nodes
