"""What a tool of the graph is: declared parameters and results, and a simulation.

Guarantees: a simulation is a function of the world and the arguments, and the world of its seed
and of the calls so far: the same calls in the same order give the same results on every machine.
Looking something up changes nothing; what was done is the world's `state`.
"""

import hashlib
import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from data.errors import DataError

Language = Literal["en", "zh"]
LANGUAGES: Final[tuple[Language, ...]] = ("en", "zh")


class ToolGraphError(DataError):
    """Tools of a file cannot be used, or no tasks of the wanted kind can be made of them."""


class RefusedCallError(Exception):
    """A simulated tool refuses a call, as a real one would; the message says why."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What a value means, beyond its JSON type: a city, the id of a booking.

    Attributes:
        name: values of one kind fit wherever that kind is asked for.
        schema: JSON Schema of a value.
        words: what it is called, by language.
        values: what a person might say, by language; without any it has to come from a tool.
    """

    name: str
    schema: Mapping[str, Any]
    words: Mapping[str, str]
    values: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    def said(self, language: Language) -> Sequence[Any]:
        """The values that can be said in a language."""
        return self.values.get(language) or self.values.get("en") or ()


@dataclass(frozen=True, slots=True)
class Api:
    """A tool.

    Attributes:
        name: unique within a graph.
        domain: which tools it is offered among.
        description: for the declaration.
        parameters: kinds by name; all are required.
        returns: kinds of the fields of its result.
        asks: how a person asks for it, by language, with `{parameter}` for each parameter.
        run: the simulation; raises RefusedCallError.
        examples: calls with their results, where the tool came with some.
    """

    name: str
    domain: str
    description: str
    parameters: Mapping[str, Kind]
    returns: Mapping[str, Kind]
    asks: Mapping[str, str]
    run: Callable[["World", Mapping[str, Any]], Mapping[str, Any]]
    examples: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]] = ()

    def declaration(self) -> dict[str, Any]:
        """As a prompt offers it."""
        properties = {
            name: {"description": kind.words["en"], **kind.schema}
            for name, kind in self.parameters.items()
        }
        return {
            "type": "function",
            "function": {
                "name": self.name,
                "description": self.description,
                "parameters": {
                    "type": "object",
                    "properties": properties,
                    "required": list(properties),
                },
            },
        }


class World:
    """What simulated tools act on.

    Args:
        seed: decides every fact of it.
    """

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._tables: dict[str, dict[str, dict[str, Any]]] = {}
        self._known: dict[tuple[str, str], dict[str, Any]] = {}

    def draw(self, *of: object) -> random.Random:
        """A generator for a fact: the same for the same fact."""
        text = "\x1f".join(map(str, (self._seed, *of)))
        return random.Random(hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest())

    def number(self, low: int, high: int, *of: object) -> int:
        """A whole number in [low, high] that is a fact."""
        return self.draw(*of).randint(low, high)

    def code(self, prefix: str, *of: object) -> str:
        """An identifier that is a fact."""
        return f"{prefix}{self.number(10_000, 99_999, prefix, *of)}"

    def table(self, name: str) -> dict[str, dict[str, Any]]:
        """Rows by id that calls add and change."""
        return self._tables.setdefault(name, {})

    def know(self, name: str, key: str, **row: Any) -> dict[str, Any]:
        """A row that was there before anybody asked for it; gives it as it is now."""
        self._known.setdefault((name, key), dict(row))
        return self.table(name).setdefault(key, dict(row))

    def add(self, name: str, prefix: str, **row: Any) -> str:
        """Add a row to a table; gives its id, which is the same whatever was added before."""
        table = self.table(name)
        made = self.code(prefix, name, json.dumps(row, sort_keys=True))
        while made in table:
            made = f"{made}X"
        table[made] = row
        return made

    def state(self) -> dict[str, dict[str, dict[str, Any]]]:
        """What was done to it, by table and id: rows that are new, and known ones that differ."""
        done = {
            name: {
                key: dict(row) for key, row in table.items() if self._known.get((name, key)) != row
            }
            for name, table in self._tables.items()
        }
        return {name: rows for name, rows in done.items() if rows}

    def row(self, name: str, key: Any) -> dict[str, Any]:
        """A row of a table; raises RefusedCallError if there is none."""
        found = self.table(name).get(key) if isinstance(key, str) else None
        if found is None:
            raise RefusedCallError(f"no {name} {key!r}")
        return found
