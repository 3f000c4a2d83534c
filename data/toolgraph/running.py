"""Executing a plan against simulated tools: the calls with their arguments, and what came back.

Guarantee: replaying the calls in a world of the same seed gives the same results (`replayed`).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from data.toolgraph.api import Api, RefusedCallError, World
from data.toolgraph.plans import Plan, Taken


@dataclass(frozen=True, slots=True)
class Done:
    """A call that was made."""

    name: str
    arguments: Mapping[str, Any]
    result: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """As a record's metadata has it."""
        return {
            "name": self.name,
            "arguments": dict(self.arguments),
            "result": dict(self.result),
        }


Trace = Sequence[Sequence[Done]]
"""The calls of each step."""


def execute(plan: Plan, world: World) -> Trace:
    """Make the calls of a plan, in order.

    Raises:
        RefusedCallError: A tool refused a call, or two calls of a step are the same.
    """
    done: list[list[Done]] = []
    for step in plan:
        made: list[Done] = []
        for call in step:
            arguments = {
                name: done[value.step][0].result[value.field] if isinstance(value, Taken) else value
                for name, value in call.arguments.items()
            }
            result = call.api.run(world, arguments)
            made.append(Done(call.api.name, arguments, result))
        wanted = [(one.name, sorted(one.arguments.items())) for one in made]
        if any(wanted.count(one) > 1 for one in wanted):
            raise RefusedCallError("two calls of a step are the same")
        done.append(made)
    return done


def keys_of(steps: Iterable[Iterable[Mapping[str, Any]]]) -> list[str]:
    """What tells the calls of steps apart: name and arguments, whole numbers however written."""
    return [
        json.dumps([call["name"], _plain(call["arguments"])], sort_keys=True, ensure_ascii=False)
        for step in steps
        for call in step
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def replayed(
    trace: Sequence[Sequence[Mapping[str, Any]]], apis: Mapping[str, Api], world: World
) -> list[list[dict[str, Any]]]:
    """What the calls of a trace give now, in the form of `Done.to_json`.

    Raises:
        RefusedCallError: A tool refuses one of them.
    """
    return [
        [
            Done(
                call["name"],
                call["arguments"],
                apis[call["name"]].run(world, call["arguments"]),
            ).to_json()
            for call in step
        ]
        for step in trace
    ]
