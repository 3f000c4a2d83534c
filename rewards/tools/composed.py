"""Parameters that a schema puts together: `$ref`, `allOf`, `anyOf`, `oneOf`, `then` and `else`.

What comes out are the names, for those who have to know which there are. Whether a value fits is
left to the schema itself.

Guarantees: only references within the schema are followed, each once, so that time is linear in the
schema; nothing is fetched from anywhere.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote

MAX_DEPTH: Final = 8
_OBJECT: Final = (dict, Mapping)
_ALL, _ANY, _BRANCHES = "allOf", ("anyOf", "oneOf"), ("then", "else")
_OPENING: Final = ("additionalProperties", "unevaluatedProperties", "patternProperties")


@dataclass(slots=True)
class Composed:
    """What the parts of a schema say together.

    Attributes:
        schemas: What the parts say of each parameter, by name.
        required: The parameters that have to be there, whichever part applies.
        says_of_others: Whether a part says what holds for parameters that are not named.
    """

    schemas: dict[str, list[Any]] = field(default_factory=dict)
    required: list[Any] = field(default_factory=list)
    says_of_others: bool = False

    @property
    def properties(self) -> dict[str, Any]:
        """The schemas of the parameters by name, in an `anyOf` where the parts differ."""
        return {
            name: each[0] if len(each) == 1 else {"anyOf": each}
            for name, each in self.schemas.items()
        }


def is_composed(schema: Mapping[str, Any]) -> bool:
    """Whether a schema of parameters is put together of parts."""
    return (
        isinstance(schema.get("$ref"), str)
        or any(isinstance(schema.get(key), list | tuple) for key in (_ALL, *_ANY))
        or ("if" in schema and any(isinstance(schema.get(key), _OBJECT) for key in _BRANCHES))
    )


def composed(root: Mapping[str, Any]) -> Composed:
    """The parameters of a schema.

    Raises:
        ValueError: The properties of a part are no object.
    """
    found = Composed()
    _collect(root, root, set(), 0, True, found)
    return found


def referred(reference: str, root: Mapping[str, Any]) -> Any:
    """What a local `$ref` names; None where there is nothing."""
    parts = unquote(reference).split("/")
    if parts[0] != "#" or len(parts) > MAX_DEPTH + 1:
        return None
    value: Any = root
    for part in parts[1:]:
        if isinstance(value, _OBJECT):
            value = value.get(part.replace("~1", "/").replace("~0", "~"))
        elif isinstance(value, list | tuple) and part.isdecimal() and int(part[:4]) < len(value):
            value = value[int(part[:4])]
        else:
            return None
    return value


def _collect(
    schema: Any, root: Mapping[str, Any], seen: set[str], depth: int, always: bool, found: Composed
) -> None:
    """Add what a part says, and what the parts of it say.

    Args:
        schema: The part.
        root: The schema in which references are looked up.
        seen: References that were followed.
        depth: How deep it stands.
        always: Whether it applies to every call.
        found: What there is so far.
    """
    if not isinstance(schema, _OBJECT) or depth > MAX_DEPTH:
        return
    properties = schema.get("properties")
    if properties is not None and not isinstance(properties, _OBJECT):
        raise ValueError("their properties are no object")
    for name, one in (properties or {}).items():
        said = found.schemas.setdefault(name, [])
        if one not in said:
            said.append(one)
    found.says_of_others |= any(key in schema for key in _OPENING)
    required = schema.get("required")
    if always and isinstance(required, list | tuple):
        found.required += required
    reference = schema.get("$ref")
    if isinstance(reference, str) and reference not in seen:
        seen.add(reference)
        _collect(referred(reference, root), root, seen, depth + 1, always, found)
    for one in _list(schema.get(_ALL)):
        _collect(one, root, seen, depth + 1, always, found)
    options = [one for key in _ANY for one in _list(schema.get(key))]
    for one in (*options, *(schema.get(key) for key in _BRANCHES)):
        _collect(one, root, seen, depth + 1, False, found)


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()
