r"""Rarer ways of writing, in the usual one: `{}_5C_2`, `0.(3)`, `1.2x10^3`, `\\forall x` behind.

Guarantees: linear in the text's length but for bounded repetitions.
"""

import re

_RARE = [
    (
        "\\",
        re.compile(r"^\s*\\(?:therefore|Rightarrow|Longrightarrow|implies)(?![a-zA-Z])\s*(?=\S)"),
        "",
    ),
    ("\\checkmark", re.compile(r"\\checkmark\s{0,20}$"), ""),
    ("{}", re.compile(r"(?<![\\a-zA-Z}\]])\{\}(?!\s*[{_^])"), ""),
    ("\\text", re.compile(r"\\text\s*\{\s*([€£¥])\s*\}"), r"\1"),
    (
        "mod",
        re.compile(r"\(\s*(?:\\(?:text|mathrm)\s*\{\s*mod\s*\}|mod)\s*(\d{1,20})\s*\)"),
        r"\\pmod{\1}",
    ),
    ("\\rm", re.compile(r"\{\s*\\rm(?![a-zA-Z])([^{}]*)\}"), r"\\mathrm{\1}"),
    ("n", re.compile(r"(?<=\d)(bn|bln|mln|trn)(?![a-zA-Z])"), r"\\text{ \1}"),
    (
        "\\",
        re.compile(r"\\(?:overset|stackrel)\s*\{[^{}]*\}\s*\{\s*(=|\\approx)\s*\}"),
        r"\1",
    ),
    ("\\cr", re.compile(r"\\cr(?![a-zA-Z])"), r"\\\\"),
    ("10", re.compile(r"(?<=\d)\s*[xX]\s*(?=10\s?\^)"), "*"),
    (
        "\\circ",
        re.compile(r"(\^\s*(?:\{\s*\\circ\s*\}|\\circ))\s*\\(?:mathrm|textrm)\s*\{\s*([CF])\s*\}"),
        r"\1 \2",
    ),
    (".", re.compile(r"^(-?\d{1,20}\.\d{0,20})\((\d{1,20})\)$"), r"\1\\overline{\2}"),
    (
        ".",
        re.compile(r"^(-?\d{1,20}\.\d{0,20}?)(\d)\2{2,40}(?:\.\.\.|\\l?dots)$"),
        r"\1\\overline{\2}",
    ),
]
"""What stands in every text of a way of writing, the way, and the usual one."""
_FOR_ALL = re.compile(
    r"[,;\s]{0,9}(?:\\forall|(?:\\text\s*\{\s*)?,?\s*for (?:all|every|any|each)"
    r"(?: real)?(?: numbers?)?\s*\}?)"
    r"\s*[a-z]\s*(?:\\in\s*\\(?:mathbb|mathbf|Bbb)\s*\{?\s*R\s*\}?)?\s*$"
)
_COMBINATIONS = re.compile(
    r"(?<![\w\\}^.])(?:\{\}\s*)?(?:(?:_\{?(\d{1,4})\}?|\^\{?(\d{1,4})\}?|(\d{1,4}))C_?\{?(\d{1,4})\}?"
    r"|C_\{?(\d{1,4})\}?\^\{?(\d{1,4})\}?|C\^\{?(\d{1,4})\}?_\{?(\d{1,4})\}?)(?!\w)"
)
"""The ways of writing 5 over 2: `{}_5C_2`, `^5C_2`, `5C2`, `C_5^2`, `C^2_5`."""


def usual_notation(text: str) -> str:
    """`text` with rarer ways of writing in the usual one."""
    for mark, way, usual in _RARE:
        if mark in text:
            text = way.sub(usual, text)
    if "=" in text:
        text = _FOR_ALL.sub("", text)
    return _COMBINATIONS.sub(_as_binomial, text) if "C" in text else text


def _as_binomial(found: re.Match[str]) -> str:
    numbers = sorted(int(part) for part in found.groups() if part)
    return f"\\binom{{{numbers[1]}}}{{{numbers[0]}}}"
