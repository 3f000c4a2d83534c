"""A text that is nothing but a call in a form that nothing reads, whatever name it calls.

Amid other text such a call counts only where it names a tool on offer (`attempts`). Alone it is no
answer in words, so it is a fault and never an abstention.

Guarantees: nothing is evaluated or raised; time is linear in the text.
"""

import re
from typing import Any, Final

from rewards.tools.formats.found import MAX_CALLS, skip_blank
from rewards.tools.formats.python_reader import call_in, called_at, literal
from rewards.tools.programs import is_a_tools, is_of_a_program
from rewards.tools.strict_json import MalformedError, decode_at
from rewards.tools.types import Parsed, shown

MAX_DEPTH: Final = 3  # objects around a call
_FENCED: Final = re.compile(r"```[ \t]{0,8}\w{0,32}[ \t\r]{0,8}\n(.*)```", re.DOTALL)
_NAMES: Final = frozenset(
    {"tool", "toolname", "function", "functionname", "action", "actionname", "api", "apiname",
     "method", "recipientname", "name"}
)  # fmt: skip
_ARGUMENTS: Final = re.compile(
    r"(?:tool|function|action|api|call)?(?:args|arguments?|parameters?|params|inputs?|kwargs)"
)
_AROUND: Final = re.compile(r"(?:tool|function|api)?(?:calls?|uses?)|(?:tool|function|action)s?")
_NOBODY: Final = re.compile(
    r"|na|null|nil|none\w*|no(?:such)?(?:tool|function|call|action|api|answer|op)\w*|nothing\w*"
    r"|not(?:a(?:pplicable|vailable)|needed|required|found|supported|possible)|message|final"
    r"|(?:final|direct|directly)?(?:answer|response|respond|reply)(?:directly|touser|user)?"
    r"|(?:un(?:known|available|supported|able)|cannot|cant|irrelevant|outofscope|insufficient"
    r"|missing)\w*|(?:request|need|seek|get)?(?:user)?clarif\w*|ask\w*|(?:refus|declin|apologi)\w*"
    r"|abstain|finish|stop|done|end|terminate"
    r"|(?:say|speak|chat|talk|message|inform|tell)(?:to)?(?:user)?"
)
"""What is named where nothing is called, as in `{"action": "Final Answer"}`."""
_OF_DATA: Final = frozenset({("method", "params"), ("name", "inputs")})
"""Keys of requests (JSON-RPC, HTTP) and of steps in a workflow."""
_BESIDE: Final = re.compile(
    r"(?:tool|function)?(?:call)?(?:id|type|index)|status|strict|server|namespace|version"
    r"|thoughts?|thinking|reason|reasoning|rationale|plan|explanation|content|text"
)
"""What may stand beside a name and its arguments."""
_BEGUN: Final = re.compile(
    r"[\[\s]{0,16}\{\s{0,64}[\"'](\w{1,32})[\"']\s{0,8}:\s{0,8}[\"']([^\"'\n]{1,256})[\"']\s{0,8},"
    r"\s{0,64}[\"'](\w{1,32})[\"']\s{0,8}:\s{0,8}\{"
)
"""A name and the beginning of its arguments, in what is broken further on."""
_LEAD: Final = re.compile(  # x = await f("x"), 1. f("x"), -> f("x")
    r"(?:(?:[@\-+•$→*]{1,3}|[-=]>|[0-9]{1,3}[.)]|await\b|return\b|\w{1,64}[ \t]{0,4}=(?!=))"
    r"[ \t]{0,4}){0,3}"
)
_KEYED: Final = re.compile(r"\(\s{0,64}[^\W\d]\w{0,64}\s{0,8}=(?!=)")
_PLACES: Final = tuple(f"{place}." for place in range(64))
"""What arguments without a name are called here, which no argument can be."""


def called_alone(text: str) -> Parsed | None:
    """What is wrong with a text that is a call and nothing else; None: it is something else."""
    format, name = "json", _called_by_values(_unwrapped(text))
    if not name:
        format, name = "pythonic", _called_by_place(text)
    if not name:
        return None
    return Parsed((), text, format, f"a call in a form that is not read: {shown(name)}")


def _unwrapped(text: str) -> str:
    """A text without the fence or the quotation marks that stand around the whole of it."""
    if (fenced := _FENCED.fullmatch(text)) is not None:
        return fenced[1].strip()
    is_quoted = len(text) > 2 and text[0] in "`\"'" and text[-1] == text[0]
    return text[1:-1].strip() if is_quoted else text


def _called_by_values(text: str) -> str:
    """The name that a text of objects calls, in JSON or as Python writes them; empty: none."""
    if not text.startswith(("{", "[")):
        return ""
    try:
        values = _values(text)
    except MalformedError:
        try:
            values = [literal(text)]
        except MalformedError:
            return _begun(text)
    return _first_called(values, 0)


def _begun(text: str) -> str:
    """The name that broken objects begin by calling; empty: they do not."""
    begun = _BEGUN.match(text)
    if begun is None or _NOBODY.fullmatch(_squashed(begun[2])):
        return ""
    key, given = _squashed(begun[1]), _squashed(begun[3])
    is_call = key in _NAMES and _ARGUMENTS.fullmatch(given) and (key, given) not in _OF_DATA
    return begun[2] if is_call else ""


def _values(text: str) -> list[Any]:
    """The JSON values in a row of which a text consists.

    Raises:
        MalformedError: It is something else.
    """
    found: list[Any] = []
    position = 0
    while position < len(text):
        if len(found) == MAX_CALLS:
            raise MalformedError(f"more than {MAX_CALLS} values")
        value, position = decode_at(text, position)
        found.append(value)
        position = skip_blank(text, position)
        if text.startswith((",", ";"), position):
            position = skip_blank(text, position + 1)
    return found


def _first_called(value: Any, depth: int) -> str:
    if isinstance(value, list):
        names = (_first_called(one, depth + 1) for one in value) if depth < MAX_DEPTH else ()
        return next(filter(None, names), "")
    if not isinstance(value, dict) or depth > MAX_DEPTH:
        return ""
    keyed = {_squashed(key): one for key, one in value.items()}
    key = next((key for key in keyed if key in _NAMES and isinstance(keyed[key], str)), "")
    given = next((one for one in keyed if _ARGUMENTS.fullmatch(one) and _are_given(keyed[one])), "")
    if keyed.get("method") == "tools/call" and given == "params":  # as in MCP
        return _first_called(keyed[given], depth)
    if key and given:
        is_call = (key, given) not in _OF_DATA and all(map(_is_of_a_call, keyed))
        return keyed[key] if is_call and not _NOBODY.fullmatch(_squashed(keyed[key])) else ""
    inner = [one for key, one in keyed.items() if _AROUND.fullmatch(key)]
    return _first_called([one for one in inner if isinstance(one, dict | list)], depth)


def _is_of_a_call(key: str) -> bool:
    return key in _NAMES or any(one.fullmatch(key) for one in (_ARGUMENTS, _AROUND, _BESIDE))


def _squashed(name: str) -> str:
    return "".join(filter(str.isalnum, name)).lower()


def _are_given(value: Any) -> bool:
    """Whether a value is arguments, or their JSON text, and does not describe parameters."""
    if isinstance(value, str):
        if not value.lstrip().startswith("{"):
            return False
        try:
            value = decode_at(value, skip_blank(value, 0))[0]
        except MalformedError:
            return True  # to be arguments, and broken
    return isinstance(value, dict) and "properties" not in value


def _called_by_place(text: str) -> str:
    """The name that a text calls as Python does, in a way that cannot be read; empty: none.

    Numbers alone are arguments of a name such as `cancel_room` only: `f(2)` and `log_2(8)` are
    mathematics. What a program calls of its own is text: `main()`, `print("x")`, `plt.show()`.
    """
    lead = _LEAD.match(text)
    source = text[lead.end() if lead else 0 :].rstrip(" \t;,.*")
    if source.startswith("print(") and source.endswith("))"):
        source = source[len("print(") : -1].strip()
    if source.startswith("[") and source.endswith("]"):
        source = source[1:-1].strip()
    called = called_at(source, 0)
    if called is None or not source.endswith(")"):
        return ""
    name, bracket = called
    if is_of_a_program(name):
        return ""
    is_tools = is_a_tools(name)  # no word of a sentence, and nothing of mathematics
    try:
        arguments = call_in(source, {name: _PLACES}).arguments
    except MalformedError:
        return name if is_tools and _KEYED.match(source, bracket) else ""
    is_said = any(
        key not in _PLACES or type(value) not in (int, float) for key, value in arguments.items()
    )
    return name if is_tools or is_said or not arguments else ""
