r"""Tokens of a compound unit behind a value become one: `\text{kg}\cdot\text{m}^{-3}`.

Guarantees: one pass; tokens that are no unit stay as they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from rewards.math.tokens import Token
from rewards.math.vocabulary import JOINER, VALUE_ENDS

_NO_UNIT = frozenset(("to",))


@dataclass(frozen=True, slots=True)
class _Found:
    text: str
    end: int


def ends_value(token: Token) -> bool:
    """Whether a value may end with the token."""
    return token.kind in VALUE_ENDS or (token.kind == "command" and token.text == "pi")


def join_units(tokens: Sequence[Token]) -> list[Token]:
    """The tokens, with each run of a unit's tokens behind a value as one token of words."""
    joined: list[Token] = []
    at = 0
    while at < len(tokens):
        behind_value = bool(joined) and ends_value(joined[-1])
        found = _run(tokens, at) if behind_value else None
        if found is None:
            joined.append(tokens[at])
            at += 1
        else:
            joined.append(Token("text", found.text, spaced=True))
            at = found.end
    return joined


def _run(tokens: Sequence[Token], at: int) -> _Found | None:
    found = _factor(tokens, at)
    if found is None:
        return None
    parts, at = [found.text], found.end
    while at < len(tokens):
        sign = tokens[at].kind if tokens[at].kind in {"*", "/"} else ""
        following = _factor(tokens, at + len(sign), grouped=bool(sign))
        if following is None:
            break
        parts += [sign or " ", following.text]
        at = following.end
    return _Found("".join(parts), at)


def _factor(tokens: Sequence[Token], at: int, *, grouped: bool = False) -> _Found | None:
    """One name with its exponent, a fraction of names, or names in brackets."""
    kinds = [token.kind for token in tokens[at : at + 2]]
    if kinds[:1] == ["text"] and _is_word(tokens[at]):
        return _raised(tokens, _Found(tokens[at].text, at + 1))
    if kinds == ["command", "text"] and tokens[at].text == "mu" and _is_word(tokens[at + 1]):
        return _raised(tokens, _Found(f"μ{tokens[at + 1].text.strip()}", at + 2))
    if kinds == ["command", "{"] and tokens[at].text == "frac":
        return _fraction(tokens, at + 1)
    if grouped and kinds[:1] == ["("]:
        inner = _run(tokens, at + 1)
        if inner is not None and inner.end < len(tokens) and tokens[inner.end].kind == ")":
            return _raised(tokens, _Found(f"({inner.text})", inner.end + 1))
    return None


def _fraction(tokens: Sequence[Token], at: int) -> _Found | None:
    parts: list[str] = []
    for _ in range(2):
        inner = _run(tokens, at + 1) if at < len(tokens) and tokens[at].kind == "{" else None
        if inner is None or inner.end >= len(tokens) or tokens[inner.end].kind != "}":
            return None
        parts.append(f"({inner.text})")
        at = inner.end + 1
    return _Found("/".join(parts), at)


def _is_word(token: Token) -> bool:
    return JOINER.fullmatch(token.text) is None and token.text not in _NO_UNIT


def _raised(tokens: Sequence[Token], found: _Found) -> _Found:
    """The name with the exponent that follows, if it is a whole number."""
    at = found.end
    if at < len(tokens) and tokens[at].kind == ".":
        return _Found(found.text, at + 1)
    if at >= len(tokens) or tokens[at].kind != "^":
        return found
    braced = at + 1 < len(tokens) and tokens[at + 1].kind == "{"
    at += 2 if braced else 1
    sign = "-" if at < len(tokens) and tokens[at].kind == "-" else ""
    at += len(sign)
    if at >= len(tokens) or not tokens[at].text.isdecimal():
        return found
    exponent = f"^{sign}{tokens[at].text}"
    at += 1
    if braced:
        if at >= len(tokens) or tokens[at].kind != "}":
            return found
        at += 1
    return _Found(found.text.rstrip() + exponent, at)
