r"""References as data sets have them: JSON lists, quoted values, choices, worked solutions.

    ["4", "-4"]                       every element is needed
    "4"                               the value in the quotation marks
    A) 12                             the letter, or the value
    ... so 2+2=4.\n#### 4             the final answer

Guarantees: a text that holds no answer (`\boxed{4`, prose) raises `UnreadableError`; nothing is
evaluated. Whether the answer itself is mathematics, or words that can only be compared as text, is
not decided here.
"""

import json
import numbers
import re
from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from math import isfinite

from rewards.math.answers import NoAnswerError, has_box, last_boxed
from rewards.math.equal import decide
from rewards.math.layout import TEXT_LIMIT
from rewards.math.nodes import Items, Node, Words
from rewards.math.phrases import PHRASES, after_phrase
from rewards.math.reading import read

LONGEST_PHRASE = 6  # words of an answer in words; more are prose
LONGEST_CLAIM = 5  # the same, where it has a verb
LONGEST_SENTENCE = 3  # the same, where it ends or begins like a sentence
LONGEST_REMARK = 2  # the same, where mathematics that is not covered stands among them
ELEMENT_LIMIT = 100
_ELEMENT = re.compile(r"\s*(?:\"((?:[^\"\\]|\\.)*)\"|'((?:[^'\\]|\\.)*)'|([^\s\"',\[\]]+))\s*(,|$)")
_QUOTES = {'"': '"', "'": "'", "“": "”", "‘": "’", "«": "»", "`": "`"}
_CHOICE = re.compile(r"\(?([A-J])\s?(?:[).]\s*|:\s+(?!.*=))(?=[^\s=+*/^-]|-?\d)([^\n]+)")
_STYLED = re.compile(
    r"\$?\s*(\(?)\\(?:text(?:bf|rm|it|up|sf)?|math(?:bf|rm|sf)|mbox|bold)\s*\{\s*"
    r"(\(?)([A-J])\s?([).:]*)(?:\s|\\[ ,;:])*\}\s*([).:]?)"
)
"""The letter of a choice as competitions print it: `\\textbf{(B)}\\ 12`."""
_BOLD = re.compile(r"\*\*(\(?[A-J](?:[).]\*\*|\*\*[).]))")
_SPACES = re.compile(r"(?:\s|~|\\[ ,;:!]|\\q?quad(?![a-zA-Z]))+")
_SECOND = re.compile(r"(?<![A-Za-z(])\(?[A-J][).]\s")
_VALUE_BEHIND = re.compile(r"\(?([A-J])\)?\s+\(([^()\n]+)\)")
_WORD = re.compile(r"[^\W\d_]*[^\W\d_A-Z][^\W\d_]+")
_SPEAKS = re.compile(
    r"(?:the|is|are|was|we|gives?|so|therefore|hence|then|thus|because|since|that|this|which|get|have"
    r"|has|had|been|will|adding|there|must|it|can)\b",
    re.IGNORECASE,
)
_SIGNS = re.compile(r"[\\\d=<>+*/^_$|]")
_BEGINS = re.compile(
    r"(?:we|let|note|see|by|since|because|consider|first|proof|recall|using|suppose|assume|clearly"
    r"|obviously|hence|thus|so|then|from|applying|adding|omitted|solution)\b(?!s)",
    re.IGNORECASE,
)
_MATH = re.compile(r"\$[^$]*\$|\\\(.*?\\\)|\\\[.*?\\\]|\\[a-zA-Z]+", re.DOTALL)
_TEXT = re.compile(r"\\(?:text|mbox|textbf|textit|textrm|mathrm)\s*\{([^{}]*)\}")
_BRACES = re.compile(r"\\.|[{}]", re.DOTALL)
_MISSING = frozenset(("nan", "null", "n/a", "?", "...", "tbd", "todo", "-", "proof", "notfound"))
_UNSTATED = re.compile(
    r"(?:the )?(?:answers?|solutions?) (?:(?:may|will|can|could) (?:vary|differ)|vary)"
    r"|(?:see|refer to) (?:the )?(?:attached )?"
    r"(?:solution|above|below|proof|figure|graph|diagram|explanation)"
    r"|(?:(?:the )?(?:answer|solution|proof) (?:is )?)?(?:omitted|left to the reader)"
    r"|(?:the )?(?:answer|solution) (?:is )?(?:not (?:given|provided|available|found)|missing)"
    r"|no answer (?:is )?(?:given|provided|available|found)"
    r"|(?:证明|答案)?略|见解析|暂无(?:答案)?|答案不唯一|см\. решение|vedi (?:la )?soluzione",
    re.IGNORECASE,
)
"""What data sets write where they have no answer."""


class UnreadableError(Exception):
    """The reference holds no answer; the message says why."""


def alternatives(reference: object) -> tuple[str, ...]:
    """The answers that the reference takes, each as a bare text; one of them has to be given.

    Raises:
        UnreadableError: It holds no answer.
    """
    if isinstance(reference, str):
        return _of_text(reference)
    if isinstance(reference, list | tuple):
        return _of_elements([alternatives(one)[0] for one in reference])
    return (_of_number(reference),)


def as_written(reference: object) -> str:
    """The text that gives a reference as it stands in the data."""
    if isinstance(reference, list | tuple):
        return json.dumps(reference, default=str)
    return str(reference).strip()


def contradicts(answer: str, golds: Sequence[str]) -> bool:
    """Whether an answer names a choice and another value than the reference's: `A) 13`."""
    if len(golds) == 1:
        return False
    text = _unquoted(answer.strip())
    behind = _VALUE_BEHIND.fullmatch(text)
    found = _choice(text) if behind is None else (behind[1], behind[2])
    return found is not None and not (
        found[0] == golds[1] and bool(decide(found[1], golds[2]).same)
    )  # fmt: skip


def _choice(text: str) -> tuple[str, str] | None:
    """The letter and the value of `B) 12`; None where there is no letter, or a second one."""
    found = _CHOICE.fullmatch(_unstyled(text))
    if found is None or _SECOND.search(found[2]):
        return None
    return found[1], found[2].strip()


def _unstyled(text: str) -> str:
    """`\\textbf{(B)}\\ 12` as `B) 12`."""
    text = _BOLD.sub(lambda bold: bold[1].replace("*", ""), text, count=1)
    found = _STYLED.match(text)
    if found is None or not any(found.group(1, 2, 4, 5)):
        return text
    end = len(text) - (text.startswith("$") and text.endswith("$"))
    start = _SPACES.match(text, found.end())
    return f"{found[3]}) {text[start.end() if start else found.end() : end]}"


def _of_number(reference: object) -> str:
    real = isinstance(reference, numbers.Real | Decimal)
    if isinstance(reference, bool) or type(reference).__name__ == "bool" or not real:
        raise UnreadableError(f"{type(reference).__name__}, not text or a number")
    text = str(reference.item() if hasattr(reference, "item") else reference)
    if isinstance(reference, float | Decimal) and not isfinite(reference):
        raise UnreadableError(f"{text} is no number")
    return text


def _of_elements(elements: Sequence[str]) -> tuple[str, ...]:
    if not elements:
        raise UnreadableError("an empty list")
    return ("; ".join(elements),)


@lru_cache(maxsize=1024)  # a group of answers shares its reference
def _of_text(text: str) -> tuple[str, ...]:
    bare = _unquoted(text.strip())
    if not bare:
        raise UnreadableError("it is empty")
    if (elements := _listed(bare)) is not None:
        return _of_elements([_of_text(element)[0] for element in elements])
    final = bare if _choice(bare) else _final(bare)
    return (final, *(_choice(final) or ()))


def _final(text: str) -> str:
    """The answer in a text: the last box, the text itself, or the end of a worked solution."""
    found = None
    if has_box(text):
        try:
            found = last_boxed(text)
        except NoAnswerError as error:
            raise UnreadableError(f"{_shown(text)}: {error}") from error
    elif "####" in text:
        found = after_phrase(text, (r"####\s*",))
    if found is not None:
        if _is_missing(found):
            raise UnreadableError(f"{_shown(text)} is no answer")
        return found
    if (why := _fault(text)) is None:
        return text
    found = None if _is_missing(text) else after_phrase(text, PHRASES)
    if found is None or _fault(found) is not None:
        raise UnreadableError(f"{_shown(text)} {why}")
    return found


def _fault(text: str) -> str | None:
    """Why a text is no answer; None for mathematics and for a few words."""
    if _is_missing(text):
        return "is no answer"
    if len(text) > TEXT_LIMIT:
        return f"is longer than {TEXT_LIMIT} characters, and none is marked as final"
    if not _is_balanced(text):
        return "has a brace that is not closed"
    unstyled = _TEXT.sub(r" \1 ", text).strip()
    plain = _MATH.sub(" ", unstyled).strip()
    words = _WORD.findall(plain)
    readings = read(text).readings if _SIGNS.search(unstyled) else ()
    covered = any(not _is_words(node) for node in readings)
    limit = _limit(unstyled, plain, words, covered)
    if len(words) <= limit or (covered and _is_list(text, words)):
        return None
    return "is prose without a final answer"


def _is_missing(text: str) -> bool:
    """Whether a text says that there is no answer: `proof`, `Answers may vary.`"""
    said = _TEXT.sub(r"\1", text[:TEXT_LIMIT]).strip().strip("$ ")
    return not _MISSING.isdisjoint((said.lower(), said.lower().rstrip("."))) or (
        _UNSTATED.fullmatch(said.rstrip(".。")) is not None
    )


def _limit(text: str, plain: str, words: Sequence[str], covered: bool) -> int:
    """How many words an answer of this kind may have."""
    if covered:
        return LONGEST_PHRASE
    if text.endswith(".") or _BEGINS.match(plain):
        return LONGEST_SENTENCE
    if not any(map(_SPEAKS.fullmatch, words)):
        return LONGEST_PHRASE
    return LONGEST_REMARK if _SIGNS.search(text) else LONGEST_CLAIM


def _is_words(node: Node) -> bool:
    return isinstance(node, Words) or (isinstance(node, Items) and all(map(_is_words, node.items)))


def _is_list(text: str, words: Sequence[str]) -> bool:
    """Whether many words belong to a list of short answers."""
    return len(words) <= LONGEST_PHRASE * len(re.split(r"[,;]|\\\\", text))


def _is_balanced(text: str) -> bool:
    depth = 0
    for brace in _BRACES.findall(text):
        depth += {"{": 1, "}": -1}.get(brace, 0)
        if depth < 0:
            return False
    return depth == 0


def _unquoted(text: str) -> str:
    while len(text) > 1 and _QUOTES.get(text[0]) == text[-1]:
        inside = text[1:-1]
        if text[0] in inside or text[-1] in inside or not inside.strip():
            break
        text = inside.strip()
    return text


def _listed(text: str) -> list[str] | None:
    """The elements of `["4", "5"]` or `['4']`; None for mathematics in square brackets."""
    if not (text.startswith("[") and text.endswith("]")) or text[1:-1].lstrip()[:1] not in {
        '"',
        "'",
    }:
        return [] if text == "[]" else None
    inside, at = text[1:-1], 0
    elements: list[str] = []
    while at < len(inside) and len(elements) < ELEMENT_LIMIT:
        found = _ELEMENT.match(inside, at)
        if found is None:
            return None
        quoted = found[1] if found[1] is not None else found[2]
        elements.append(found[3] if quoted is None else _unescaped(quoted))
        at = found.end()
    return elements


def _unescaped(text: str) -> str:
    """LaTeX in JSON has every backslash twice; where a list was written by hand, once."""
    runs = re.findall(r"\\+", text)
    if runs and all(len(run) % 2 == 0 for run in runs):
        return text.replace("\\\\", "\\")
    return text.replace('\\"', '"').replace("\\'", "'")


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:57]}...")
