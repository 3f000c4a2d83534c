"""`[f(a=1), g.h(b="x")]`: calls as in Python, as Llama 3.2 and 4 write them and BFCL asks for.

Guarantees: nothing is evaluated. Arguments are named and are literals: strings, numbers with a
sign, True, False, None (also JSON's true, false, null), lists, tuples (which become lists) and
objects with text keys. Calls without the list's brackets, with commas or line ends between them,
are read where they are the whole text and the first names a tool on offer, perhaps in a fence; one
call is anyway.
"""

import ast
import re
import warnings
from typing import Any, Literal

from rewards.tools.formats.found import MAX_CALLS, Found, Offered, nothing
from rewards.tools.strict_json import MAX_DIGITS, MalformedError
from rewards.tools.types import ToolCall, shown

MAX_LENGTH = 65_536  # characters of calls
MAX_NESTING = 64
START, END = "<|python_start|>", "<|python_end|>"
_NAME = r"[A-Za-z_]\w*+(?:\.[A-Za-z_]\w*+)*+"
_WHOLE = re.compile(rf"(\[\s*+)?({_NAME})\s*+\(")
_AMID = re.compile(rf"\[\s{{0,64}}({_NAME})\(")
_FENCED = re.compile(r"```(?:python|py|tool_code|tool_call)?[ \t\r]*\n(.*)```", re.DOTALL)
_TOKEN = re.compile(
    r'"""(?:[^"\\]++|\\.|"(?!""))*+(?:""")?+|\'\'\'(?:[^\'\\]++|\\.|\'(?!\'\'))*+(?:\'\'\')?+'
    r'|"(?:[^"\\\n]++|\\.)*+"?+|\'(?:[^\'\\\n]++|\\.)*+\'?+|[\[\](){}]',
    re.DOTALL,
)
_NAMES = {"true": True, "false": False, "null": None}


def parse(text: str, offered: Offered) -> Found:
    """Read the whole text, or else the lists of calls amid it.

    Raises:
        MalformedError: The text, or a list that begins with the name of a tool, is broken.
    """
    source = text.replace(START, "").replace(END, "").strip()
    if (fenced := _FENCED.fullmatch(source)) is not None:
        begun = _WHOLE.match(fenced[1].strip())
        if begun is not None and begun[2] in offered:
            source = fenced[1].strip()
    whole = _WHOLE.match(source)
    if whole is not None and not whole[1] and whole[2] in offered:
        found = _bare(source)
        if found:
            return Found(found)
    if whole is not None and (whole[1] or _end(source, 0) in (None, len(source))):
        if _end(source, 0) == len(source):
            return Found(list(calls_in(source)))
        if _end(source, 0) is None and (whole[1] or whole[2] in offered):
            raise MalformedError("the calls are not closed")
    return _amid(source, offered)


def calls_in(source: str) -> tuple[ToolCall, ...]:
    """The calls of a Python expression: a list of calls, several with commas, or one.

    Raises:
        MalformedError: It is something else.
    """
    return tuple(map(_call, _nodes(_parsed(source, "eval").body)))


def literal(source: str) -> Any:
    """The value of a Python literal.

    Raises:
        MalformedError: It is none.
    """
    return _literal(_parsed(source, "eval").body)


def _bare(source: str) -> list[ToolCall]:
    """The calls of which a text wholly consists; none if something else is in it.

    Raises:
        MalformedError: There are such calls, and one is broken.
    """
    try:
        statements = _parsed(source, "exec").body
    except MalformedError:
        return []
    values = [one.value for one in statements if isinstance(one, ast.Expr)]
    nodes = [node for value in values for node in _nodes(value)]
    if len(values) < len(statements) or not all(isinstance(node, ast.Call) for node in nodes):
        return []
    return [_call(node) for node in nodes]


def _parsed(source: str, mode: Literal["eval", "exec"]) -> Any:
    if len(source) > MAX_LENGTH:
        raise MalformedError(f"calls of more than {MAX_LENGTH:,} characters")
    _end(source, 0)  # refuses deep nesting
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the parser's own, on escapes in the model's text
            return ast.parse(source, mode=mode)
    except SyntaxError as error:
        raise MalformedError(f"broken call: {error.msg} at character {error.offset}") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise MalformedError(f"broken call: {type(error).__name__}") from error


def _nodes(value: ast.expr) -> list[ast.expr]:
    return value.elts if isinstance(value, ast.List | ast.Tuple) else [value]


def _amid(text: str, offered: Offered) -> Found:
    found = Found()
    position = 0
    for match in _AMID.finditer(text):
        start = match.start()
        if start < position:
            continue
        if match[1] not in offered and offered:
            continue
        end = _end(text, start)
        if end is None and offered:
            raise MalformedError("the calls are not closed")
        if end is None:
            break
        try:
            calls = calls_in(text[start:end])
        except MalformedError:
            if offered:
                raise
            position = end
            continue
        found.outside(text[position:start])
        found.calls.extend(calls)
        position = end
        if len(found.calls) > MAX_CALLS:
            break  # refused by whoever asked
    if not found.calls:
        return nothing(text)
    found.outside(text[position:])
    return found


def _end(text: str, start: int) -> int | None:
    """Where the first bracket from `start` on closes; None if it does not.

    Raises:
        MalformedError: Brackets are nested too deeply.
    """
    depth = 0
    for match in _TOKEN.finditer(text, start, start + MAX_LENGTH):
        token = match[0]
        if token in ("[", "(", "{"):
            depth += 1
            if depth > MAX_NESTING:
                raise MalformedError("nested too deeply")
        elif token in ("]", ")", "}"):
            depth -= 1
            if depth <= 0:
                return match.end()
    return None


def _call(node: ast.expr) -> ToolCall:
    if not isinstance(node, ast.Call):
        raise MalformedError(f"no call: {type(node).__name__}")
    name = _dotted(node.func)
    if node.args:
        raise MalformedError(f"the call of {shown(name)} has an argument without a name")
    arguments: dict[str, Any] = {}
    for keyword in node.keywords:
        if keyword.arg is None:
            raise MalformedError(f"the call of {shown(name)} has ** in it")
        if keyword.arg in arguments:
            raise MalformedError(f"the key {shown(keyword.arg)} stands twice")
        arguments[keyword.arg] = _literal(keyword.value)
    return ToolCall(name, arguments)


def _dotted(node: ast.expr) -> str:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        raise MalformedError("a call of something that is no name")
    return ".".join([node.id, *reversed(parts)])


def _literal(node: ast.expr) -> Any:
    match node:
        case ast.Constant(value=str() | bool() | None as value):
            return value
        case ast.Constant(value=int() | float() as value):
            return _number(value)
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=ast.Constant(value=value)):
            return -_number(value) if isinstance(node.op, ast.USub) else _number(value)
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return [_literal(item) for item in items]
        case ast.Dict():
            return _object(node)
        case ast.Name(id=name) if name in _NAMES:
            return _NAMES[name]
    raise MalformedError(f"an argument is no literal but {type(node).__name__}")


def _number(value: Any) -> Any:
    if type(value) not in (int, float) or value in (float("inf"), float("-inf")):
        raise MalformedError("a number that JSON does not have")
    if isinstance(value, int) and value.bit_length() > 4 * MAX_DIGITS:
        raise MalformedError(f"an integer of more than {MAX_DIGITS} digits")
    return value


def _object(node: ast.Dict) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in zip(node.keys, node.values, strict=True):
        if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
            raise MalformedError("an object has a key that is no text")
        if key.value in found:
            raise MalformedError(f"the key {shown(key.value)} stands twice")
        found[key.value] = _literal(value)
    return found
