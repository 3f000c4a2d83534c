"""Whose results feed whom: edges from a field of one tool's result to a parameter of another.

Guarantee: an edge says by what it is known. By type: field and parameter are of one kind. By name:
they have the same name, or the parameter's is the field's with the tool's noun before it
(`order` and `id` make `order_id`), and their JSON types fit. By example: a value of the field was
given for the parameter in an example of each. Of several reasons the first counts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from data.toolgraph.api import Api, Kind, ToolGraphError

Reason = Literal["type", "name", "example"]
_VAGUE: Final = frozenset({"id", "name", "value", "result", "status", "type", "data", "text"})
"""Names that say too little for an edge by name."""


@dataclass(frozen=True, slots=True)
class Edge:
    """A field of a tool's result that can be a parameter of another tool."""

    source: str
    field: str
    target: str
    parameter: str
    reason: Reason


class Graph:
    """Tools and the edges between them.

    Args:
        apis: with different names.

    Raises:
        ToolGraphError: Two tools have the same name.
    """

    def __init__(self, apis: Sequence[Api]) -> None:
        self.apis: Mapping[str, Api] = {api.name: api for api in apis}
        if len(self.apis) < len(apis):
            names = [api.name for api in apis]
            twice = next(name for name in names if names.count(name) > 1)
            raise ToolGraphError(f"two tools are called {twice!r}; rename one of them")
        self.edges: Sequence[Edge] = [
            Edge(source.name, field, target.name, parameter, reason)
            for source in apis
            for target in apis
            for field in source.returns
            for parameter in target.parameters
            if (reason := _reason(source, field, target, parameter)) is not None
        ]
        self._into: dict[tuple[str, str], list[Edge]] = {}
        for edge in self.edges:
            self._into.setdefault((edge.target, edge.parameter), []).append(edge)

    def into(self, target: str, parameter: str) -> Sequence[Edge]:
        """The edges that feed a parameter."""
        return self._into.get((target, parameter), ())


def _reason(source: Api, field: str, target: Api, parameter: str) -> Reason | None:
    given, taken = source.returns[field], target.parameters[parameter]
    if given.name == taken.name:
        return "type"
    if given.schema.get("type") != taken.schema.get("type"):
        return None
    if _same_name(source, field, parameter):
        return "name"
    shown = {_key(result.get(field)) for _, result in source.examples} - {None}
    wanted = {_key(arguments.get(parameter)) for arguments, _ in target.examples} - {None}
    return "example" if shown & wanted and not _is_common(given) else None


def _same_name(source: Api, field: str, parameter: str) -> bool:
    one, other = _plain(field), _plain(parameter)
    if one == other:
        return one not in _VAGUE
    # `get_order` gives `id`, and that is an `order_id`.
    nouns = [_plain(word) for word in source.name.replace(".", "_").split("_")]
    return any(noun and f"{noun}{one}" == other for noun in nouns)


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def _is_common(kind: Kind) -> bool:
    """Whether equal examples are likely by chance alone."""
    return kind.schema.get("type") in ("boolean", "integer", "number") or "enum" in kind.schema


def _key(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
