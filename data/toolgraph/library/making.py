"""Turning a plain function into a simulated tool."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from data.toolgraph.api import Api, Kind, RefusedCallError, World

Simulation = Callable[..., Mapping[str, Any]]


def make(
    domain: str,
    function: Simulation,
    en: str,
    zh: str,
    takes: Mapping[str, Kind],
    gives: Mapping[str, Kind],
) -> Api:
    """A tool whose name and description are the function's.

    Args:
        domain: of the tool.
        function: takes the world and, by name, the parameters.
        en, zh: how it is asked for.
        takes: its parameters.
        gives: the fields of its result.
    """
    name = function.__name__

    def run(world: World, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        if arguments.keys() != takes.keys():
            raise RefusedCallError(f"{name} takes {', '.join(takes)}")
        return function(world, **arguments)

    description = inspect.getdoc(function) or name
    return Api(name, domain, description, takes, gives, {"en": en, "zh": zh}, run)
