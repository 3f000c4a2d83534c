"""What looks like a call in a form that nothing reads.

Such a text is a fault and never an abstention: an answer that would call nothing has to say so in
words. Prose about functions, JSON that is quoted and marks that are only spoken of are text.

Guarantees: one pass over the text for each rule; bounded work at each place.
"""

import re
from typing import Final

from rewards.tools.formats.found import Offered
from rewards.tools.quoting import is_quoted, is_told

REACH: Final = 300  # characters in which an object begins before a key of it
_MARKS: Final = re.compile(
    # <tool_call ...>, </function_calls>, <|tool▁sep|>, <use_tool>, <toolcall>, <arg_key>
    r"<[/|｜]{0,2}(?![\w:.\-▁]{0,64}(?:response|result|output))[\w:.\-▁]{0,32}?"
    r"(?:(?:tool|function|api)[_\-▁]?(?:calls?|calling|uses?|invoke|invocation|sep)"
    r"|use[_\-](?:mcp[_\-])?tool|call[_\-](?:tool|function)|invoke|tools?_(?:prefix|suffix)"
    r"|action_(?:start|end)|python_(?:tag|start)|arg_(?:key|value)|DSML)"
    r"[\w:.\-▁]{0,32}[\s>|｜=/]"
    # <function=f>, <tool name="f">, <parameter=a>
    r"|<(?:function|invoke|parameter|tool)(?:\s{0,8}=|\s{1,8}(?:name|id)\s{0,8}=)"
    # <|open|>call tool="f"<|sep|>, <|plugin|>
    r"|<\|open\|>\s{0,8}(?:call|tools)\b"
    r"|<\|(?:plugin|interpreter|recipient|constrain|channel|call|tools?|functions?|actions?)\|>"
    r"|\[/?(?:TOOL_CALLS?|TOOL_REQUEST|TOOL_USE|FUNCTION_CALLS?|ARGS|CALL_ID|tool_calls?)\]"
    r"|✿(?:FUNCTION|ARGS)✿|<<function>>|\btool_call\(\w{1,64}\s{0,8}="
    r"|multi_tool_use\.\w|\bto=functions?\.\w"
)
_REACT: Final = re.compile(
    r"^[ \t*#>]{0,8}Action[ \t*]{0,4}:[^\n]{1,300}\n\s{0,64}[*#]{0,4}Action[ _]Input[ \t*]{0,4}:",
    re.MULTILINE | re.IGNORECASE,
)
_COHERE: Final = re.compile(
    r"^[ \t]{0,8}Action:\s{0,8}```(?:json)?\s{0,64}\[\s{0,64}\{\s{0,64}[\"']tool_name[\"']\s{0,8}:"
    r"(?!\s{0,8}[\"']directly[_-]answer)",
    re.MULTILINE,
)
_KEYED: Final = re.compile(
    r"[\"'](?:(?:tool|tool_name|toolName|function_name|function|action|api|api_name|method"
    r"|recipient_name)[\"']\s{0,8}:|(?:functionCall|function_call|tool_call|toolCall|call)[\"']"
    r"\s{0,8}:\s{0,8}\{\s{0,64}[\"']name[\"']\s{0,8}:)"
    r"\s{0,8}[\"'](?:functions\.)?([^\"'\n]{1,256})[\"']"
)
_LABELLED: Final = re.compile(
    r"^[ \t*#>(\[]{0,8}(?:Action|Tool|Function|Call|(?:Tool|Function)[ _]call"
    r"|Calling(?: (?:tool|function))?)(?: name)?[ \t*]{0,4}:"
    r"[ \t*`]{0,8}([^\s\[\](){*`]{1,256})(?:\(|[ \t*`\])]{0,8}"
    r"(?:[\[{]|\n[ \t]{0,8}\[?\{|\n\s{0,64}[ \t*#>]{0,8}(?:(?:Action|Tool|Function)[ _])?"
    r"(?:Input|Arguments?|Args|Parameters?)[ \t*]{0,4}:))",
    re.MULTILINE | re.IGNORECASE,
)
_CLOSED: Final = re.compile(r"<([^\s<>/|=\"']{1,256})(?:\s[^<>\n]{0,256})?/>")
_TAG: Final = re.compile(r"<([^\s<>/|=\"']{1,256})(?:\s[^<>\n]{0,256})?>")
_NAMED: Final = re.compile(
    r"(?:^|(?<=[\s:>}]))([^\s{}()\[\]<>:,\"'`]{1,256}+)"
    r"(?:[ \t]{0,4}:?[ \t]{0,4}\n?[ \t]{0,4}\{\s{0,8}[\"'}]|\[ARGS\]|\n```json)"
)
_WRAPPED: Final = re.compile(
    r"<[\w:.\-|]{0,32}?(?:tool|func|call|exec|action|invoke|api|command)[\w:.\-|]{0,32}>\s{0,64}"
    r"([^\s{}()\[\]<>:,\"'`]{1,256}+)\s{0,8}(?:</|\()",
    re.IGNORECASE,
)
_ASSIGNED: Final = re.compile(
    r"^[ \t]{0,8}(?:\w{1,64}\s{0,8}=\s{0,8}(?:await\s{1,8})?|await\s{1,8}|print\(\s{0,8})"
    r"([^\s{}()\[\]<>:,\"'`]{1,256}+)\(\s{0,64}\w{1,64}\s{0,8}=",
    re.MULTILINE,
)
_VALUES: Final = (  # what is called is given a text, an object or a named number
    r"\((?=[^\n\"'{)]{0,300}+[\"'{]|\s{0,8}\w{1,64}\s{0,8}[=:]\s{0,8}-?[0-9])"
)
_ON_ITS_LINE: Final = re.compile(  # f("x"), functions.f({"a": 1}), 1. f(a=2), <answer>f(a: "x")
    r"^[ \t]{0,3}(?:(?:[@\-+•$→]|\*{1,3}|[-=]>|[0-9]{1,3}[.)]|\\boxed\{|<[\w|\-]{1,32}>)"
    r"[ \t]{0,4}){0,2}"
    r"([^\s{}()\[\]<>:,\"'`@*]{1,256}+)"
    + _VALUES
    + r"[^\n]{0,2000}\)[ \t;,.\])}*]{0,8}(?:</[\w|\-]{1,32}>|#[^\n]{0,200})?[ \t]{0,8}$",
    re.MULTILINE,
)
_BLOCK: Final = re.compile(  # code that begins with a call
    r"^[ \t]{0,8}```\w{0,32}[ \t\r]{0,8}\n\s{0,64}([^\s{}()\[\]<>:,\"'`@]{1,256}+)" + _VALUES,
    re.MULTILINE,
)
_NUMBERED: Final = re.compile(r"\b(functions\.[^\s:<>{}`\"']{1,256}):[0-9]{1,9}")
_PAIRED: Final = re.compile(  # {"nme": "f", "arguments": {}}, FunctionCall(name="f", args={})
    r"(?:[:=]\s{0,8}[\"']?|[\"'])([^\s\"',:={}()\[\]<>]{1,256}+)[\"']?\s{0,8},\s{0,64}"
    r"[\"']?\w{1,32}[\"']?\s{0,8}[:=]\s{0,8}[\"']?\{(?!\s{0,64}[\"'](?:type|properties)[\"'])"
)
_OPENED: Final = re.compile(  # <functio=f>{, and Functionary's >>>f
    r"=[\"']?([^\s\"'<>=/]{1,256}+)[\"']?\s{0,8}>\s{0,8}\{|^>>>([^\s<>{}]{1,256})$", re.MULTILINE
)
_REPR: Final = re.compile(
    r"'(?:name|function|tool_name)'\s{0,8}:\s{0,8}'([^'\n]{1,256}+)'\s{0,8},\s{0,64}"
    r"'(?:arguments|parameters|args|input)'\s{0,8}:"
)
_CALL: Final = re.compile(r"\bcall:([^\s{}()\[\]<>:,\"'`]{1,256}+)\{")
_FENCE: Final = re.compile(r"^[ \t]{0,8}```[^`]*+```", re.MULTILINE)
_LINES: Final = (_ASSIGNED, _ON_ITS_LINE)  # not in blocks of code, which may show something
_BEFORE_ARGUMENTS: Final = (
    _LABELLED, _NAMED, _OPENED, _NUMBERED, _CALL, _WRAPPED, _CLOSED, _BLOCK, *_LINES
)  # fmt: skip
_PREFIXES: Final = ("functions.", "function", "call:")


def looks_like_call(text: str, offered: Offered) -> str:
    """What in `text` looks like a call, for a message; empty if nothing does."""
    for match in _MARKS.finditer(text):
        if not _is_spoken_of(text, match):
            return match[0].strip()
    if (react := _REACT.search(text) or _COHERE.search(text)) is not None:
        return react[0].strip()
    return _of_a_tool(text, offered) if offered else ""


def _is_spoken_of(text: str, match: re.Match[str]) -> bool:
    """Whether a mark stands alone in quotation marks, up to the end of its tag."""
    end = match.end()
    if match[0].startswith("<") and not match[0].endswith(">"):
        close = text.find(">", end - 1, end + 256)
        end = close + 1 if close >= 0 else end
    return is_quoted(text, match.start(), end)


def _of_a_tool(text: str, offered: Offered) -> str:
    """What names a tool on offer where a call would."""
    for pattern in (_KEYED, _REPR):
        for match in pattern.finditer(text):
            if match[1] in offered and not _is_quoted_object(text, match.start()):
                return match[0]
    closings: dict[str, int] = {}
    for match in _TAG.finditer(text):
        name = match[1]
        if name in offered:
            if name not in closings:
                closings[name] = text.rfind(f"</{name}>")
            if closings[name] >= match.end():
                return match[0]
    bare = _FENCE.sub("", text)
    for match in _PAIRED.finditer(text):
        if match[1] in offered and not _is_quoted_pair(text, match):
            return match[0].strip()
    for pattern in _BEFORE_ARGUMENTS:
        for match in pattern.finditer(bare if pattern in _LINES else text):
            if _tool(match[match.lastindex or 0], offered) and not is_told(
                text, match.start(), match.end()
            ):
                return match[0].strip()
    return ""


def _is_quoted_object(text: str, key: int) -> bool:
    """Whether the object that a key stands in begins after a quotation mark, or after a "not"."""
    begin = text.rfind("{", max(0, key - REACH), key)
    if begin < 0:
        return True  # a key of no object
    before = text[max(0, begin - len("[ [ `")) : begin].rstrip("[ ")
    return before.endswith(("`", '"', "“", "«")) or is_told(text, begin, len(text))


def _is_quoted_pair(text: str, match: re.Match[str]) -> bool:
    """Whether a tool's name and the object beside it are quoted, with what stands around them."""
    begin = max(0, match.start() - REACH)
    line = text.rfind("\n", begin, match.start()) + 1
    if text.count("`", max(begin, line), match.start()) % 2 == 1:
        return True
    opens = text.rfind("{", begin, match.start()) >= 0
    return opens and _is_quoted_object(text, match.start())


def _tool(name: str, offered: Offered) -> bool:
    if name in offered:
        return True
    return any(name.startswith(one) and name.removeprefix(one) in offered for one in _PREFIXES)
