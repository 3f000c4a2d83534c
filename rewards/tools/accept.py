"""Mode `accept`: a call is right if each of its arguments has an allowed value, as BFCL judges it.

The rules of BFCL's `ast_checker.py` (Berkeley Function-Calling Leaderboard, v4), with the types of
the tool's declaration, or where there is none with those of the allowed values:

- the name is the reference's; every parameter that the declaration requires is there; there is none
  that the declaration or the reference lacks; one that the reference has may be absent if `""` is
  among its allowed values;
- an integer stands for a float, not the reverse, and true and false are no numbers. In a list the
  items have the declared type or that of the allowed list's first item. In objects, and in lists
  without a declared type of their items, `2` and `2.0` are one value;
- text is compared in lower case without spaces and without `, . / - _ * ^`, and `'` is `"`; so are
  the texts in a list and in an object. A text where the declaration says another type is taken for
  a variable, and has to be allowed as it stands;
- lists in order; tuples are lists; an object has allowed values for each of its keys; lists of
  objects have such an object for each item;
- arguments of Java and JavaScript functions are source text, such as `5L` or `new int[]{1, 2}`; a
  JSON value of another kind is refused. BFCL is told the language; here the types tell it if
  nobody does.

Where this differs from BFCL's checker, on purpose:

- calls are paired so that all fit if that is possible; BFCL takes the first that fits, and may so
  find no place for a later one;
- in objects, true is not 1 and false is not 0;
- an allowed value inside of an object may itself be an object with allowed values for its keys;
  BFCL compares it as it stands. Both readings are allowed here;
- commas in quotes do not split the lists of Java and JavaScript, and a tool that may be of either
  language is read as both;
- items without a declared type, and unknown names of types, do not stop the comparison.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from rewards.tools.dialects import FLOATS, ITEMS, KINDS, PYTHON, Language, languages
from rewards.tools.errors import ToolsError
from rewards.tools.exact import ABSENT, NOTHING_MORE, Fault
from rewards.tools.offered import OBJECT, Declaration, declared, properties_of, required_of
from rewards.tools.reference import OPTIONAL, Single
from rewards.tools.source_values import read_source
from rewards.tools.types import OneOf, Phrase, ToolCall, shown

_STANDARD = str.maketrans({**dict.fromkeys(" ,./-_*^", ""), "'": '"'})
MAX_EXACT_FLOAT = 10**308


class Accepted(NamedTuple):
    """A reference's call, with what the declaration of its tool says.

    Attributes:
        name: The tool.
        allowed: The allowed values of each argument.
        properties: The schemas of the parameters; None: there is no declaration.
        required: The parameters that have to be there.
        spoken: The languages that the tool may be of, if not Python.
    """

    name: str
    allowed: Mapping[str, Sequence[Any]]
    properties: Mapping[str, Any] | None
    required: Sequence[str]
    spoken: tuple[Language, ...]


def accepted(
    name: str,
    allowed: Mapping[str, Sequence[Any]],
    tool: Declaration | None,
    spoken: tuple[Language, ...] | None = None,
) -> Accepted:
    """What calls are compared with; `spoken` is None where the declaration tells the language.

    Raises:
        ToolsError: The declaration cannot be read.
    """
    if tool is None:
        return Accepted(name, allowed, None, (), ())
    properties = properties_of(tool)
    required = required_of(tool)
    for key in required:
        if type(key) is not str:
            raise ToolsError(f"tool {shown(name)} requires {shown(key)}, which is no name")
    if spoken is None:
        spoken = languages(properties)
    return Accepted(name, allowed, properties, required, spoken)


def compare(call: ToolCall, wanted: Accepted) -> Fault | None:
    """Why `call` is not the reference's call; None where it is."""
    if call.name != wanted.name:
        return "", Phrase(f"a call of {wanted.name}"), Phrase(f"a call of {call.name}")
    arguments, allowed, properties = call.arguments, wanted.allowed, wanted.properties
    for key in wanted.required:
        if key not in arguments:
            return str(key), OneOf(allowed.get(key, ())), ABSENT
    for key, value in arguments.items():
        if key not in allowed or (properties is not None and key not in properties):
            return key, NOTHING_MORE, value
        kind = schema = None
        if properties is not None:
            schema = declared(properties[key])
            kind = _type_of(schema)
        for one in (value, *call.readings.get(key, ())):
            if _is_allowed(one, allowed[key], kind, schema, wanted.spoken):
                break
        else:
            return key, OneOf(allowed[key], kind), value
    for key, values in allowed.items():
        if key not in arguments and (type(values) is Single or OPTIONAL not in values):
            return key, OneOf(values), ABSENT
    return None


def standard(text: str) -> str:
    """A text as texts are compared."""
    return text.translate(_STANDARD).lower()


def _is_allowed(
    value: Any, allowed: Sequence[Any], kind: str | None, schema: Any, spoken: Sequence[Language]
) -> bool:
    if type(value) is tuple:
        value = list(value)
    if kind is None:
        return _is_allowed_untyped(value, allowed)
    inner = _type_of(declared(schema.get("items"))) if kind in ITEMS else None
    if spoken:
        sources = [language for language in spoken if kind in KINDS[language]]
        if sources:
            return type(value) is str and any(
                _fits_source(value, allowed, kind, inner, one) for one in sources
            )
    expected = PYTHON.get(kind)
    if expected is None:
        return _is_allowed_untyped(value, allowed)
    if kind in FLOATS:
        value = _as_float(value)
    return _fits(value, allowed, expected, PYTHON.get(inner) if inner is not None else None)


def _fits_source(
    text: str, allowed: Sequence[Any], kind: str, inner: str | None, language: Language
) -> bool:
    """Whether an argument of a Java or JavaScript function is allowed."""
    value = read_source(text, kind, inner, language)
    return _fits(value, allowed, KINDS[language][kind], KINDS[language].get(inner or ""))


def _type_of(schema: Any) -> str | None:
    kind = schema.get("type") if isinstance(schema, OBJECT) else None
    return kind if isinstance(kind, str) else None


def _as_float(value: Any) -> Any:
    if type(value) is int and abs(value) < MAX_EXACT_FLOAT:
        return float(value)
    return value


def _is_allowed_untyped(value: Any, allowed: Sequence[Any]) -> bool:
    """With the type of an allowed value, each in turn."""
    for one in allowed:
        expected = type(one)
        candidate = _as_float(value) if expected is float else value
        if type(candidate) is expected and _fits(candidate, [one], expected, None):
            return True
    return False


def _fits(value: Any, allowed: Sequence[Any], expected: type, nested: type | None) -> bool:
    """Whether a value of the declared type, with items of type `nested`, is allowed."""
    stated = _stated(allowed)
    if type(value) is not expected:
        is_typed, is_variable = type(value) is stated, True
    else:
        is_typed = nested is None or _items_fit(value, allowed, nested)
        is_variable = stated is not None and stated is not expected
    if not is_typed:
        return False
    if is_variable or expected not in (str, dict, list):
        return any(same(value, one) for one in allowed)
    if expected is str:
        return value in allowed or _text_fits(standard(value), allowed)
    if expected is dict:
        return any(_object_fits(value, one) for one in allowed)
    return _list_fits(value, allowed, nested)


def _text_fits(text: str, allowed: Sequence[Any]) -> bool:
    return any(type(one) is str and standard(one) == text for one in allowed)


def _stated(allowed: Sequence[Any]) -> type | None:
    """The type of the first allowed value that is not the mark of an optional argument."""
    for one in allowed:
        if one != OPTIONAL:
            return type(one)
    return None


def _items_fit(value: Any, allowed: Sequence[Any], nested: type) -> bool:
    for one in allowed:
        if type(one) is not list:
            return True
        stated = _stated(one)
        if all(type(item) is nested or type(item) is stated for item in value):
            return True
    return False


def _list_fits(value: Sequence[Any], allowed: Sequence[Any], nested: type | None) -> bool:
    if nested is None:
        return any(_item_fits(value, one) for one in allowed)
    if nested is dict:
        return any(_objects_fit(value, one) for one in allowed)
    ours = [_standard_text(item) for item in value]
    for one in allowed:
        if isinstance(one, list | str):  # an optional list may be given as an empty one
            theirs = [_standard_text(item) for item in one]
            if len(ours) == len(theirs) and all(map(same, ours, theirs)):
                return True
    return False


def _objects_fit(value: Sequence[Any], allowed: Any) -> bool:
    if allowed == OPTIONAL:  # an optional list may be given as an empty one
        return not value
    if not isinstance(allowed, list | tuple) or len(value) != len(allowed):
        return False
    return all(map(_object_fits, value, allowed))


def _object_fits(value: Any, allowed: Any) -> bool:
    if not isinstance(value, OBJECT) or not isinstance(allowed, OBJECT):
        return False
    for key, one in value.items():
        if key not in allowed or not _member_fits(one, allowed[key]):
            return False
    return all(
        key in value or (type(values) is not Single and _is_optional(values))
        for key, values in allowed.items()
    )


def _member_fits(value: Any, allowed: Any) -> bool:
    choices = allowed if isinstance(allowed, list | tuple) else (allowed,)
    return any(_item_fits(value, one) for one in choices)


def _item_fits(value: Any, allowed: Any) -> bool:
    """Whether a value without a declared type is the allowed one, objects within it included."""
    if same(_standard_text(value), _standard_text(allowed)):
        return True
    if isinstance(value, OBJECT):
        return _object_fits(value, allowed)
    if isinstance(value, list) and isinstance(allowed, list) and len(value) == len(allowed):
        return all(map(_item_fits, value, allowed))
    return False


def _is_optional(values: Any) -> bool:
    return isinstance(values, list | tuple) and OPTIONAL in values


def _standard_text(value: Any) -> Any:
    return standard(value) if type(value) is str else value


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal; numbers by value, true and false are none."""
    if type(one) is str:
        return bool(one == other)
    if isinstance(one, OBJECT):
        return (
            isinstance(other, OBJECT)
            and len(one) == len(other)
            and all(key in other and same(value, other[key]) for key, value in one.items())
        )
    if isinstance(one, list | tuple):
        return (
            isinstance(other, list | tuple)
            and len(one) == len(other)
            and all(map(same, one, other))
        )
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return bool(one == other)
