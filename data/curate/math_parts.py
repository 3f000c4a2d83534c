"""Questions in several parts, of which a reference answers one.

Guarantees: linear in the text's length.
"""

import re
from typing import Final

from data.curate.math_phrases import PROOF, TALK, VALUE
from data.curate.math_text import holds

_LABEL: Final = re.compile(
    r"(?:(?<=[\s.?!:;,。；;：？，$}])|^)(?:\*\*)?(?:part\s+)?"
    r"(?:[(（]\s*(?P<bracketed>[a-h]|[1-9]|i{1,3}|iv|vi{0,3}|[а-д])\s*[)）]"
    r"|(?P<open>[a-h]|[1-9]|i{1,3}|iv|[а-д])[)）]"
    r"|(?P<circled>[①-⑨])|\$?\\textcircled\s*\{?(?P<drawn>[1-9])\}?\$?"
    r"|part (?P<part>[a-h1-9])\b[.:]?"
    r"|(?:(?<=\n)|^)(?P<dotted>[1-9]|[a-h])[.、．])"
)
_LISTING: Final = re.compile(
    r"(?:^|[.?!:]\s*|\d\s+)(?:find|calculate|compute|evaluate|simplify|solve|factor|determine|expand"
    r"|вычислите|найдите|решите|упростите|calcola(?:re)?|trova(?:re)?|semplifica(?:re)?|risolvi)"
    r"(?: (?!such|satisf|where|if|with|when|for|that|чтобы|котор|tale|che)[^\W\d]+){0,4}"
    r"\s*[:：]?\s*$"
    r"|(?:计算|計算|求|解|化简|化簡)(?:下列)?(?:各[题題式]|方程|不等式)?\s*[:：]?\s*$"
)
"""What a list of things to do stands behind: `Calculate the following: (1) ... (2) ...`."""
LEAD: Final = 200  # characters in front of a list that say what is to be done
MOST_STARTS: Final = 10  # first labels from which parts are looked for
_KINDS: Final = ("abcdefgh", "123456789", "абвгд", "①②③④⑤⑥⑦⑧⑨")
_ROMAN: Final = ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii")
_BEHIND: Final = ("b)", "2)", "b）", "2）", "б)", "ii)")
_BEFORE: Final = ("\n2", "\nb", "part ", "②", "\\textcircled")
PIECES: Final = (*_BEHIND, *_BEFORE)
"""One of these is in each question in several parts."""


def parts_asked(question: str) -> list[str]:
    """The parts of a question in lower case, each of which asks for something; fewer than two: [].

    `(1)` and `(2)` in front of conditions are no parts, nor are equations' numbers.
    """
    if not _may_have_parts(question):
        return []
    lead, parts = _parted(question)
    if parts and _LISTING.search(lead[-LEAD:]):
        return parts
    asked = [part for part in parts if _asks(part)]
    return asked if len(asked) > 1 else []


def _may_have_parts(question: str) -> bool:
    """Whether a second part may be labelled; cheap, and true for each question that has one."""
    if (")" in question or "）" in question) and holds(question, _BEHIND):
        return True
    return holds(question, _BEFORE)


def answers_in_parts(reference: str) -> bool:
    """Whether a reference in lower case answers several parts: `(a) 5 (b) 7`."""
    return len(_parted(reference)[1]) > 1


def _asks(part: str) -> bool:
    text = part.strip()
    return any(one.search(text) is not None for one in (VALUE, PROOF, TALK))


def _parted(text: str) -> tuple[str, list[str]]:
    """What stands in front of the first sequence of labels, and behind each of them."""
    labels = [
        (found, _place(next(filter(None, found.groups())))) for found in _LABEL.finditer(text)
    ]
    starts = [label for label in labels if label[1][1] == 0]
    for first, (kind, _) in starts[:MOST_STARTS]:
        run = [first]
        for found, place in labels:
            if place == (kind, len(run)) and found.start() >= run[-1].end():
                run.append(found)
        if len(run) > 1:
            ends = [one.start() for one in run[1:]] + [len(text)]
            parts = [text[one.end() : end] for one, end in zip(run, ends, strict=True)]
            return text[: first.start()], parts
    return text, []


def _place(label: str) -> tuple[int, int]:
    """Kind and place of a label: `b` is the second of letters, `ii` the second of numerals."""
    if label in _ROMAN and not (len(label) == 1 and label != "i"):
        return len(_KINDS), _ROMAN.index(label)
    kind = next(i for i, letters in enumerate(_KINDS) if label in letters)
    return kind, _KINDS[kind].index(label)
