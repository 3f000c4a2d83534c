"""Calls out of what a model wrote.

Guarantees: `parse_calls` and `called_tool` never raise, whatever the text is, and take time in
proportion to it. Thinking is taken away first, and calls nothing. A text without a call is no
fault. A call that was attempted and is broken is one, and then there are no calls at all; these are
the limits that make a call broken:

- keys that stand twice, NaN and Infinity, numbers beyond a double, integers of over 400 digits;
- half of a surrogate pair, which no file could hold;
- values nested more than 64 deep, more than 256 calls, a text of more than 2,000,000 characters.

`auto` goes by the first explicit mark in the text (`<tool_call>`, `[TOOL_CALLS]` ...), one in the
argument of an unmarked call excepted. Without one it tries the unmarked forms. Where tools are
given, an unmarked form amid other text counts only if it names one of them, and so does broken
JSON; BFCL's `{"name": {...}}` does always. Where none are given, the shape decides.

Broken is also what looks like a call in a form that is not read, or in another form than the one
that was asked for, and an answer in which calls were read and what is left of the text holds a call
of a tool on offer in another form: nobody could tell which calls were meant.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, get_args

from rewards.thinking import Opened, final_part
from rewards.tools.attempts import looks_like_call
from rewards.tools.errors import CallsError
from rewards.tools.formats.found import MAX_CALLS, Found, Offered
from rewards.tools.formats.table import FORMATS, UNMARKED, Format, Parser
from rewards.tools.marks import Mark, first_mark
from rewards.tools.offered import by_name
from rewards.tools.shapes import call_of, is_keyed, keyed_call
from rewards.tools.strict_json import MalformedError, loads
from rewards.tools.types import Parsed, ToolCall, plain, shown

__all__ = ["FORMATS", "Format", "called_tool", "parse_bare", "parse_calls", "visible_part"]

_ENDINGS: Final = (
    "<|im_end|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|eot|>",
    "<|eom|>",
    "<|end|>",
    "<|endoftext|>",
    "<|end_of_text|>",
    "<|endofturn|>",
    "<|end_of_role|>",
    "<|assistant_end|>",
    "<|END_OF_TURN_TOKEN|>",
    "<|observation|>",
    "<|user|>",
    "<|tool_response>",
    "<start_function_response>",
    "<turn|>",
    "<｜end▁of▁sentence｜>",
    "<end_of_turn>",
    "<eos>",
    "[e~[",
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
    is_marked = parsed.format in ("openai", "text") or first_mark(visible) is not None
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
            parsed = _in_format(format, visible, offered)
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


def _read(parser: Parser, format: str, text: str, offered: Offered) -> tuple[Parsed, Found]:
    """What `parser` reads; a fault where it cannot, or where a call is left in what it leaves."""
    try:
        found = parser(text, offered)
    except MalformedError as error:
        return Parsed((), text, format, str(error)), Found()
    if found.calls and offered and (stray := _stray(found.text, offered)):
        fault = f"a call outside of the {format} form: {stray}"
        return Parsed((), text, format, fault), found
    return Parsed(tuple(found.calls), found.text, format), found


def _in_format(format: str, text: str, offered: Offered) -> Parsed:
    """What a text holds in a format; a call in another one is a fault."""
    parsed, found = _read(FORMATS[format], format, text, offered)
    if parsed.calls or parsed.fault is not None:
        return parsed
    other = _unmarked(found.text, offered)
    if (mark := first_mark(found.text)) is not None:
        stray = mark.text.strip()
    elif other is not None:
        stray = other[0].fault or other[0].calls[0].name
    else:
        stray = looks_like_call(found.text, offered)
    if stray and not (other is not None and other[0].format == format):
        fault = f"a call outside of the {format} form: {plain(stray)}"
        return Parsed((), text, format, fault)
    return parsed


def _stray(rest: str, offered: Offered) -> str:
    """What is called, in any form, by what a parser left; empty if nothing is."""
    if not rest:
        return ""
    if (mark := first_mark(rest)) is not None:
        return plain(mark.text)
    for parser in UNMARKED.values():
        try:
            names = [call.name for call in parser(rest, offered).calls]
        except MalformedError:
            continue
        if (name := next((name for name in names if name in offered), None)) is not None:
            return plain(name)
    return ""


def _auto(text: str, offered: Offered) -> Parsed:
    mark = first_mark(text)
    if mark is None:
        unmarked = _unmarked(text, offered) or _quoted_whole(text, offered)
        if unmarked is not None:
            return unmarked[0]
        if looks := looks_like_call(text, offered):
            return Parsed((), text, fault=f"a call in a form that is not read: {shown(looks)}")
        return Parsed((), text)
    if _is_text(text):
        return Parsed((), text)
    return _around(text, offered, mark) or _in_format(mark.format, text, offered)


def _around(text: str, offered: Offered, mark: Mark) -> Parsed | None:
    """The unmarked calls in whose arguments a mark stands; None where it stands in none."""
    if not any(text.find(bracket, 0, mark.start) >= 0 for bracket in "{[("):
        return None
    unmarked = _unmarked(text, offered)
    if unmarked is None or not unmarked[1].begins <= mark.start < unmarked[1].ends:
        return None
    return unmarked[0]


def _unmarked(text: str, offered: Offered) -> tuple[Parsed, Found] | None:
    """The calls of a text in a form without marks, or what is wrong with them.

    Of several forms that is read whose calls begin first: a call may have another one in a string.
    """
    first: tuple[Parsed, Found] | None = None
    broken: tuple[Parsed, Found] | None = None
    for format, parser in UNMARKED.items():
        parsed, found = _read(parser, format, text, offered)
        if parsed.fault is not None:
            if broken is None and _is_meant(parsed, text, offered):
                broken = parsed, found
        elif parsed.calls and _counts(parsed, text, offered):
            if not parsed.text and found.begins == 0:
                return parsed, found
            if first is None or found.begins < first[1].begins:
                first = parsed, found
    if broken is not None and first is not None and not _is_broken(first[0].text, offered):
        return first  # what cannot be read stands in a string of a call
    return broken or first


def _is_broken(text: str, offered: Offered) -> bool:
    """Whether a text has a call in a form without marks that cannot be read."""
    read = (_read(parser, format, text, offered)[0] for format, parser in UNMARKED.items())
    return any(one.fault is not None and _is_meant(one, text, offered) for one in read)


def _quoted_whole(text: str, offered: Offered) -> tuple[Parsed, Found] | None:
    """The calls of a text that is wholly in quotation marks, or in those of code."""
    if len(text) < 3 or text[0] not in "`\"'" or text[-1] != text[0]:
        return None
    unmarked = _unmarked(text[1:-1].strip(), offered)
    return unmarked if unmarked is not None and not unmarked[0].text else None


def _is_text(text: str) -> bool:
    """Whether a text is JSON that is no call, in which a mark is what a string says."""
    if not text.startswith(("{", "[")):
        return False
    try:
        value = loads(text)
    except MalformedError:
        return False
    return not any(map(_has_calls, value if isinstance(value, list) else [value]))


def _has_calls(value: Any) -> bool:
    return isinstance(value, dict) and not {"name", "function", "tool_calls"}.isdisjoint(value)


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
