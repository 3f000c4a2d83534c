"""Which format a text is in, and what is read then.

`auto` goes by the first explicit mark in the text (`<tool_call>`, `[TOOL_CALLS]` ...), one in the
argument of an unmarked call excepted. Without one it tries the unmarked forms. Where tools are
given, an unmarked form amid other text counts only if it names one of them, and so does broken
JSON; BFCL's `{"name": {...}}` does always. A text that is nothing but calls calls something,
whatever the names are. Where no tools are given, the shape decides.

Guarantees: nothing is raised. Broken is also what looks like a call in a form that is not read, or
in another form than the one that was asked for, and an answer in which calls were read and what is
left of the text holds a call of a tool on offer in another form: nobody could tell which calls were
meant.
"""

from typing import Any, Final

from rewards.tools.alone import called_alone
from rewards.tools.attempts import looks_like_call
from rewards.tools.formats.found import Found, Offered
from rewards.tools.formats.table import FORMATS, UNMARKED, Parser
from rewards.tools.marks import Mark, first_mark
from rewards.tools.strict_json import MalformedError, loads
from rewards.tools.types import Parsed, plain, shown

_BRACKETS: Final = "{[("
"""Every call without marks has one of them."""


def auto(text: str, offered: Offered) -> Parsed:
    """The calls of a text in the format that shows in it, or what is wrong with them."""
    mark = first_mark(text)
    if mark is None:
        unmarked = _unmarked(text, offered) or _quoted_whole(text, offered)
        if unmarked is not None:
            return unmarked[0]
        if looks := looks_like_call(text, offered):
            return Parsed((), text, fault=f"a call in a form that is not read: {shown(looks)}")
        return _alone(text, offered) or Parsed((), text)
    if _is_text(text):
        return _alone(text, offered) or Parsed((), text)
    return _around(text, offered, mark) or in_format(mark.format, text, offered)


def in_format(format: str, text: str, offered: Offered) -> Parsed:
    """What a text holds in a format; a call in another one is a fault."""
    parsed, found = _read(FORMATS[format], format, text, offered)
    if parsed.calls or parsed.fault is not None:
        return parsed
    other = _unmarked(found.text, offered) or _quoted_whole(found.text, offered)
    if (mark := first_mark(found.text)) is not None:
        stray = mark.text.strip()
    elif other is not None:
        stray = other[0].fault or other[0].calls[0].name
    else:
        alone = _alone(found.text, offered) or Parsed()
        stray = looks_like_call(found.text, offered) or alone.fault or ""
    if stray and not (other is not None and other[0].format == format):
        fault = f"a call outside of the {format} form: {plain(stray)}"
        return Parsed((), text, format, fault)
    return parsed


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


def _stray(rest: str, offered: Offered) -> str:
    """What is called, in any form, by what a parser left; empty if nothing is."""
    if not rest:
        return ""
    if (mark := first_mark(rest)) is not None:
        return plain(mark.text)
    if not any(bracket in rest for bracket in _BRACKETS):
        return ""
    for parser in UNMARKED.values():
        try:
            names = [call.name for call in parser(rest, offered).calls]
        except MalformedError:
            continue
        if (name := next((name for name in names if name in offered), None)) is not None:
            return plain(name)
    return ""


def _around(text: str, offered: Offered, mark: Mark) -> Parsed | None:
    """The unmarked calls in whose arguments a mark stands; None where it stands in none."""
    if not any(text.find(bracket, 0, mark.start) >= 0 for bracket in _BRACKETS):
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


def _alone(text: str, offered: Offered) -> Parsed | None:
    """What is wrong with a text that is nothing but a call; None: it is text.

    Where no tools are known it is always text: a form that nothing reads shows in its words alone.
    """
    return called_alone(text) if offered else None


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
    is_whole = parsed.format == "pythonic" or text.startswith(("[", "{", "```"))
    return is_whole and not parsed.text
