"""From the text of an answer to tokens: LaTeX, plain text and Unicode end in one alphabet.

Guarantees: linear in the text's length; text that is too long or holds a character without a
meaning here raises `NotMathError`. Nothing is evaluated.
"""

import re
from functools import lru_cache
from typing import Literal

from rewards.math.alignment import unaligned
from rewards.math.tokens import NotMathError, Token
from rewards.math.unit_table import UNITS
from rewards.math.unit_tokens import ends_value, join_units
from rewards.math.units import named, pieces, units_of
from rewards.math.vocabulary import (
    CONSTANTS,
    FONT_COMMANDS,
    FUNCTIONS,
    GREEK_WORDS,
    SHORT_WORDS,
    SIGNS_BEFORE,
    SIGNS_BEHIND,
    SMALL_WORDS,
    SYNONYMS,
    VALUE_ENDS,
    WORD_COMMANDS,
)

TOKEN_LIMIT = 1_500
_JOINED = re.compile(r"(sin|cos|tan|cot|sec|csc|ln|log|sqrt|pi)([a-z]|pi)")
_CHOICES = re.compile(r"\(?[A-Za-z]\)?(\s*(,|;|and|or|&)\s*\(?[A-Za-z]\)?)+")
_VOWEL = re.compile("[aeiouyAEIOUY]")
NESTED_TEXTS = 4  # text commands inside one another
_TOKEN = re.compile(
    r"(?P<space>\s+)"
    r"|(?P<number>\d+\.(?=\s*\\(?:overline|dot))|\d+(?:\.\d+)?(?:[eE][+-]?\d{1,6}(?![\d.a-zA-Z]))?|\.\d+)"
    r"|\\(?P<command>[a-zA-Z]+\*?|[{}%$&#_|\\])"
    r"|(?P<word>[a-zA-Z]*(?:[\u00b5-\u024f\u0370-\u04ff\u1e00-\u1eff\u2126\u212b\u3005-\u30ff"
    r"\u4e00-\u9fff\uac00-\ud7a3]+[a-zA-Z]*)+)"
    r"|(?P<letters>[a-zA-Z]+)"
    r"|(?P<mark>[-+*/^_=<>!,;:|()\[\]{}'%$&\"?.@¢€£¥₽₹₩₪‰])",
    re.ASCII,
)
_ARGUMENTS = {
    "min": frozenset(("(", "{", "\\{")),
    "sec": frozenset(("(", "{", "[", "|", "^", "letter", "number", "command", "function", "-")),
}
"""Units that are functions too, and the tokens with which an argument begins."""
Measured = Literal["", "spaced", "glued"]
_MARKS = dict.fromkeys(SIGNS_BEFORE, "$") | dict.fromkeys(SIGNS_BEHIND, "%")
_MAY_MEASURE = re.compile(r"[\d})%!€£¥¢]\s*[a-zA-Z]|\\mu|\\Omega|\\circ\s*\}?\s*[CFK]")
_UPRIGHT_LETTER = re.compile(r"\\mathrm\s*(?:\{\s*[a-zA-Z]\s*\}|(?<=\s)[a-zA-Z](?![a-zA-Z]))")
_UPRIGHT = re.compile(r"[a-zA-Zµ°%\s*/^{}()\d-]+(?:\\cdot[a-zA-Zµ°%\s*/^{}()\d-]+)*")
_SPACED_GROUPS = re.compile(r"(?<![\d.,\w^_}])\d{1,3}(?: \d{3})+(?![\d\w])")
_COMMA_GROUPS = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d,])")


def has_comma_groups(cleaned: str) -> bool:
    """Whether `1,234` stands in the text, which is one number or two."""
    return "," in cleaned and _COMMA_GROUPS.search(cleaned) is not None


def may_measure(cleaned: str) -> bool:
    """Whether letters stand behind a value, which are variables or a unit."""
    return _MAY_MEASURE.search(cleaned) is not None or has_upright_letter(cleaned)


def has_upright_letter(cleaned: str) -> bool:
    """Whether a letter is set as units are, `12\\,\\mathrm{V}`."""
    return "\\mathrm" in cleaned and _UPRIGHT_LETTER.search(cleaned) is not None


def tokens(cleaned: str, *, commas_group: bool, measured: Measured = "") -> tuple[Token, ...]:
    """Cut what `clean` gave.

    Args:
        cleaned: The text.
        commas_group: Whether `1,234` is one number, not two.
        measured: Whether letters behind a value are a unit or words where they can be, not
            variables: behind a space (`5 kJ/mol`, `5 red balls`), or right behind it too (`2h`).

    Raises:
        NotMathError: A character has no meaning here, or there are too many tokens.
    """
    text = cleaned
    if " " in text:
        text = _SPACED_GROUPS.sub(lambda found: found.group().replace(" ", ""), text)
    if commas_group and "," in text:
        text = _COMMA_GROUPS.sub(lambda found: _joined(text, found), text)
    found = _cut(text, 0, measured)
    for i, token in enumerate(found):
        if token.text not in _ARGUMENTS:
            continue
        # Without an argument it is the minute, or the second.
        following = found[i + 1].kind if i + 1 < len(found) else ""
        if following not in _ARGUMENTS[token.text]:
            found[i] = Token("text", token.text, token.spaced)
    return tuple(join_units(unaligned(found)))


def _joined(text: str, groups: re.Match[str]) -> str:
    """`1,234` as one number, unless a bracket is open, in which the comma separates."""
    before = text[: groups.start()]
    opened = sum(before.count(bracket) for bracket in ("(", "[", "\\{"))
    closed = sum(before.count(bracket) for bracket in (")", "]", "\\}"))
    return groups.group() if opened > closed else groups.group().replace(",", "")


def _cut(text: str, nested: int, measured: Measured) -> list[Token]:
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
            words = value in WORD_COMMANDS
            unit = _upright_unit(content) if _ends_value(found) else None
            if measured and value == "mathrm" and _is_letter(content, found):
                unit = Token("text", content.strip(), spaced)
            found += [unit] if unit else _styled(content, spaced, nested, words, measured)
        elif kind == "command" and _JOINED.fullmatch(value) and value not in FUNCTIONS:
            found += _letters(value, spaced)
        elif kind == "command":
            found.append(_command(value, spaced))
        elif kind == "letters":
            apart = spaced or measured == "glued"
            word = measured and _is_measure(value, apart, found)
            found += [Token("text", value, spaced)] if word else _letters(value, spaced)
        elif kind == "word":
            found.append(Token("text", value, spaced))
        else:
            found.append(Token(_MARKS.get(value, value) if kind == "mark" else kind, value, spaced))
        spaced = False
        if len(found) > TOKEN_LIMIT:
            raise NotMathError(f"more than {TOKEN_LIMIT} symbols")
    return found


def _ends_value(found: list[Token]) -> bool:
    return bool(found) and (ends_value(found[-1]) or found[-1].text == "mu")


def _is_in_unit(found: list[Token]) -> bool:
    """Whether a unit goes on: behind a name, with or without exponent, and a sign (`m^2/`)."""
    at = len(found) - 1
    bracket = at > 0 and found[at].kind == "("
    at -= bracket
    sign = at > 0 and found[at].kind in {"*", "/"}
    at -= sign
    if bracket and not sign:
        return False
    if at > 1 and (found[at].kind in {"number", "}"}):
        raised = [token.kind for token in found[max(0, at - 4) : at]]
        power = next((i for i in range(1, len(raised) + 1) if raised[-i] == "^"), None)
        if power is not None and set(raised[len(raised) - power + 1 :]) <= {"{", "-", "number"}:
            at -= power + 1
    return at >= 0 and found[at].kind == "text"


def _is_measure(run: str, spaced: bool, found: list[Token]) -> bool:
    """Whether letters behind a value can be a unit, or a word.

    A letter alone, and a word of small letters, is one only behind a space or another unit.
    """
    if not found:
        return False
    last = found[-1]
    in_unit = _is_in_unit(found)
    if last.text == "mu":
        return bool(named(run))
    if last.text == "circ" or (last.kind == "}" and [t.text for t in found[-2:-1]] == ["circ"]):
        return run in {"C", "F", "K"}
    if not (in_unit or last.kind in VALUE_ENDS) or run in FUNCTIONS or run in GREEK_WORDS:
        return False
    known = bool(named(run))
    if in_unit or spaced:
        return known or run.lower() in SMALL_WORDS
    return known and len(run) > 1 and not run.islower()


def _upright_unit(content: str) -> Token | None:
    """A unit with exponents or fractions in \\text{} or \\mathrm{}: `m s^{-2}`."""
    plain = content.strip()
    if not any(mark in "^/" for mark in plain) or _UPRIGHT.fullmatch(plain) is None:
        return None
    text = plain.replace("\\cdot", "*").replace("{", "").replace("}", "")
    return Token("text", text, spaced=True) if units_of(tuple(pieces(text))) else None


def _is_letter(content: str, found: list[Token]) -> bool:
    """Whether an upright letter can be a unit, `12\\,\\mathrm{V}`: behind a value, or in a unit."""
    letter = content.strip()
    return len(letter) == 1 and letter in UNITS and (_ends_value(found) or _is_in_unit(found))


@lru_cache(maxsize=1024)
def _command(name: str, spaced: bool) -> Token:
    name = SYNONYMS.get(name, name)
    if name in {"{", "}"}:
        return Token("\\" + name, name, spaced)
    if name in {"and", "or"}:
        return Token("text", name, spaced)
    if name in FUNCTIONS and name != "sqrt":
        return Token("function", name, spaced)
    return Token("command" if name.isalpha() else _MARKS.get(name, name), name, spaced)


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


def _styled(
    content: str, spaced: bool, nested: int, words: bool, measured: Measured
) -> list[Token]:
    """What stands in \\text{} or \\mathrm{}: words, a variable, or mathematics all the same."""
    if nested > NESTED_TEXTS:
        raise NotMathError("text commands inside one another")
    plain = content.strip()
    if not plain:
        return []
    if any(mark.isdigit() or mark in "\\^_=" for mark in plain) or _CHOICES.fullmatch(plain):
        return _cut(plain, nested + 1, measured)
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
