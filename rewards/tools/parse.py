"""Calls out of what a model wrote.

Guarantees: `parse_calls` and `called_tool` never raise, whatever the text is, and take time in
proportion to it. Thinking is taken away first, and calls nothing. A text without a call is no
fault. A call that was attempted and is broken is one, and then there are no calls at all; these are
the limits that make a call broken:

- keys that stand twice, NaN and Infinity, numbers beyond a double, integers of over 400 digits;
- half of a surrogate pair, which no file could hold;
- values nested more than 64 deep, more than 256 calls, a text of more than 2,000,000 characters.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, get_args

from rewards.thinking import Opened, final_part
from rewards.tools.errors import CallsError
from rewards.tools.formats.found import MAX_CALLS, Offered
from rewards.tools.formats.table import FORMATS, Format
from rewards.tools.marks import first_mark
from rewards.tools.offered import by_name
from rewards.tools.recognition import auto, in_format
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
        is_open = format == "auto"
        parsed = auto(visible, offered) if is_open else in_format(format, visible, offered)
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


def _refuse(calls: tuple[ToolCall, ...], text: str) -> None:
    """Refuse what no comparison or file should have to hold.

    Raises:
        MalformedError: Says what.
    """
    if len(calls) > MAX_CALLS:
        raise MalformedError(f"more than {MAX_CALLS} calls")
    is_plain = "\\" not in text and text.isascii()
    is_flat = text.count("[") + text.count("{") + text.count("(") <= MAX_NESTING
    if is_plain and is_flat:
        return
    for call in calls:
        read = [call.name, call.arguments, *map(list, call.readings.values())]
        if not is_flat and is_deep(read):
            raise MalformedError(f"values nested more than {MAX_NESTING} deep")
        if not is_plain and has_half_pair(read):
            raise MalformedError("half of a surrogate pair")


def is_deep(value: list[Any]) -> bool:
    """Whether a JSON value in the list `value` is nested more than `MAX_NESTING` deep."""
    level = list(value)
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
