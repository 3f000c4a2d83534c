"""From the text of an answer to tokens: LaTeX, plain text and Unicode end in one alphabet.

Guarantees: linear in the text's length; text that is too long or holds a character without a
meaning here raises `NotMathError`. Nothing is evaluated.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from rewards.math.vocabulary import (
    CONSTANTS,
    FONT_COMMANDS,
    FUNCTIONS,
    GREEK_WORDS,
    SHORT_WORDS,
    SUBSCRIPTS,
    SUPERSCRIPTS,
    SYNONYMS,
    UNICODE,
    WORD_COMMANDS,
)

TEXT_LIMIT = 4_000  # characters of an answer that are read at all
TOKEN_LIMIT = 1_500


class NotMathError(Exception):
    """The text is not an answer that this package understands; the message says why."""


@dataclass(frozen=True, slots=True)
class Token:
    """`kind` is number, letters, command, text, or the character itself."""

    kind: str
    text: str = ""
    spaced: bool = False
    """Whether white space stood before it."""


_UNUSUAL = re.compile("|".join(map(re.escape, UNICODE)))
_RAISED = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ⁿ]+")
_LOWERED = re.compile("[₀₁₂₃₄₅₆₇₈₉ₙ]+")

_LOOKS = re.compile(
    r"\\(?:left|right|middle|[bB]ig{1,2}[lrm]?|displaystyle|textstyle|scriptstyle|limits|nolimits"
    r"|rm|bf|it|large|Large|small|normalsize|hfill|noindent|centering)(?![a-zA-Z])\.?"
    r"|(?<!\\)\\[()\[\]]|(?<!\\)\$|\\[hv]?phantom\s*(?:\{[^{}]*\}|\S)|\\(?:h|v|m)?space\*?\{[^{}]*\}|\\!"
)
_SPACES = re.compile(
    r"\\(?:quad|qquad|enspace|(?:neg)?(?:thin|med|thick)space)(?![a-zA-Z])"
    r"|(?<!\\)\\[,;:> \n]|~|\s+|&nbsp;"
)
_JOINED = re.compile(r"(sin|cos|tan|cot|sec|csc|ln|log|sqrt|pi)([a-z]|pi)")
_CHOICES = re.compile(r"\(?[A-Za-z]\)?(\s*(,|;|and|or|&)\s*\(?[A-Za-z]\)?)+")
_DOUBLED = re.compile(
    r"(?<!\\)\\\\(?=(?:d|t)?frac|sqrt|pi|left|right|cdot|text|boxed|infty|begin|end)"
)
_VOWEL = re.compile("[aeiouyAEIOUY]")
NESTED_TEXTS = 4  # text commands inside one another
_TOKEN = re.compile(
    r"(?P<space>\s+)"
    r"|(?P<number>\d+\.(?=\s*\\(?:overline|dot))|\d+(?:\.\d+)?(?:[eE][+-]?\d{1,6}(?![\d.a-zA-Z]))?|\.\d+)"
    r"|\\(?P<command>[a-zA-Z]+\*?|[{}%$&#_|\\])"
    r"|(?P<letters>[a-zA-Z]+)"
    r"|(?P<mark>[-+*/^_=<>!,;:|()\[\]{}'%$&\"?.@])",
    re.ASCII,
)
_ASCII_RELATIONS = [("<=", r"\le "), (">=", r"\ge "), ("!=", r"\ne "), ("**", "^"), ("=<", r"\le ")]
_WORDED = re.compile(r"(?<=[\d)}])(or|and)(?=[\dA-Zx({\\-])")
_GROUPED = re.compile(
    r"(?<![\d.,])\d{1,3}(?:(?:\{,\}|\\[,;: ]|\\!|,\\!|,\s*\\!\s*|~)\s*\d{3})+(?!\d)"
)
_SPACED_GROUPS = re.compile(r"(?<![\d.,\w^_}])\d{1,3}(?: \d{3})+(?![\d\w])")
_COMMA_GROUPS = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d,])")
_NON_DIGITS = re.compile(r"\D+")


def clean(text: str) -> str:
    """`text` without what only looks, in ASCII.

    Raises:
        NotMathError: It is too long.
    """
    if len(text) > TEXT_LIMIT:
        raise NotMathError(f"longer than {TEXT_LIMIT} characters")
    if not text.isascii():
        text = _UNUSUAL.sub(lambda found: UNICODE[found.group()], text)
        text = _RAISED.sub(lambda found: "^{" + found.group().translate(SUPERSCRIPTS) + "}", text)
        text = _LOWERED.sub(lambda found: "_{" + found.group().translate(SUBSCRIPTS) + "}", text)
    text = _DOUBLED.sub(r"\\", text)
    text = _GROUPED.sub(lambda found: _NON_DIGITS.sub("", found.group()), text)
    text = _LOOKS.sub("", text)
    if text.startswith("**") and text.endswith("**"):
        text = text[2:-2]
    for plain, command in _ASCII_RELATIONS:
        text = text.replace(plain, command)
    text = _SPACES.sub(" ", text)
    text = _WORDED.sub(r" \1 ", text)
    return text.strip().rstrip("\\").strip().removesuffix(".").strip()


def has_comma_groups(cleaned: str) -> bool:
    """Whether `1,234` stands in the text, which is one number or two."""
    return _COMMA_GROUPS.search(cleaned) is not None


def tokens(cleaned: str, *, commas_group: bool) -> tuple[Token, ...]:
    """Cut what `clean` gave; `commas_group` reads `1,234` as one number, not as two.

    Raises:
        NotMathError: A character has no meaning here, or there are too many tokens.
    """
    text = _SPACED_GROUPS.sub(lambda found: found.group().replace(" ", ""), cleaned)
    if commas_group:
        text = _COMMA_GROUPS.sub(lambda found: _joined(text, found), text)
    found = _cut(text, 0)
    for i, token in enumerate(found):
        # Without an argument it is the minute.
        if token.text == "min" and (
            i + 1 == len(found) or found[i + 1].kind not in {"(", "{", "\\{"}
        ):
            found[i] = Token("text", "min", token.spaced)
    return tuple(found)


def _joined(text: str, groups: re.Match[str]) -> str:
    """`1,234` as one number, unless a bracket is open, in which the comma separates."""
    before = text[: groups.start()]
    opened = sum(before.count(bracket) for bracket in ("(", "[", "\\{"))
    closed = sum(before.count(bracket) for bracket in (")", "]", "\\}"))
    return groups.group() if opened > closed else groups.group().replace(",", "")


def _cut(text: str, nested: int) -> list[Token]:
    found: list[Token] = []
    position, spaced = 0, False
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise NotMathError(f"{text[position]!a} has no meaning here")
        position = match.end()
        kind = match.lastgroup or ""
        value = match[kind]
        if kind == "space":
            spaced = True
            continue
        if value in WORD_COMMANDS or value in FONT_COMMANDS:
            content, position = _group(text, position)
            found += _styled(content, spaced, nested, words=value in WORD_COMMANDS)
        elif kind == "command" and _JOINED.fullmatch(value) and value not in FUNCTIONS:
            found += _letters(value, spaced)
        elif kind == "command":
            found.append(_command(value, spaced))
        elif kind == "letters":
            found += _letters(value, spaced)
        else:
            found.append(Token(value if kind == "mark" else kind, value, spaced))
        spaced = False
        if len(found) > TOKEN_LIMIT:
            raise NotMathError(f"more than {TOKEN_LIMIT} symbols")
    return found


@lru_cache(maxsize=1024)
def _command(name: str, spaced: bool) -> Token:
    name = SYNONYMS.get(name, name)
    if name in {"{", "}"}:
        return Token("\\" + name, name, spaced)
    if name in {"and", "or"}:
        return Token("text", name, spaced)
    if name in FUNCTIONS and name != "sqrt":
        return Token("function", name, spaced)
    return Token("command" if name.isalpha() else name, name, spaced)


def _letters(run: str, spaced: bool) -> list[Token]:
    """A run of letters is a function, a constant, a word, or a product of variables."""
    if run in FUNCTIONS:
        return [Token("command" if run == "sqrt" else "function", run, spaced)]
    if run in GREEK_WORDS:
        return [Token("command", run, spaced)]
    if run in CONSTANTS:
        return [Token("command", run if run == "pi" else "infty", spaced)]
    if (joined := _JOINED.fullmatch(run)) is not None:
        return _letters(joined[1], spaced) + _letters(joined[2], True)
    long_word = len(run) > 3 and _VOWEL.search(run) is not None and not run.isupper()
    if len(run) > 1 and (run in SHORT_WORDS or run.lower() in SHORT_WORDS or long_word):
        return [Token("text", run, spaced)]
    rest = [Token("letter", letter) for letter in run[1:]]
    return [Token("letter", run[0], spaced), *rest]


def _styled(content: str, spaced: bool, nested: int, *, words: bool) -> list[Token]:
    """What stands in \\text{} or \\mathrm{}: words, a variable, or mathematics all the same."""
    if nested > NESTED_TEXTS:
        raise NotMathError("text commands inside one another")
    plain = content.strip()
    if not plain:
        return []
    if any(mark.isdigit() or mark in "\\^_=" for mark in plain) or _CHOICES.fullmatch(plain):
        return _cut(plain, nested + 1)
    unit = len(plain) == 1 and plain in "mgsLlhNJ"
    if words or unit or plain in {"min", "deg", "arg"}:
        return [Token("text", plain, spaced)]
    inner = _letters(plain, spaced) if plain.isalpha() else [Token("text", plain, spaced)]
    if len(inner) > 1 and all(token.kind == "letter" for token in inner):
        return [Token("text", plain, spaced)]
    return inner


def _group(text: str, position: int) -> tuple[str, int]:
    """The braces' content after a text command, and where it ends."""
    start = position
    while start < len(text) and text[start] == " ":
        start += 1
    if start >= len(text) or text[start] != "{":
        return text[start : start + 1], start + 1
    depth = 0
    for end in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[end], 0)
        if depth == 0:
            return text[start + 1 : end], end + 1
    raise NotMathError("a brace is not closed")
