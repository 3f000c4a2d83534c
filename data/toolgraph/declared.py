"""Tools of a user's own, from a JSON file: declarations with output schemas, and examples.

The file is a list of `{"name", "description", "parameters", "returns", "ask", "domain",
"examples"}`, or `{"apis": [...]}`. `parameters` and `returns` are JSON Schemas of objects whose
properties are text, numbers or booleans, and all are required. `kind` in a property says what a
value means, so that a result of that kind feeds it, `words` what it is called, and `examples` (or
`enum`) what a person may say. `ask` is how the tool is asked for, as text or by language, with
`{parameter}` in it.

Guarantees: a call that stands among the tool's examples gives the example's result; any other gives
a value of the output schema that is a function of the world, the tool and the arguments. What is
wrong with a file is one line with the tool's name.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from string import Formatter
from typing import Any, Final

from data.toolgraph.api import LANGUAGES, Api, Kind, RefusedCallError, ToolGraphError, World

TYPES: Final = ("string", "integer", "number", "boolean")
_MOST: Final = 100_000_000
"""Bytes of a file."""
Example = tuple[Mapping[str, Any], Mapping[str, Any]]


def load_apis(path: Path) -> list[Api]:
    """The tools of a file.

    Raises:
        ToolGraphError: It cannot be read, or a tool in it cannot be used.
    """
    try:
        if path.stat().st_size > _MOST:
            raise ToolGraphError(f"{path}: is larger than {_MOST // 1_000_000} MB")
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        reason = " ".join(str(getattr(error, "strerror", None) or error).split())
        raise ToolGraphError(f"{path}: cannot be read as JSON: {reason}") from error
    listed = found.get("apis") if isinstance(found, Mapping) else found
    if not isinstance(listed, list) or not listed:
        raise ToolGraphError(f'{path}: holds no list of tools; write [{{"name": ...}}, ...]')
    return [_api(one, f"{path}: tool {number}") for number, one in enumerate(listed, start=1)]


def _api(value: Any, where: str) -> Api:
    if not isinstance(value, Mapping) or not isinstance(value.get("name"), str):
        raise ToolGraphError(f"{where}: has no name")
    name = value["name"]
    where = f"{where} ({name})"
    examples = _examples(value.get("examples", []), where)
    parameters = _kinds(value, "parameters", where, [given for given, _ in examples])
    returns = _kinds(value, "returns", where, [])
    if not parameters or not returns:
        raise ToolGraphError(f"{where}: needs parameters and returns with at least one property")
    for given, result in examples:
        if given.keys() != parameters.keys() or result.keys() != returns.keys():
            raise ToolGraphError(f"{where}: an example has other fields than the schemas")
    return Api(
        name=name,
        domain=str(value.get("domain", "")),
        description=str(value.get("description", name)),
        parameters=parameters,
        returns=returns,
        asks=_asks(value.get("ask"), name, parameters, where),
        run=_simulation(name, parameters, returns, examples),
        examples=examples,
    )


def _kinds(
    value: Mapping[str, Any], part: str, where: str, given: Sequence[Mapping[str, Any]]
) -> dict[str, Kind]:
    schema = value.get(part)
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    if not isinstance(properties, Mapping):
        raise ToolGraphError(f"{where}: {part} is no JSON Schema of an object with properties")
    kinds = {}
    for name, own in properties.items():
        if not isinstance(own, Mapping) or own.get("type") not in TYPES:
            raise ToolGraphError(f"{where}: {part}.{name} needs a type, one of {', '.join(TYPES)}")
        kinds[name] = _kind(value["name"], name, own, given)
    return kinds


def _kind(api: str, name: str, own: Mapping[str, Any], given: Sequence[Mapping[str, Any]]) -> Kind:
    """Without a `kind` of its own a value is of one that no other tool has."""
    plain = {key: value for key, value in own.items() if key not in ("kind", "examples", "words")}
    stated = own.get("enum") or own.get("examples") or ()
    if own["type"] == "boolean" and not stated:
        stated = (True, False)
    shown = [one[name] for one in given if name in one]
    values = [one for one in [*stated, *shown] if _is_of(one, own["type"])]
    words = own.get("words", name.replace("_", " "))
    by_language = words if isinstance(words, Mapping) else {}
    said: dict[str, str] = {
        one: str(by_language.get(one, by_language.get("en", words))) for one in LANGUAGES
    }
    unique = list(dict.fromkeys(values))
    return Kind(
        str(own.get("kind", f"{api}.{name}")), plain, said, {"en": unique} if unique else {}
    )


def _is_of(value: Any, type_: str) -> bool:
    if type_ == "string":
        return isinstance(value, str)
    if type_ == "boolean":
        return isinstance(value, bool)
    if type_ == "integer":
        return type(value) is int
    return type(value) in (int, float)


def _examples(value: Any, where: str) -> list[Example]:
    pairs = [
        (one.get("arguments"), one.get("result")) if isinstance(one, Mapping) else (None, None)
        for one in (value if isinstance(value, list) else [None])
    ]
    if not all(isinstance(a, Mapping) and isinstance(r, Mapping) for a, r in pairs):
        raise ToolGraphError(f'{where}: examples are [{{"arguments": ..., "result": ...}}, ...]')
    return pairs  # type: ignore[return-value]


def _asks(value: Any, name: str, parameters: Mapping[str, Kind], where: str) -> dict[str, str]:
    listed = ", ".join(f"{one.replace('_', ' ')}: {{{one}}}" for one in parameters)
    plain = {"en": f"use {name} with {listed}", "zh": f"使用{name}，{listed}"}
    given = {"en": value} if isinstance(value, str) else value or {}
    if not isinstance(given, Mapping) or not all(isinstance(one, str) for one in given.values()):
        raise ToolGraphError(f"{where}: ask is text, or text by language")
    for text in given.values():
        try:
            fields = {one for _, one, _, _ in Formatter().parse(text) if one is not None}
        except ValueError as error:
            raise ToolGraphError(f"{where}: ask {text!r}: {error}") from error
        if fields != set(parameters):
            raise ToolGraphError(
                f"{where}: ask {text!r} has to name each of {', '.join(parameters)} as {{name}}"
            )
    return plain | {one: given[one] for one in LANGUAGES if one in given}


def _simulation(
    name: str,
    parameters: Mapping[str, Kind],
    returns: Mapping[str, Kind],
    examples: Sequence[Example],
) -> Callable[[World, Mapping[str, Any]], Mapping[str, Any]]:
    def key(arguments: Mapping[str, Any]) -> str:
        return json.dumps(arguments, sort_keys=True)

    shown = {key(given): result for given, result in examples}

    def run(world: World, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        if arguments.keys() != parameters.keys():
            raise RefusedCallError(f"{name} takes {', '.join(parameters)}")
        known = shown.get(key(arguments))
        if known is not None:
            return known
        return {
            field: _made(world, kind, name, field, key(arguments))
            for field, kind in returns.items()
        }

    return run


def _made(world: World, kind: Kind, *of: str) -> Any:
    """A value of a kind that is a fact of the world."""
    draw = world.draw(*of)
    choices = kind.said("en")
    if choices:
        return draw.choice(choices)
    if kind.schema["type"] == "integer":
        return draw.randint(1, 10_000)
    if kind.schema["type"] == "number":
        return draw.randint(1, 1_000_000) / 100
    return f"{kind.name.rpartition('.')[2][:12]}-{draw.randint(10_000, 99_999)}"
