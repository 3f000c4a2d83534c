"""The explicit marks of calls: which format a text is in, by the first of them.

Guarantees: one pass over the text. A mark that is only spoken of, alone in quotation marks or in
those of code, is none.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from rewards.tools.quoting import is_quoted

_MARK: Final = re.compile(
    r"<(?:"
    r"(?P<qwen3_coder>(?:seed:)?tool_call>\s{0,64}<function=|function=[^<>\n]{1,256}>)"
    r"|(?P<glm45>(?:tool_calls(?::\w{1,32})?>\s{0,64}<)?tool_call(?::\w{1,32})?>\s{0,64}"
    r"[^\s<>{}\[\]]{1,256}\s{0,64}<(?:arg_key|/tool_call|tool_sep)[:>])"
    r"|(?P<minimax>minimax:tool_call>)"
    r"|(?P<anthropic>[a-z]{1,16}:(?:invoke|function_calls|tool_call)\b"
    r"|(?:tool|function)_calls?>\s{0,64}<(?:[a-z]{1,16}:)?invoke\b"
    r"|(?:invoke|function)\s{1,8}name\s{0,8}=|invoke>\s{0,64}<tool_name>|dots_function_call>)"
    r"|(?P<deepseek_v32>/?｜DSML｜)"
    r"|(?P<hermes>/?tool_call>)"
    r"|(?P<hunyuan>tool_calls>)"
    r"|(?P<olmo3>function_calls>)"
    r"|(?P<granite>\|tool_call\|>|function_call>)"
    r"|(?P<gemma>\|tool_call>|start_function_call>)"
    r"|(?P<lfm2>\|tool_call_start\|>)"
    r"|(?P<llama3_json>\|python_tag\|>)"
    r"|(?P<pythonic>\|python_start\|>)"
    r"|(?P<deepseek>｜tool▁calls?▁begin｜>)"
    r"|(?P<step3>｜tool_calls?_begin｜>)"
    r"|(?P<kimi_k2>\|tool_calls_section_begin\|>|\|tool_call_begin\|>)"
    r"|(?P<harmony>\|(?:channel|message|constrain)\|>|\|start\|>\s{0,8}assistant)"
    r"|(?P<internlm>\|action_start\|>)"
    r"|(?P<apertus>\|tools_prefix\|>)"
    r"|(?P<cohere>\|START_ACTION\|>)"
    r"|(?P<nemotron>TOOLCALL>)"
    r"|(?P<longcat>longcat_tool_call>)"
    r"|(?P<gigachat>\|function_call\|>)"
    r"|(?P<inkling>\|content_invoke_tool_json\|>)"
    r"|(?P<functionary>\|recipient\|>)"
    r")"
    r"|\[TOOL_CALLS\](?P<mistral>)"
    r"|functools\[(?P<phi4>)"
    r"|functions\.[^\s:<>{}]{1,256}:\d{1,9}\s{0,64}\{(?P<bare_kimi_k2>)"
    r"|\bto=functions\.(?P<bare_harmony>)"
    r"|>>>[^\s<>{}]{1,256}\n\s{0,64}(?=\{)(?P<bare_functionary>)"
)
_FORMATS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "bare_kimi_k2": "kimi_k2",
        "bare_harmony": "harmony",
        "bare_functionary": "functionary",
    }
)
"""The formats of the groups that are not named as one: a name may stand once in an expression."""


class Mark(NamedTuple):
    """A mark: where it begins and ends, the format that has it, and its text."""

    start: int
    end: int
    format: str
    text: str


def first_mark(text: str, start: int = 0) -> Mark | None:
    """The first mark from `start` on."""
    for match in _MARK.finditer(text, start):
        format = match.lastgroup
        assert format is not None, "every alternative is named"
        end = match.end()
        if is_quoted(text, match.start(), end):
            continue
        return Mark(match.start(), end, _FORMATS.get(format, format), match[0])
    return None
