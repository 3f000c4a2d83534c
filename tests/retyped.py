"""The same text as somebody else would have typed it: case, spacing, LaTeX and Unicode forms."""

import random
import re

_FORMS: dict[str, tuple[str, ...]] = {
    r"(?<!\d)\\[dt]?frac\{(\w+)\}\{(\w+)\}": (
        r"\\frac{\1}{\2}", r"\\dfrac{\1}{\2}", r"\\tfrac{ \1 }{ \2 }", r"\1/\2", r"\1 / \2",
    ),
    r"\\(?:cdot|times)(?![a-z]) ?": (r"\\times ", r"\\cdot ", "×", " * "),
    r"\\leq? ": (r"\\leq ", r"\\le ", "≤", r" \\leqslant "),
    r"\\pi\b": (r"\\pi", "π", r"{\\pi}"),
    r"\\sqrt\{(\w+)\}": (r"\\sqrt{\1}", r"\\sqrt{ \1 }", r"√\1"),
    r"\^\{2\}|\^2(?![\d}])": ("^2", "^{2}", "²", "^{ 2 }"),
    r"\\angle ": (r"\\angle ", "∠", r"\\angle{}"),
    r"\^\\circ": (r"^\\circ", r"^{\\circ}", "°"),
    r"\\left\(|\(": (r"\\left(", "(", r"\\bigl("),
    r"\\right\)|\)": (r"\\right)", ")", r"\\bigr)"),
    r"(?<=\d),(?=\d{3})": (",", "{,}", r"\\,", ",\\\\!", ""),
    r"(?<=\w)'(?=\w)": ("'", "’"),
    " - ": (" - ", " − ", " – "),
}  # fmt: skip
_DELIMITERS = [("$", "$"), (r"\(", r"\)"), ("$$", "$$"), (r"\[", r"\]"), ("", "")]


def retyped(text: str, draw: random.Random) -> str:
    """Another setting of a text, by chance."""
    text = draw.choice([str.lower, str, _upper])(text)
    for pattern, forms in _FORMS.items():
        text = re.sub(pattern, lambda match, forms=forms: match.expand(draw.choice(forms)), text)
    opening, closing = draw.choice(_DELIMITERS)
    if r"\$" not in text and "$$" not in text:
        text = re.sub(r"\$([^$]+)\$", lambda match: f"{opening}{match[1]}{closing}", text)
    text = re.sub(" ", lambda _: draw.choice([" ", " ", "  ", "\n", "\u00a0", "\t"]), text)
    return draw.choice(["", " ", "\n"]) + text + draw.choice(["", " ", "\n\n"])


def _upper(text: str) -> str:
    """In capitals, but for commands of LaTeX, as they have one spelling."""
    return re.sub(
        r"\\[A-Za-z]+|[^\\]+|\\", lambda m: m[0] if m[0][0] == "\\" else m[0].upper(), text
    )
