"""`<invoke name="f"><parameter name="a">1</parameter></invoke>`: calls as XML, with any prefix.

Anthropic's form has `<function_calls>` around it, perhaps with `antml:` in each tag; MiniMax M2 has
`<minimax:tool_call>`, dots `<dots_function_call>`; Step 3 writes `<steptml:invoke>` in its own
marks; DeepSeek V3.2 and V4 write `<｜DSML｜invoke name="f">` and `<｜DSML｜parameter name="a"
string="true">`, where `string` says whether a value is a text or JSON; MiniCPM 5 writes
`<function name="f"><param name="a">`; Claude 2 wrote `<invoke><tool_name>f</tool_name><parameters>
<a>1</a></parameters></invoke>`. A value without such a word is text, and what it stands for
is said by the tool's declaration.
"""

import re
from functools import lru_cache
from typing import Any, Final

from rewards.tools.formats.elements import Parameter, Tags, parameters
from rewards.tools.formats.found import Found, Offered
from rewards.tools.strict_json import MalformedError, loads
from rewards.tools.types import ToolCall
from rewards.tools.written import written_call

DSML: Final = "｜DSML｜"
PREFIX: Final = r"(?:｜DSML｜|[a-z]{1,16}:)?"
_VALUE: Final = r"\"[^\"<>\n]{1,256}\"|'[^'<>\n]{1,256}'|[^\s\"'<>]{1,256}"
_OPEN: Final = re.compile(
    rf"<(?P<prefix>{PREFIX})(?P<tag>invoke|function)\s{{1,8}}name\s{{0,8}}=\s{{0,8}}"
    rf"(?P<name>{_VALUE})\s{{0,8}}(?P<empty>/)?>"
)
_OLD: Final = re.compile(
    r"<invoke>\s{0,64}<tool_name>\s{0,8}([^<>\n]{1,256}?)\s{0,8}</tool_name>\s{0,64}<parameters>"
)
_OLD_TAGS: Final = Tags.of(
    r"<(?P<name>[^\s<>/]{1,256})>", r"</[^\s<>/]{1,256}>", r"</parameters>\s{0,64}</invoke>"
)
_BEGIN: Final = re.compile(rf"<{PREFIX}(?:invoke|function)\b")
_WRAPPING: Final = re.compile(
    r"</?(?:｜DSML｜|[a-z]{1,16}:)?(?:function_calls?|tool_calls?|dots_function_call)>"
    r"|<｜tool_calls?_(?:begin|end)｜>|(?:function\s{0,8})?<｜tool_sep｜>"
)


def parse(text: str, offered: Offered) -> Found:
    """Read every call.

    Raises:
        MalformedError: One is broken or not closed, or the marks around it hold none.
    """
    found = Found()
    position = 0
    while (begin := _BEGIN.search(text, position)) is not None:
        found.outside(_WRAPPING.sub("", text[position : begin.start()]))
        opening = _OPEN.match(text, begin.start()) or _OLD.match(text, begin.start())
        if opening is None:
            raise MalformedError(f"call {len(found.calls) + 1} has no name")
        call, position = _call(text, opening, offered)
        found.calls.append(call)
    if not found.calls and (mark := _WRAPPING.search(text)) is not None:
        raise MalformedError(f"no call follows {mark[0]}")
    found.outside(_WRAPPING.sub("", text[position:]))
    return found


def _call(text: str, opening: re.Match[str], offered: Offered) -> tuple[ToolCall, int]:
    if opening.re is _OLD:
        found, end = parameters(text, opening.end(), opening[1], _OLD_TAGS)
        texts = {key: one.text for key, one in found.items()}
        return written_call(opening[1], texts, offered.get(opening[1])), end
    name = opening["name"].strip("\"'")
    if opening["empty"]:
        return ToolCall(name, {}), opening.end()
    tags = _tags(opening["prefix"], opening["tag"])
    found, end = parameters(text, opening.end(), name, tags)
    if opening["prefix"] == DSML:
        return ToolCall(name, {key: _said(one) for key, one in found.items()}), end
    return written_call(name, {key: one.text for key, one in found.items()}, offered.get(name)), end


@lru_cache(maxsize=64)
def _tags(prefix: str, tag: str) -> Tags:
    """The tags of parameters in `<prefix:tag>`."""
    kind = r"\s{1,8}string\s{0,8}=\s{0,8}\"(?P<kind>true|false)\"" if prefix == DSML else ""
    return Tags.of(
        rf"<{prefix}param(?:eter)?\s{{1,8}}name\s{{0,8}}=\s{{0,8}}(?P<name>{_VALUE}){kind}\s{{0,8}}>",
        rf"</{prefix}param(?:eter)?>",
        rf"</{prefix}{tag}>",
    )


def _said(parameter: Parameter) -> Any:
    """The value of a parameter whose tag says whether it is a text."""
    return parameter.text if parameter.kind == "true" else loads(parameter.text)
