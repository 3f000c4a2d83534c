"""Finding the program in what a model wrote.

Guarantees: only what stands after the thinking counts, and there the last fenced block that is
closed. A block whose tag names something that cannot be run, such as `text` or `bash`, is passed
over. An answer that ends inside of a block was cut: it has no program, whatever stands before. One
pass over the text, whatever is in it.

Fences are those of CommonMark (section 4.5), at any depth of indentation.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from rewards.thinking import Opened, final_part
from sandbox.types import Language

TAGS: Final[Mapping[str, Language]] = MappingProxyType(
    {
        "python": "python",
        "python3": "python",
        "py": "python",
        "c": "c",
        "cpp": "cpp",
        "c++": "cpp",
        "cc": "cpp",
        "cxx": "cpp",
        "java": "java",
        "javascript": "javascript",
        "js": "javascript",
        "node": "javascript",
        "nodejs": "javascript",
    }
)
"""What a fence may call a language, in lower case."""
_FENCE = re.compile(r"([ \t]*+)(`{3,}+|~{3,}+)[ \t]*+([^\r]*+)\r?")
_CLOSING = re.compile(r"[ \t]*+(`{3,}+|~{3,}+)\s*+")


class NoProgramError(Exception):
    """The response holds no program; the message says how."""


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block.

    Attributes:
        tag: The first word after the fence, in lower case.
        source: What stands between the fences, without the indentation of the first.
        is_closed: Whether its second fence is there.
    """

    tag: str
    source: str
    is_closed: bool


def last_program(response: str, opened: Opened | None = None) -> tuple[str, Language | None]:
    """The program of a response, and the language that its fence names.

    Raises:
        NoProgramError: There is none, or the last one is not complete.
    """
    found = None
    for block in blocks(final_part(response, opened)):
        if not block.is_closed and block.source.strip():
            raise NoProgramError("the last code block is not closed")
        if block.is_closed and (not block.tag or block.tag in TAGS):
            found = block
    if found is None:
        raise NoProgramError("no code block")
    if not found.source.strip():
        raise NoProgramError("the last code block is empty")
    return found.source, TAGS.get(found.tag)


def blocks(text: str) -> Iterator[Block]:
    """The fenced blocks of a text in order; only the last one may be open."""
    opening: tuple[str, str, str] | None = None  # its indentation, its fence, its tag
    lines: list[str] = []
    for line in text.split("\n"):
        if opening is None:
            opening = _opened(line)
            continue
        indentation, fence, tag = opening
        closing = _CLOSING.fullmatch(line)
        if closing is not None and closing[1].startswith(fence):
            yield Block(tag, _joined(lines), is_closed=True)
            opening, lines = None, []
        else:
            lines.append(_outdented(line, len(indentation)))
    if opening is not None:
        yield Block(opening[2], _joined(lines), is_closed=False)


def _opened(line: str) -> tuple[str, str, str] | None:
    match = _FENCE.fullmatch(line)
    if match is None or (match[2][0] == "`" and "`" in match[3]):
        return None
    words = match[3].split()
    return match[1], match[2], words[0].strip("{.}").lower() if words else ""


def _outdented(line: str, width: int) -> str:
    margin = len(line) - len(line.lstrip(" \t"))
    return line[min(margin, width) :]


def _joined(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
