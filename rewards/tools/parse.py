"""Calls out of what a model wrote.

Guarantees: `parse_calls` and `called_tool` never raise, whatever the text is, and take time in
proportion to it. Thinking is taken away first, and calls nothing. A text without a call is no
fault. A call that was attempted and is broken is one, and then there are no calls at all; these are
the limits that make a call broken:

- keys that stand twice, NaN and Infinity, numbers beyond a double, integers of over 400 digits;
- half of a surrogate pair, which no file could hold;
- values nested more than 64 deep, more than 256 calls, a text of more than 2,000,000 characters.

`auto` goes by the first explicit mark in the text (`<tool_call>`, `[TOOL_CALLS]` ...). Without one
it tries the unmarked forms. Where tools are given, an unmarked form amid other text counts only if
it names one of them, and so does broken JSON; BFCL's `{"name": {...}}` does always. Where none are
given, the shape decides. Where calls were read, and what is left of the text holds a call of a tool
on offer in another form, the answer is broken: nobody could tell which calls were meant.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, Final, Literal, get_args

from rewards.thinking import Opened, final_part
from rewards.tools.errors import CallsError
from rewards.tools.formats import (
    deepseek,
    fenced,
    hermes,
    json_calls,
    llama3_json,
    mistral,
    openai,
    pythonic,
    qwen3_coder,
)
from rewards.tools.formats.found import MAX_CALLS, Found, Offered
from rewards.tools.offered import by_name
from rewards.tools.shapes import call_of, is_keyed, keyed_call
from rewards.tools.strict_json import MalformedError, loads
from rewards.tools.types import Parsed, ToolCall, plain, shown

__all__ = ["FORMATS", "Format", "called_tool", "parse_bare", "parse_calls", "visible_part"]

Format = Literal[
    "auto",
    "hermes",
    "openai",
    "llama3_json",
    "pythonic",
    "mistral",
    "json",
    "fenced",
    "deepseek",
    "qwen3_coder",
]
Parser = Callable[[str, Offered], Found]
FORMATS: Final[Mapping[str, Parser]] = MappingProxyType(
    {
        "hermes": hermes.parse,
        "openai": openai.parse,
        "llama3_json": llama3_json.parse,
        "pythonic": pythonic.parse,
        "mistral": mistral.parse,
        "json": json_calls.parse,
        "fenced": fenced.parse,
        "deepseek": deepseek.parse,
        "qwen3_coder": qwen3_coder.parse,
    }
)
"""The parser of each format; all take the text without thinking, and the tools by name."""
_UNMARKED: Final[Mapping[str, Parser]] = MappingProxyType(
    {
        "openai": openai.parse,
        "fenced": partial(fenced.parse, any_key=False),
        "json": partial(json_calls.parse, any_key=False),
        "pythonic": pythonic.parse,
    }
)
"""What `auto` tries where there is no mark, in this order."""
_MARK: Final = re.compile(
    r"(?P<qwen3_coder><tool_call>\s{0,64}<function=|<function=[\w.\-]{1,256}>)"
    r"|(?P<hermes></?tool_call>)"
    r"|(?P<mistral>\[TOOL_CALLS\])"
    r"|(?P<llama3_json><\|python_tag\|>)"
    r"|(?P<pythonic><\|python_start\|>)"
    r"|(?P<deepseek><｜tool▁calls?▁begin｜>)"
)
_ENDINGS: Final = (
    "<|im_end|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|eot|>",
    "<|endoftext|>",
    "<|end_of_text|>",
    "<｜end▁of▁sentence｜>",
    "<end_of_turn>",
    "</s>",
)
MAX_ENDINGS: Final = 8
MAX_TEXT: Final = 2_000_000
MAX_NESTING: Final = 64


def parse_calls(
    text: str,
    *,
    format: str = "auto",
    tools: Iterable[Any] = (),
    thinking: Opened | None = None,
) -> Parsed:
    """The calls in `text`.

    Args:
        text: What the model wrote, thinking included.
        format: A name in `FORMATS`, or "auto".
        tools: Declarations of the tools on offer; those that cannot be read are passed over.
        thinking: Whether the prompt's template opened the thinking; None: it is not known.

    Raises:
        CallsError: There is no such format.
    """
    _known(format)
    return _parse(text, format, by_name(tools), thinking)


def parse_bare(text: str) -> Parsed:
    """The calls of `text`, which is to be their JSON list and nothing else; never raises."""
    try:
        if len(text) > MAX_TEXT:
            raise MalformedError(f"a text of more than {MAX_TEXT:,} characters")
        value = loads(text)
        if not isinstance(value, list):
            raise MalformedError(f"{shown(value)} is no list of calls")
        calls = tuple(
            keyed_call(item) if is_keyed(item, None) else call_of(item, text_arguments=True)
            for item in value
        )
        _refuse(calls, text)
    except MalformedError as error:
        return Parsed((), text, "json", str(error))
    return Parsed(calls, "", "json")


def called_tool(
    text: str,
    *,
    tools: Iterable[Any] = (),
    format: str = "auto",
    thinking: Opened | None = None,
) -> str | None:
    """What `text` calls or attempts to call, in a line; None if it calls nothing.

    For answers that should be text: what carries an explicit mark always counts, an unmarked form
    only if it names one of `tools`, because an answer may be in JSON.

    Raises:
        CallsError: There is no such format.
    """
    _known(format)
    offered = by_name(tools)
    parsed = _parse(text, format, offered, thinking)
    visible = visible_part(text, thinking)
    is_marked = parsed.format == "openai" or _MARK.search(visible) is not None
    if parsed.fault is not None:
        named = is_marked or any(name in visible for name in offered)
        return f"attempted a tool call: {parsed.fault}" if named else None
    counted = [c.name for c in parsed.calls if is_marked or c.name in offered]
    if not counted:
        return None
    return f"called the tool {', '.join(map(plain, counted[:3]))}"


def _known(format: str) -> None:
    if format != "auto" and format not in FORMATS:
        raise CallsError(
            f"there is no format {format!r} of tool calls; use {', '.join(get_args(Format))}"
        )


def _parse(text: str, format: str, offered: Offered, thinking: Opened | None) -> Parsed:
    if len(text) > MAX_TEXT:
        return Parsed((), "", format, f"a text of more than {MAX_TEXT:,} characters")
    visible = visible_part(text, thinking)
    try:
        if format == "auto":
            parsed = _auto(visible, offered)
        else:
            parsed = _read(FORMATS[format], format, visible, offered)
        _refuse(parsed.calls, visible)
    except MalformedError as error:
        return Parsed((), visible, format, str(error))
    return parsed


def visible_part(text: str, thinking: Opened | None = None) -> str:
    """What `text` says after thinking, without the marks of its end."""
    visible = final_part(text, thinking).strip()
    for _ in range(MAX_ENDINGS):
        if not visible.endswith(_ENDINGS):
            break
        ending = next(ending for ending in _ENDINGS if visible.endswith(ending))
        visible = visible.removesuffix(ending).rstrip()
    return visible


def _read(parser: Parser, format: str, text: str, offered: Offered) -> Parsed:
    try:
        found = parser(text, offered)
    except MalformedError as error:
        return Parsed((), text, format, str(error))
    if found.calls and offered and (stray := _stray(found.text, offered)):
        return Parsed((), text, format, f"a call outside of the {format} form: {stray}")
    return Parsed(tuple(found.calls), found.text, format)


def _stray(rest: str, offered: Offered) -> str:
    """What is called, in any form, by what a parser left; empty if nothing is."""
    if (mark := _MARK.search(rest)) is not None:
        return mark[0]
    for parser in _UNMARKED.values():
        try:
            names = [call.name for call in parser(rest, offered).calls]
        except MalformedError:
            continue
        if (name := next((name for name in names if name in offered), None)) is not None:
            return plain(name)
    return ""


def _auto(text: str, offered: Offered) -> Parsed:
    mark = _MARK.search(text)
    if mark is not None and mark.lastgroup is not None:
        return _read(FORMATS[mark.lastgroup], mark.lastgroup, text, offered)
    for format, parser in _UNMARKED.items():
        parsed = _read(parser, format, text, offered)
        if parsed.fault is not None and _is_meant(parsed, text, offered):
            return parsed
        if parsed.calls and _counts(parsed, text, offered):
            return parsed
    return Parsed((), text)


def _is_meant(parsed: Parsed, text: str, offered: Offered) -> bool:
    """Whether what could not be read was to be a call; mathematics has its brackets too."""
    if parsed.format != "pythonic":
        return True
    if offered:
        return any(f"{name}(" in text for name in offered)
    return text.startswith("[")


def _counts(parsed: Parsed, text: str, offered: Offered) -> bool:
    if not offered or any(call.name in offered for call in parsed.calls):
        return True
    return not parsed.text and text.startswith(("[", "{", "```"))


def _refuse(calls: tuple[ToolCall, ...], text: str) -> None:
    """Refuse what no comparison or file should have to hold.

    Raises:
        MalformedError: Says what.
    """
    if len(calls) > MAX_CALLS:
        raise MalformedError(f"more than {MAX_CALLS} calls")
    if text.count("[") + text.count("{") + text.count("(") > MAX_NESTING:
        for call in calls:
            if is_deep(call.arguments):
                raise MalformedError(f"values nested more than {MAX_NESTING} deep")
    if "\\" in text or not text.isascii():
        for call in calls:
            if has_half_pair([call.name, call.arguments]):
                raise MalformedError("half of a surrogate pair")


def is_deep(value: Any) -> bool:
    """Whether a JSON value is nested more than `MAX_NESTING` deep."""
    level = [value]
    for _ in range(MAX_NESTING + 1):
        level = [item for one in level for item in _items(one)]
        if not level:
            return False
    return True


def has_half_pair(value: Any) -> bool:
    """Whether some text in a JSON value cannot be encoded."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            try:
                one.encode()
            except UnicodeEncodeError:
                return True
        else:
            waiting.extend(_items(one))
            if isinstance(one, Mapping):
                waiting.extend(one)
    return False


def _items(value: Any) -> Iterable[Any]:
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, list) else ()
