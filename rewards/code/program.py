"""Which block of a response is its program.

Guarantees: only what stands after the thinking counts. The program is the last closed block in the
language that is asked for, else the last one whose tag names a language, else the last one without
a tag; so a sample of the output after the program is not the program. A block whose tag names
something that cannot be run, such as `text` or `bash`, and a transcript of a shell are passed over.
An answer that ends inside of a program was cut: it has none, whatever stands before.
"""

import re
from collections.abc import Iterable
from typing import Final

from rewards.code.blocks import Block, blocks
from rewards.thinking import Opened, final_part
from sandbox.types import Language

NEUTRAL: Final = frozenset({"", "code", "program", "solution"})
"""Tags that say nothing of a language."""
_TRANSCRIPT: Final = re.compile(r"\s*+(?:>>> |In \[\d{1,4}\]:|\$ )")
_BEFORE: Final = (
    r"\W*(?:(?:for|the|an?|this|it|and|which|sample|example|expected|test|actual|time|space)\W+)*"
)
_AFTER: Final = r"(?:\W+\d{1,3})?\W*"
_USE: Final = re.compile(rf"{_BEFORE}(?:examples?|usage|run){_AFTER}", re.IGNORECASE)
"""A line that announces how a program is used."""
_OUTPUT: Final = re.compile(
    rf"{_BEFORE}(?:inputs?|outputs?|results?|stdin|stdout|terminal|console|explanation|complexity"
    rf"|examples?|usage|run|prints|gives|returns){_AFTER}",
    re.IGNORECASE,
)
"""A line that announces what is no program."""
_CODE: Final = re.compile(
    r"\b(?:print|input|main|len|range|readline)\s?\(|^#include|console\.|System\.|;[ \t]*$"
    r"|^[ \t]*+(?:import|from|def|class|function|const|let|public|using|if|for|while|return)\b"
    r"|\w[ \t]?=[ \t]?\S",
    re.MULTILINE,
)
"""What a program mostly has, and a sample of its output does not."""


class NoProgramError(Exception):
    """The response holds no program; the message says how."""


def last_program(
    response: str, opened: Opened | None = None, wanted: Language | None = None
) -> tuple[str, Language | None]:
    """The program of a response, and the language that its fence names.

    Args:
        response: What the model wrote.
        opened: Whether the prompt's template opened the thinking; None: it is not known.
        wanted: What the program has to be written in; None: nothing is said.

    Raises:
        NoProgramError: There is none, or the last one is not complete.
    """
    every = list(blocks(final_part(response, opened)))
    found = [block for block in every if not _TRANSCRIPT.match(block.source)] or every
    tagged = [block for block in found if block.language is not None]
    plain = [block for block in found if block.tag in NEUTRAL]
    for several in (tagged, plain):
        if several and not several[-1].is_closed and several[-1].source.strip():
            raise NoProgramError("the last code block is not closed")
        filled = [block for block in several if block.is_closed and block.source.strip()]
        if filled:
            chosen = _last(filled, wanted)
            return chosen.source, chosen.language
    if not tagged and not plain:
        raise NoProgramError("no code block")
    raise NoProgramError("the last code block is empty")


def _last(filled: Iterable[Block], wanted: Language | None) -> Block:
    """The last block that is most likely the program."""

    def likely(block: Block) -> tuple[bool, bool]:
        if block.language is None:
            is_code = _CODE.search(block.source) is not None
            return is_code, _OUTPUT.fullmatch(block.heading) is None
        return block.language == wanted, _USE.fullmatch(block.heading) is None

    return max(reversed(list(filled)), key=likely)
