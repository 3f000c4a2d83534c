r"""Lines that are set under one another: `\begin{aligned} x &= 20+21 \\ &= 41 \end{aligned}`.

Guarantees: one pass; outside of an environment that aligns, and in `cases`, tokens stay as they
are.
"""

from collections.abc import Sequence

from rewards.math.tokens import Token
from rewards.math.vocabulary import LISTS, RELATIONS

_ALIGNING = LISTS - {"cases"}


def unaligned(tokens: Sequence[Token]) -> list[Token]:
    """The tokens without `&`, and without a break before a line that goes on with a relation."""
    if not any(token.text == "begin" for token in tokens):
        return list(tokens)
    kept: list[Token] = []
    open_environments: list[bool] = []
    for i, token in enumerate(tokens):
        if token.kind == "command" and token.text == "begin":
            open_environments.append(_name(tokens, i + 1) in _ALIGNING)
        elif token.kind == "command" and token.text == "end" and open_environments:
            open_environments.pop()
        aligning = bool(open_environments) and open_environments[-1]
        goes_on = token.kind == "\\" and _goes_on(tokens, i + 1)
        if aligning and (token.kind == "&" or goes_on):
            continue
        kept.append(token)
    return kept


def _name(tokens: Sequence[Token], at: int) -> str:
    """The letters in the braces, at most as many as a name has."""
    letters: list[str] = []
    for token in tokens[at + 1 : at + 12]:
        if token.kind == "}":
            break
        letters.append(token.text)
    return "".join(letters)


def _goes_on(tokens: Sequence[Token], at: int) -> bool:
    """Whether the next line begins with a relation."""
    for token in tokens[at : at + 3]:
        if token.kind == "&":
            continue
        return token.kind in {"=", "<", ">"} or (
            token.kind == "command" and token.text in RELATIONS
        )
    return False
