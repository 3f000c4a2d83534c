"""What a text says, without how it is set: case, spacing, Unicode forms, LaTeX layout.

Guarantees: two settings of one text, such as `\\(\\dfrac{1}{2}\\)` and `$\\frac12$`, or `x ≤ 2` and
`X \\leq 2`, have the same plain text up to spaces; numbers, signs and operators stay, so that texts
which ask for something else keep apart. Time is linear in the length.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any, Final

_LAYOUT: Final = frozenset({
    "left", "right", "big", "bigl", "bigr", "bigg", "biggl", "biggr", "middle",
    "displaystyle", "textstyle", "scriptstyle", "limits", "nolimits", "quad", "qquad",
    "thinspace", "enspace", "hspace", "vspace", "space", "noindent", "par", "newline",
    "linebreak", "hfill", "hline", "cr", "nonumber", "centering", "phantom", "mathstrut",
    "strut", "text", "textbf", "textit", "textrm", "textsf", "texttt", "textnormal", "mathrm",
    "mathbf", "mathit", "mathsf", "mathtt", "mathnormal", "operatorname", "mbox", "hbox",
    "boldsymbol", "bm", "emph", "underline", "boldmath", "rm", "bf", "it",
})  # fmt: skip
"""Commands without a meaning of their own; what is in their braces stays."""
_SAME: Final[Mapping[str, str]] = {
    "dfrac": "frac", "tfrac": "frac", "cfrac": "frac", "dbinom": "binom", "tbinom": "binom",
    "cdot": "*", "times": "*", "ast": "*", "div": "/", "over": "/", "leq": "le", "leqslant": "le",
    "geq": "ge", "geqslant": "ge", "neq": "ne", "to": "rightarrow", "implies": "rightarrow",
    "ldots": "...", "dots": "...", "cdots": "...", "dotsc": "...", "dotsb": "...", "vert": "|",
    "lvert": "|", "rvert": "|", "mid": "|", "lbrace": "(", "rbrace": ")", "lbrack": "[",
    "rbrack": "]", "varepsilon": "epsilon", "varphi": "phi", "vartheta": "theta",
    "degree": "^circ", "land": "wedge", "lor": "vee", "lnot": "neg", "colon": ":",
    "emptyset": "varnothing", "lt": "<", "gt": ">", "backslash": "\\", "textdollar": " ",
    "overrightarrow": "vec", "widehat": "hat", "overline": "bar", "bmod": "mod", "pmod": "mod",
    "parallel": "|", "lfloor": "floor", "rfloor": "floor", "lceil": "ceil", "rceil": "ceil",
}  # fmt: skip
_SYMBOLS: Final[Mapping[str, str]] = {
    "≤": " le ", "≥": " ge ", "⩽": " le ", "⩾": " ge ", "≠": " ne ", "×": "*", "·": "*", "⋅": "*",
    "∙": "*", "∗": "*", "÷": "/", "∕": "/", "⁄": "/", "−": "-", "–": "-", "—": "-", "‐": "-",
    "‑": "-", "‒": "-", "―": "-", "±": " pm ", "√": " sqrt ", "∞": " infty ", "°": "^circ ",
    "∠": " angle ", "△": " triangle ", "⊥": " perp ", "∥": "|", "π": " pi ", "α": " alpha ",
    "β": " beta ", "γ": " gamma ", "δ": " delta ", "ε": " epsilon ", "ϵ": " epsilon ",
    "θ": " theta ", "λ": " lambda ", "μ": " mu ", "ρ": " rho ", "σ": " sigma ", "τ": " tau ",
    "φ": " phi ", "ϕ": " phi ", "ω": " omega ", "ψ": " psi ", "χ": " chi ", "ξ": " xi ",
    "ζ": " zeta ", "η": " eta ", "Δ": " delta ", "Σ": " sigma ", "Ω": " omega ", "∑": " sum ",
    "∏": " prod ", "∫": " int ", "∈": " in ", "∉": " notin ", "⊂": " subset ", "⊆": " subseteq ",
    "∪": " cup ", "∩": " cap ", "∅": " varnothing ", "→": " rightarrow ", "⇒": " rightarrow ",
    "≡": " equiv ", "≈": " approx ", "∼": " sim ", "≅": " cong ", "∀": " forall ",
    "∃": " exists ", "∂": " partial ", "∇": " nabla ", "…": "...", "⌊": " floor ",
    "⌋": " floor ", "⌈": " ceil ", "⌉": " ceil ", "‘": "'", "’": "'", "‚": "'", "“": '"',
    "”": '"', "„": '"', "«": '"', "»": '"', "′": "'", "″": "''", "。": ".", "、": ",", "\xad": "",
    "\u200b": "", "\u200c": "", "\u200d": "", "\u2060": "", "\ufeff": "",
}  # fmt: skip
_RAISED: Final = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹ⁿ⁺⁻", "0123456789n+-", strict=True))
_LOWERED: Final = dict(zip("₀₁₂₃₄₅₆₇₈₉", "0123456789", strict=True))
_SIGNS: Final = str.maketrans(dict(_SYMBOLS))
_RUN: Final = re.compile(f"([{''.join(_RAISED)}]+)|([{''.join(_LOWERED)}]+)")

_COMMAND: Final = re.compile(
    r"\\(?:begin|end)\s*\{[a-z]+\*?\}"  # an environment
    r"|\\([a-z]+)\*?"  # 1: a command
    r"|\\\\(?:\[[^\]\n]{0,20}\])?"  # the end of a line
    r"|\\([^a-z])"  # 2: a sign
)
_GROUPED: Final = re.compile(r"\\[,!;: ](?=\d{3}(?!\d))(?<=[\d,]..)")
_BARE_FRACTION: Final = re.compile(r"(\\[dtc]?frac)\s*+([0-9a-z])\s*+([0-9a-z])")
_PART: Final = r"\{((?:[^{}]|\{[^{}]{0,200}+\}){0,200}+)\}"
_FRACTION: Final = re.compile(rf"frac\s*+{_PART}\s*+{_PART}")
_SCRIPT: Final = re.compile(r"([\^_])\{\s*+([0-9a-z.]*+)\s*+\}")
_NESTED: Final = 4  # fractions within fractions that are read
_GROUP: Final = re.compile(r"\{\s*+([0-9a-z.]*+)\s*+\}")
_KEPT_SIGNS: Final = frozenset("%#_|")
_THOUSANDS: Final = re.compile(r",(?<=\d,)(?=\d{3}(?!\d))")
_ENDS: Final = " \n\t.?!:;,"
_APART: Final = re.compile(r"(\d)\s++(?=\d)")
_MARK: Final = r"\1_"


def plain(text: str) -> str:
    """The text in small letters without layout; words stay apart by spaces.

    A sign that LaTeX writes as a command is its name, without the backslash.
    """
    if not text.isascii():
        text = _RUN.sub(_script, text).translate(_SIGNS)
        text = unicodedata.normalize("NFKC", text).translate(_SIGNS)
    text = text.lower() if text.isascii() else text.casefold()
    text = text.replace("$", " ")
    if "\\" in text or "{" in text:
        text = _without_latex(text)
    if "," in text:
        text = _THOUSANDS.sub("", text)
    return text


def squeezed(plain_text: str) -> str:
    """A plain text without spaces, but between two numbers, and without what stands at its end."""
    if _APART.search(plain_text):
        plain_text = _APART.sub(_MARK, plain_text)
    return "".join(plain_text.split()).strip(_ENDS)


def asked(messages: Any, *, with_system: bool) -> str:
    """The texts of chat messages, a line each; parts that are not text are left out.

    Args:
        messages: as a record has them.
        with_system: whether the system's count: they do where they are part of the question.
    """
    return "\n".join(_texts(messages, with_system))


def _texts(messages: Any, with_system: bool) -> Iterator[str]:
    for message in messages:
        if message.get("role") == "system" and not with_system:
            continue
        content = message.get("content")
        if isinstance(content, str):
            yield content
        elif isinstance(content, list):
            for part in content:
                if isinstance(part, dict) and isinstance(part.get("text"), str):
                    yield part["text"]


def _script(match: re.Match[str]) -> str:
    """`x²` and `a₁` as `x^2` and `a_1`: as NFKC has them, they would be other numbers."""
    raised, lowered = match.groups()
    if raised:
        return "^" + "".join(_RAISED[one] for one in raised) + " "
    return "_" + "".join(_LOWERED[one] for one in lowered) + " "


def _fraction(match: re.Match[str]) -> str:
    """A fraction in a line; the parts keep together."""
    bare = (part.strip().strip("{}").strip() for part in match.groups())
    above, below = (
        part if part.isalnum() else f"({given})"
        for part, given in zip(bare, match.groups(), strict=True)
    )
    return f" {above}/{below} "


def _without_latex(text: str) -> str:
    """A text in small letters with commands and braces of LaTeX taken out."""
    text = text.replace("{,}", ",").replace("~", " ")
    text = _GROUPED.sub(",", text).replace(",,", ",")
    has_fractions = "frac" in text
    if has_fractions:
        text = _BARE_FRACTION.sub(r"\1{\2}{\3}", text)
    text = _COMMAND.sub(_command, text)
    if has_fractions:
        if "^{" in text or "_{" in text:
            text = _SCRIPT.sub(r"\1 \2 ", text)
        for _ in range(_NESTED):
            text, times = _FRACTION.subn(_fraction, text)
            if not times:
                break
    text = _GROUP.sub(r" \1 ", text)
    return text.replace("{", "(").replace("}", ")").replace("&", " ")


def _command(match: re.Match[str]) -> str:
    name, sign = match.groups()
    if name is not None:
        if name in _LAYOUT:
            return " "
        same = _SAME.get(name, name)
        return f" {same} " if same[0].isalpha() else same
    if sign is not None:
        return sign if sign in _KEPT_SIGNS else "(" if sign == "{" else ")" if sign == "}" else " "
    return " "
