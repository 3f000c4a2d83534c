"""Which questions no rule can speak against, told for many at once.

Guarantees: conservative: of a question that is harmless every rule of `math_questions` says
nothing, as it has none of the words and signs that the rules look for. Time is linear in the texts:
RE2 looks at each once, in a tenth of what the rules take.
"""

import re
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, Final

from data.curate import math_options, math_parts
from data.curate.math_parts import answers_in_parts
from data.curate.math_phrases import PICTURE_MARKS, TELLING
from data.curate.math_text import DRAWING_MARKS

INSTRUCTIONS: Final = ("\\boxed", "step by step", "####", "Answer: $Answer")
"""One of these is in a sentence on how to answer."""
_CODES: Final = r"[0-9 .,()/+\-^{}%]"
_NAMES: Final = r"(?:\\(?:[dt]?frac|sqrt|pi|%|\{|\})|[a-z])"
_BARE: Final = rf"^{_CODES}*(?:{_NAMES}[0-9 ,()/+\-^{{}}%]{_CODES}*)*{_NAMES}?$"
"""A reference that is a value and nothing else; a letter with a stop behind it may be `e.g.`."""


def harmless(questions: Sequence[str], references: Sequence[Any]) -> list[bool]:
    """Whether each question, with its reference, surely has no fault; False where it may.

    Args:
        questions: what is asked, as it stands.
        references: the answers; what is no text is not harmless.
    """
    import pyarrow
    from pyarrow import compute

    try:
        texts = pyarrow.array(questions, pyarrow.large_string())
        golds = pyarrow.array([r if isinstance(r, str) else None for r in references], "string")
    except UnicodeEncodeError:  # half of a surrogate pair
        return [False] * len(questions)
    is_telling = compute.match_substring_regex(texts, _telling()).to_pylist()
    is_bare = compute.match_substring_regex(golds, _BARE).to_pylist()
    return [
        bare is True and not told and not (")" in gold and answers_in_parts(gold))
        for bare, told, gold in zip(is_bare, is_telling, references, strict=True)
    ]


@cache
def _telling() -> str:
    """The expression that all texts match of which a rule may have something to say."""
    small = _any_of((*math_parts.PIECES, *PICTURE_MARKS, *DRAWING_MARKS))
    as_written = _any_of((*math_options.PIECES, *INSTRUCTIONS))
    words = "|".join(sorted(TELLING))
    return rf"[^\x00-\x7F]|{as_written}|(?i:{small}|(?:^|[^a-z])(?:{words})(?:$|[^a-z]))"


def _any_of(pieces: Iterable[str]) -> str:
    return "|".join(re.sub(r"([^\w\s])", r"\\\1", piece) for piece in pieces if piece.isascii())
