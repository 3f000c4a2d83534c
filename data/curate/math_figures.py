"""Whether a question needs a figure or a table that is not in its text.

Guarantees: linear in the text's length. A question that only opens with "In the diagram," is kept
where it says of every point it asks for what it is: then the figure shows what the words say.
"""

import re
from collections.abc import Set as AbstractSet
from typing import Final

from data.curate.math_phrases import FIGURE, PICTURE, PICTURE_MARKS, SHOWN
from data.curate.math_text import has_drawing, holds

_SENTENCE_END: Final = re.compile(
    r"(?<=[.?!。？！；])(?:\s+|(?=[^\x00-\x7f]))|(?<=[，,])(?=求|则)|\n+"
)
_ON_THE_FORM: Final = re.compile(
    r"(?:express|give|write|state|round) (?:your|the) answer\b", re.IGNORECASE
)
_POINT: Final = re.compile(r"(?<![A-Za-z\\])[A-Z]{1,6}(?![a-z])")
_SAYS_WHAT: Final = re.compile(
    r"=|\\parallel|\\perp|bisect|trisect|midpoint|perpendicular|parallel|tangent|inscribed|square|equilateral"
    r"|rectangle|right|中点|垂直|平行|平分|切|середин|параллел|перпендик|биссектрис|medio|perpendicol"
)
_SAYS_HOW_MUCH: Final = re.compile(r"\d|trisect|equilateral|ratio|отношен|比|rapporto")
_DESCRIBED: Final = re.compile(
    r"\b(?:an?|una|une|eine) (?:\w+ ){0,2}(?:figure|shape|diagram|figura)\b"
    r"|\b(?:is|are|was|were) (?:\w+ )?shaded\b(?!\?)|\bshades\b"
)
"""The words bring in the figure, or what is shaded in it."""
_ONLY_SEEN: Final = re.compile(
    r"shad(?:ed|ing)|\bmarked|\blabel|\bdotted|\bdashed|\bunit squares?\b|\bgrid\b|阴影|陰影"
    r"|закраш|заштрих|ombreggiat|tratteggi"
)
"""What a figure alone can show."""


def missing_figure(question: str, text: str, words: AbstractSet[str]) -> str | None:
    """What refers to a figure that is not there; None where all is there.

    Args:
        question: as it stands.
        text: the question without drawings, in lower case.
        words: its `vocabulary`.
    """
    picture = PICTURE.search(text) if holds(text, PICTURE_MARKS) else None
    if picture is None and "[asy]" in question:
        return None
    found = picture or FIGURE.search(text, words)
    if found is None or has_drawing(question):
        return None
    said = _DESCRIBED.search(text) is not None or _says_all(question, text)
    if picture is None and said and SHOWN.search(text, words) is None:
        return None
    return text[max(0, found.start() - 40) : found.end() + 40].strip()


def _says_all(question: str, text: str) -> bool:
    """Whether the points that are asked for are all spoken of before."""
    says = _SAYS_WHAT.search(text) and _SAYS_HOW_MUCH.search(text)
    if not says or _ONLY_SEEN.search(text) is not None:
        return False
    sentences = [one for one in _SENTENCE_END.split(question) if one and one.strip()]
    while len(sentences) > 1 and _ON_THE_FORM.match(sentences[-1].strip()):
        sentences.pop()
    asked = _points(sentences[-1])
    return bool(asked) and asked <= _points(" ".join(sentences[:-1]))


def _points(text: str) -> set[str]:
    return {letter for name in _POINT.findall(text) for letter in name}
