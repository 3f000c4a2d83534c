"""Tools out of a class: every public method with a docstring, declared by its signature.

Guarantees: what a tool is given was checked against the same types that its declaration shows,
strictly: a text is no number, and nothing is left over or missing. pydantic's types and models are
made of the arguments. A method that cannot be declared is refused when the class is loaded.
"""

import inspect
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, NotRequired, Required, get_type_hints

from pydantic import ConfigDict, Field, PydanticUserError, TypeAdapter, ValidationError
from pydantic.errors import PydanticSchemaGenerationError
from typing_extensions import TypedDict

from rewards.tools import ToolCall
from rl.errors import ConfigError

NOT_TOOLS: Final = frozenset(
    {"reset", "metrics", "reward", "reply", "run", "start", "aclose", "close", "call_tool"}
)
"""Public methods that have a meaning of their own."""
_MAKE: Final[Any] = TypedDict  # mypy knows it with literal fields alone
_READINGS: Final = 32  # of a call whose arguments were written without types
_FAULTS: Final = 3  # that are told of one call
_SECTION: Final = re.compile(
    r"^(args|arguments|parameters|returns?|raises|yields?|examples?|notes?):?$", re.I
)
_GOOGLE: Final = re.compile(r"^(\*{0,2}\w+)(?:\s*\([^)]*\))?\s*:\s*(.*)$")
_SPHINX: Final = re.compile(r"^:param\s+(?:[^:]*\s)?(\w+)\s*:\s*(.*)$")


class ArgumentsError(Exception):
    """Arguments do not fit; says which, for whoever wrote the call."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A method that the policy may call.

    Attributes:
        name: The method's.
        declaration: `{"type": "function", "function": {...}}`, as chat templates show it.
    """

    name: str
    declaration: Mapping[str, Any]
    _arguments: TypeAdapter[Any]

    def bound(
        self, subject: Any, arguments: Mapping[str, Any]
    ) -> tuple[Callable[..., Any], Mapping[str, Any]]:
        """What runs it, and with what."""
        return getattr(subject, self.name), arguments

    def read(self, call: ToolCall) -> dict[str, Any]:
        """The arguments of a call as the method takes them.

        Raises:
            ArgumentsError: They do not fit.
        """
        arguments = dict(call.arguments)
        others = [(key, list(values)) for key, values in call.readings.items()]
        for _ in range(_READINGS):
            try:
                read: dict[str, Any] = self._arguments.validate_json(
                    json.dumps(arguments), strict=True
                )
                return read
            except ValidationError as error:
                wrong = {str(fault["loc"][0]) for fault in error.errors() if fault["loc"]}
                untried = next((values for key, values in others if key in wrong and values), None)
                if untried is None:
                    raise ArgumentsError(_told(error)) from error
                key = next(key for key, values in others if values is untried)
                arguments[key] = untried.pop(0)
        raise ArgumentsError("its arguments may mean too many things")


def tools_of(kind: type, reserved: frozenset[str] = NOT_TOOLS) -> tuple[Tool, ...]:
    """The tools of a class, in the order of their definition.

    Args:
        kind: The class.
        reserved: Public methods that are none.

    Raises:
        ConfigError: A method with a docstring cannot be declared.
    """
    return tuple(_tool(kind, name, method) for name, method in _methods(kind, reserved))


def _methods(kind: type, reserved: frozenset[str]) -> Iterator[tuple[str, Any]]:
    names = dict.fromkeys(name for one in reversed(kind.__mro__) for name in vars(one))
    for name in names:
        if name.startswith("_") or name in reserved:
            continue
        method = getattr(kind, name)
        if inspect.isroutine(method) and inspect.getdoc(method):
            yield name, method


def _tool(kind: type, name: str, method: Any) -> Tool:
    where = f"the tool {name!r} of {kind.__name__}"
    try:
        signature = inspect.signature(method)
        hints = get_type_hints(method, include_extras=True)
    except (TypeError, ValueError, NameError) as error:
        raise ConfigError(f"{where}: its signature cannot be read: {error}") from error
    is_bound = isinstance(inspect.getattr_static(kind, name), staticmethod | classmethod)
    parameters = list(signature.parameters.values())[0 if is_bound else 1 :]
    about, described = described_by(inspect.getdoc(method) or "")
    for one in parameters:
        if one.kind is not one.POSITIONAL_OR_KEYWORD and one.kind is not one.KEYWORD_ONLY:
            raise ConfigError(
                f"{where}: the policy gives arguments by name, so {one} cannot be one"
            )
        if one.name not in hints:
            raise ConfigError(f"{where}: give its parameter {one.name!r} a type, such as `str`")
    adapter, schema = _adapter(where, parameters, hints, described)
    function = {"name": name, "description": about, "parameters": schema}
    return Tool(name, {"type": "function", "function": function}, adapter)


def _adapter(
    where: str,
    parameters: Sequence[inspect.Parameter],
    hints: Mapping[str, Any],
    described: Mapping[str, str],
) -> tuple[TypeAdapter[Any], dict[str, Any]]:
    """What checks arguments, and their JSON schema."""
    fields = {}
    for one in parameters:
        need = Required if one.default is one.empty else NotRequired
        said = described.get(one.name)
        kind = Annotated[hints[one.name], Field(description=said)] if said else hints[one.name]
        fields[one.name] = need[kind]
    shape = _MAKE("Arguments", fields)
    shape.__pydantic_config__ = ConfigDict(extra="forbid", use_attribute_docstrings=True)
    try:
        adapter: TypeAdapter[Any] = TypeAdapter(shape)
        schema = _without_titles(adapter.json_schema())
    except (PydanticUserError, PydanticSchemaGenerationError) as error:
        line = " ".join(str(error).split("\n")[0].split())
        raise ConfigError(f"{where}: its parameters have no JSON schema: {line}") from error
    for one in parameters:
        if one.default is not one.empty and one.default is not None:
            try:
                schema["properties"][one.name]["default"] = json.loads(json.dumps(one.default))
            except (TypeError, ValueError):
                continue  # a model's default is the method's own affair
    properties = schema.pop("properties", {})
    schema.pop("additionalProperties", None)
    return adapter, {"type": schema.pop("type"), "properties": properties, **schema}


def described_by(docstring: str) -> tuple[str, dict[str, str]]:
    """What a docstring says of the whole, and of each parameter (Google's or Sphinx's style)."""
    about: list[str] = []
    described: dict[str, str] = {}
    section, last, indent = "", "", 0
    for line in docstring.splitlines():
        text = line.strip()
        if found := _SPHINX.match(text):
            section, last, indent = "args", found[1], len(line) - len(line.lstrip())
            described[last] = found[2]
        elif _SECTION.match(text) and (text.endswith(":") or section):
            section, last = text.rstrip(":").lower(), ""
        elif not section:
            about.append(text)
        elif section in ("args", "arguments", "parameters") and text:
            depth = len(line) - len(line.lstrip())
            found = _GOOGLE.match(text)
            if found and (not last or depth <= indent):
                last, indent = found[1].lstrip("*"), depth
                described[last] = found[2]
            elif last:
                described[last] = f"{described[last]} {text}".strip()
    return "\n".join(about).strip(), {key: text for key, text in described.items() if text}


def _without_titles(schema: Any) -> Any:
    """A schema without the titles that pydantic makes of names."""
    if isinstance(schema, list):
        return [_without_titles(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: {name: _without_titles(one) for name, one in value.items()}
        if key in ("properties", "$defs") and isinstance(value, dict)
        else _without_titles(value)
        for key, value in schema.items()
        if not (key == "title" and isinstance(value, str))
    }


def _told(error: ValidationError) -> str:
    faults = error.errors(include_url=False)
    told = []
    for fault in faults[:_FAULTS]:
        name = ".".join(str(part) for part in fault["loc"])
        if fault["type"] == "extra_forbidden":
            told.append(f"there is no argument {name!r:.100}")
        elif fault["type"] == "missing":
            told.append(f"the argument {name!r:.100} is missing")
        else:
            told.append(f"argument {name!r:.100}: {fault['msg'][:200]}")
    more = len(faults) - _FAULTS
    return "; ".join(told) + (f"; and {more} more" if more > 0 else "")
