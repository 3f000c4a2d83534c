"""`[f(a=1), g.h(b="x")]`: calls as in Python, as Llama 3.2 and 4 write them and BFCL asks for.

Guarantees: nothing is evaluated; what is read is `python_reader`'s. Calls without the list's
brackets are read where they are the whole text, several only where tools are on offer; where they
are lines of their own that call tools on offer with named arguments; and in blocks of `tool_code`
(Gemma 3), perhaps in a `print()`. A whole text that is another block of code is calls if the first
names a tool on offer, or all have named arguments and names such as tools have. What is a program's
own (`print`, `x.sort()`) is text, and so is what stands in quotation marks or behind a "not".
"""

import re
from typing import Final

from rewards.tools.formats.found import MAX_CALLS, Found, Offered, nothing, whole
from rewards.tools.formats.python_reader import (
    MAX_LENGTH,
    MAX_NESTING,
    Reader,
    called_at,
    odd_names,
)
from rewards.tools.programs import is_a_tools, is_of_a_program
from rewards.tools.quoting import is_told
from rewards.tools.strict_json import MalformedError
from rewards.tools.types import ToolCall

START, END = "<|python_start|>", "<|python_end|>"
_LIST: Final = re.compile(r"\[\s{0,64}")
_FENCED: Final = re.compile(r"```(?!tool_code\b)\w{0,32}[ \t\r]*\n(.*)```", re.DOTALL)
_TOOL_CODE: Final = re.compile(r"^[ \t]{0,8}```tool_code[ \t\r]{0,8}\n", re.MULTILINE)
_CLOSING: Final = re.compile(r"^[ \t]{0,8}```|```(?=[ \t\r]{0,8}$)", re.MULTILINE)
_BLOCK: Final = re.compile(r"^[ \t]{0,8}```(\w{0,32})[^\n`]{0,32}$", re.MULTILINE)
_LINE: Final = re.compile(r"^[ \t]{0,8}(?=\S)", re.MULTILINE)
_ARGUMENT: Final = re.compile(r"\(\s{0,64}(?:\)|[^\s=,()\[\]{}'\"]{1,256}\s{0,64}=(?!=))")
_GAP: Final = re.compile(r"[\s,;]*+")
_LINE_END: Final = re.compile(r"[ \t,;]{0,64}(?:\n|$)")
_TOKEN: Final = re.compile(
    r'"""(?:[^"\\]++|\\.|"(?!""))*+(?:""")?+|\'\'\'(?:[^\'\\]++|\\.|\'(?!\'\'))*+(?:\'\'\')?+'
    r'|"(?:[^"\\\n]++|\\.)*+"?+|\'(?:[^\'\\\n]++|\\.)*+\'?+|[\[\](){}]',
    re.DOTALL,
)


def parse(text: str, offered: Offered) -> Found:
    """Read the whole text, or else the calls amid it.

    Raises:
        MalformedError: The text, or what begins with the name of a tool, is broken.
    """
    source = text.replace(START, "").replace(END, "").strip()
    odd = odd_names(offered)
    is_block = False
    if (fenced := _FENCED.fullmatch(source)) is not None:
        inner = fenced[1].strip()
        if is_block := _begins(inner, odd)[1] in offered:
            source = inner
        elif offered and (shown := _whole_block(inner, odd)):
            return whole(text, shown)
    is_list, name = _begins(source, odd)
    if offered and name and not is_list and (bare := _bare(source, name in offered, odd)):
        is_shown = all(one.name not in offered and is_of_a_program(one.name) for one in bare)
        return nothing(text) if is_shown else whole(text, bare)
    if name:
        end = _end(source, 0)
        if end == len(source):
            return whole(text, Reader(source, odd, spaced=is_list and not offered).calls())
        if end is None and (is_list or name in offered):
            raise MalformedError("the calls are not closed")
    blocks = _blocks(source, offered, odd)
    found = blocks if blocks.calls else _amid(source, offered, odd)
    if is_block and not found.calls:
        raise MalformedError("a block of code that begins with a call is none")
    return found


def calls_in(source: str, offered: Offered) -> list[ToolCall]:
    """The calls of a text that is nothing else: a list, several with commas or line ends, or one.

    Raises:
        MalformedError: It is something else.
    """
    return Reader(source, odd_names(offered), spaced=not offered).statements()


def _begins(source: str, odd: tuple[str, ...]) -> tuple[bool, str]:
    """Whether a text begins as a list, and the name that is called then; empty if none is."""
    bracket = _LIST.match(source)
    called = called_at(source, bracket.end() if bracket else 0, odd)
    return bracket is not None, called[0] if called else ""


def _printed(source: str) -> str:
    """What `print()` is given, if a text is that."""
    inside = source.startswith("print(") and _end(source, 0) == len(source)
    return source[len("print(") : -1].strip() if inside else source


def _whole_block(inner: str, odd: tuple[str, ...]) -> list[ToolCall]:
    """The calls, of tools not on offer, of which a block of code consists; none if it shows code.

    `Point(x=1)`, `plt.show()` and `print("x")` stand in blocks that show something.
    """
    try:
        calls = Reader(inner, odd).statements()
    except MalformedError:
        return []
    return calls if all(call.arguments and is_a_tools(call.name) for call in calls) else []


def _bare(source: str, is_offered: bool, odd: tuple[str, ...]) -> list[ToolCall]:
    """The calls of which a text wholly consists; none if something else is in it.

    Args:
        source: Begins with a call.
        is_offered: Whether that is one of a tool on offer; a broken one of another is no call.
        odd: See `odd_names`.

    Raises:
        MalformedError: There are such calls, and one is broken.
    """
    position = 0
    while position < len(source):
        gap = _GAP.match(source, position)
        position = gap.end() if gap else position
        if position == len(source):
            break
        called = called_at(source, position, odd)
        end = _end(source, position) if called else None
        if end is None:
            return []
        position = end
    try:
        return Reader(source, odd).statements()
    except MalformedError:
        if is_offered:
            raise
        return []


def _blocks(text: str, offered: Offered, odd: tuple[str, ...]) -> Found:
    """The calls in blocks of `tool_code`, which are there to be run.

    Raises:
        MalformedError: One names a tool on offer, and is no calls.
    """
    found = Found()
    position = 0
    for opening in _TOOL_CODE.finditer(text):
        if opening.start() < position:
            continue  # within a string of a call
        closing = _CLOSING.search(text, opening.end())
        if closing is None:
            if any(name in text[opening.end() :] for name in offered):
                raise MalformedError("a block of tool_code is not closed")
            break
        inner = _printed(text[opening.end() : closing.start()].strip())
        try:
            calls = Reader(inner, odd).statements()
        except MalformedError:
            if any(name in inner for name in offered):
                raise
            continue
        found.outside(text[position : opening.start()])
        position = closing.end()
        found.at(opening.start(), position, calls)
    found.outside(text[position:])
    return found


def _amid(text: str, offered: Offered, odd: tuple[str, ...]) -> Found:
    found = Found()
    position = 0
    for start, inside in _places(text, offered):
        if start < position:
            continue
        called = called_at(text, inside, odd)
        if called is None or (called[0] not in offered and offered):
            continue
        is_line = start == inside
        if is_line and _ARGUMENT.match(text, called[1]) is None:
            continue
        end = _end(text, start)
        if end is None and not offered:
            break
        if is_told(text, start, len(text) if end is None else end):
            position = len(text) if end is None else end
            continue
        if end is None:
            raise MalformedError("the calls are not closed")
        if is_line and _LINE_END.match(text, end) is None:
            position = end
            continue
        try:
            calls = Reader(text[start:end], odd).calls()
        except MalformedError:
            if offered:
                raise
            position = end
            continue
        found.outside(text[position:start])
        found.at(start, end, calls)
        position = end
        if len(found.calls) > MAX_CALLS:
            break  # refused by whoever asked
    if not found.calls:
        return nothing(text)
    found.outside(text[position:].lstrip(",;"))
    return found


def _places(text: str, offered: Offered) -> list[tuple[int, int]]:
    """Where calls may begin: a list's bracket and the name in it, or twice a line's first name."""
    places = [(match.start(), match.end()) for match in _LIST.finditer(text)]
    if offered:
        position = 0
        for begin, end in [*_code(text), (len(text), len(text))]:
            lines = _LINE.finditer(text, position, begin)
            places += [(line.end(), line.end()) for line in lines]
            position = end
        places.sort()
    return places


def _code(text: str) -> list[tuple[int, int]]:
    """Where blocks of code stand that show something, and are not there to be run."""
    found: list[tuple[int, int]] = []
    opening: re.Match[str] | None = None
    for match in _BLOCK.finditer(text):
        if opening is None:
            opening = match
        elif not match[1]:
            if opening[1] not in ("tool_code", "tool_call"):
                found.append((opening.start(), match.end()))
            opening = None
    if opening is not None:
        found.append((opening.start(), len(text)))
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
