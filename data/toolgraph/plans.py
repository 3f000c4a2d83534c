"""Paths through the graph: which calls a task takes, and where each argument comes from.

Guarantees: every argument is either said by the person or is a field of the result of an earlier
step, and only of a kind that a single earlier call gave, so that it is clear which is meant; what
each step but the last gives is taken by a later one; the calls of a step differ.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from data.toolgraph.api import Api, Language
from data.toolgraph.graph import Graph, Reason


@dataclass(frozen=True, slots=True)
class Taken:
    """An argument that comes from the first call of an earlier step."""

    step: int
    field: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class Planned:
    """A call to be: for each parameter a value, or where it is taken from."""

    api: Api
    arguments: Mapping[str, Any]


Plan = Sequence[Sequence[Planned]]
"""Steps, each with the calls that are made at once; only the last has more than one."""


def sample_plan(
    graph: Graph, rng: random.Random, last: str, *, length: int, breadth: int, language: Language
) -> Plan | None:
    """A path of `length` steps, the last of them `breadth` calls wide; None where none was found.

    Args:
        graph: the tools.
        rng: draws.
        last: the tool that the path leads to.
        length: steps, at least 1.
        breadth: calls of the last step, at least 1.
        language: of the values that are said.
    """
    order: list[str] = []
    if not _lead_to(graph, rng, last, order, (), length, language) or len(order) != length:
        return None
    steps: list[list[Planned]] = []
    for name in order:
        call = _call(graph, rng, name, steps, language)
        if call is None:
            return None
        steps.append([call])
    taken = {
        value.step
        for (call,) in steps
        for value in call.arguments.values()
        if isinstance(value, Taken)
    }
    if len(taken) < length - 1:
        return None
    return steps if _widen(graph, rng, steps, breadth, language) else None


def _lead_to(
    graph: Graph,
    rng: random.Random,
    name: str,
    order: list[str],
    above: tuple[str, ...],
    length: int,
    language: Language,
) -> bool:
    """Put before `name` what its arguments have to come from, and what some of them may."""
    if name in above or len(above) >= length:
        return False
    for parameter, kind in graph.apis[name].parameters.items():
        said = bool(kind.said(language))
        edges = [edge for edge in graph.into(name, parameter) if edge.source != name]
        if any(edge.source in order for edge in edges) or (said and rng.random() < 0.6):
            continue
        within = (*above, name)
        found = edges and _lead_to(
            graph, rng, rng.choice(edges).source, order, within, length, language
        )
        if not found and not said:
            return False
    order.append(name)
    return True


def _widen(
    graph: Graph,
    rng: random.Random,
    steps: list[list[Planned]],
    breadth: int,
    language: Language,
) -> bool:
    """Add calls to the last step: of the same tool half of the time, else of any."""
    last, before = steps[-1], steps[:-1]
    others = iter(_shuffled(sorted(graph.apis) * 2, rng))
    while len(last) < breadth:
        name = last[0].api.name if rng.random() < 0.5 else next(others, None)
        if name is None:
            return False
        call = _call(graph, rng, name, before, language)
        if call is None or any(_same(call, one) for one in last):
            name = next(others, None)
            call = None if name is None else _call(graph, rng, name, before, language)
        if name is None:
            return False
        if call is not None and not any(_same(call, one) for one in last):
            last.append(call)
    return True


def _call(
    graph: Graph,
    rng: random.Random,
    name: str,
    steps: Sequence[Sequence[Planned]],
    language: Language,
) -> Planned | None:
    """A call whose arguments can all be had; None where one cannot."""
    api = graph.apis[name]
    arguments: dict[str, Any] = {}
    for parameter, kind in api.parameters.items():
        sources = _sources(graph, name, parameter, steps)
        said = kind.said(language)
        if sources and (not said or rng.random() < 0.7):
            arguments[parameter] = rng.choice(sources)
        elif said:
            arguments[parameter] = rng.choice(said)
        else:
            return None
    return Planned(api, arguments)


def _sources(
    graph: Graph, name: str, parameter: str, steps: Sequence[Sequence[Planned]]
) -> list[Taken]:
    """The fields of earlier results that the parameter can be, of kinds that came once."""
    found = []
    for edge in graph.into(name, parameter):
        places = [at for at, step in enumerate(steps) if step[0].api.name == edge.source]
        kind = graph.apis[edge.source].returns[edge.field].name
        if len(places) == 1 and _times(kind, steps) == 1:
            found.append(Taken(places[0], edge.field, edge.reason))
    return found


def _times(kind: str, steps: Sequence[Sequence[Planned]]) -> int:
    return sum(given.name == kind for step in steps for given in step[0].api.returns.values())


def _same(one: Planned, other: Planned) -> bool:
    return one.api.name == other.api.name and one.arguments == other.arguments


def _shuffled(names: Sequence[str], rng: random.Random) -> Iterator[str]:
    return iter(rng.sample(names, len(names)))
