r"""The text of an answer without what only looks: fonts, colours, spaces, delimiters, Markdown.

Guarantees: linear in the text's length; what stays means the same, in ASCII where it has a form in
ASCII. A dollar sign stays where it is money.
"""

import re

from rewards.math.notations import usual_notation
from rewards.math.tokens import NotMathError
from rewards.math.vocabulary import SUBSCRIPTS, SUPERSCRIPTS, UNICODE

TEXT_LIMIT = 4_000  # characters of an answer that are read at all

_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060-\u2064\ufeff\ufe0f]")
_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_UNUSUAL = re.compile("|".join(map(re.escape, UNICODE)))
_RAISED = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ⁿ]+")
_LOWERED = re.compile("[₀₁₂₃₄₅₆₇₈₉ₙ]+")
_LOOKS = re.compile(
    r"\\(?:left|right|middle|[bB]ig{1,2}[lrm]?|displaystyle|textstyle|scriptstyle"
    r"|scriptscriptstyle|limits|nolimits|rm|bf|it|sf|tt|em|bfseries|itshape|tiny|footnotesize"
    r"|small|normalsize|large|Large|LARGE|huge|Huge|hfill|noindent|centering|nonumber|notag"
    r"|mathstrut|strut|relax|allowbreak|nobreak)(?![a-zA-Z])\.?"
    r"|(?<!\\)\\[()\[\]]|(?<!\\)\$|\\[hv]?phantom\s*(?:\{[^{}]*\}|\S)"
    r"|\\(?:h|v|m)?space\*?\{[^{}]*\}|\\[!/]|\\(?:tag|label)\*?\s*\{[^{}]*\}"
    r"|\\(?:text)?color\s*(?:\[[^\]\[]*\])?\s*\{[^{}]*\}"
)
_BOXES = re.compile(
    r"\\(?:colorbox\s*\{[^{}]*\}|fcolorbox\s*\{[^{}]*\}\s*\{[^{}]*\}"
    r"|(?:uline|underbar|cancelto\{\}|framebox)(?=\s*\{))"
)
_SPACES = re.compile(
    r"\\(?:quad|qquad|enspace|space|(?:neg)?(?:thin|med|thick)space|newline|par)(?![a-zA-Z])"
    r"|(?<!\\)\\[,;:> \n]|~|\s+|&nbsp;"
)
_DOUBLED = re.compile(
    r"(?<!\\)\\\\(?=(?:d|t)?frac|sqrt|pi|left|right|cdot|text|boxed|infty|begin|end)"
)
_ASCII_RELATIONS = [("<=", r"\le "), (">=", r"\ge "), ("!=", r"\ne "), ("**", "^"), ("=<", r"\le ")]
_WORDED = re.compile(r"(?<=[\d)}])(or|and)(?=[\dA-Zx({\\-])")
_GROUPED = re.compile(
    r"(?<![\d.,])\d{1,3}(?:(?:\{,\}|\\[,;: ]|\\!|,\\!|,\s*\\!\s*|~)\s*\d{3})+(?!\d)"
)
_SWISS = re.compile(r"(?<![\d.,'])\d{1,3}(?:'\d{3})+(?![\d'])")
_DOTTED = re.compile(r"(?<![\d.,])\d{1,3}(?:\.\d{3}){2,}(?![\d.])")
_NON_DIGITS = re.compile(r"\D+")
_HOURS = re.compile(r"(?<!\d)(\d{1,2})\s*(?:\\text\s*\{\s*)?o'?\s?clock(?:\s*\})?", re.IGNORECASE)
_DEGREES = re.compile(
    r"\^\s*\{\s*\\(?:text)?degree\s*\}|\^?\s*\\(?:text)?degree(?![a-zA-Z])(?:\{\})?"
)
_CODES = re.compile(r"^(-?)\s*(USD|EUR|GBP|CNY|RMB|JPY|INR|RUB|CHF)\s*(?=\d)(.*)$", re.DOTALL)
_RUPEES = re.compile(
    r"(?:\\(?:text|mathrm|mbox|textrm)\s*\{\s*R[sS]\.?(?:\s|\\[ ,;:])*\}"
    r"|(?<![A-Za-z\\])(?:Rs\.?|RS(?:\.|(?=\s))))"
    r"(?:\s|~|\\[ ,;:])*(?=-?\.?\d)"
)
_RUPEES_ONLY = re.compile(
    r"(?<=\d)\s?/-(?=\s*(?:\Z|\\?[)\]}]|=|[$,.;:!?]+(?:\s|\Z)|(?:only|and|or|per|each)\b))"
)
"""What a price in rupees ends with, `Rs. 500/-`; no operand follows, as in `1/-√2`."""
_US = re.compile(r"(?<![A-Za-z])US\s?(?=\\?\$\s?\d)")
_BRACED_SIGN = re.compile(r"\{\s*([:=+<>-])\s*\}")
_CLOCK = re.compile(r"(?<=[\d\s{~])([apAP])\.\s?([mM])(?![a-zA-Z])\.?")
_SIGN = re.compile(r"(?<!\\)\$")
_PRICE = re.compile(r"(?<!\\)\$(?=\s?-?\s?\.?\d)")
_WRAPPERS = ("***", "**", "__", "```", "``", "`", "*", "_", '"')
_BOLD_START = re.compile(r"^\*\*([^*]+)\*\*(?=[\s.,;:)])")  # no power stands at the start
_QUOTED = re.compile(r"“([^“”]+)”|‘([^‘’]+)’|'([^']+)'|``([^`']+)''")
_STOPS = "。．｡।։۔"  # full stops of other scripts
_WRAPPED_LIMIT = 4  # wrappers inside one another


def clean(text: str) -> str:
    """`text` without what only looks, in ASCII where it can be.

    Raises:
        NotMathError: It is too long.
    """
    if len(text) > TEXT_LIMIT:
        raise NotMathError(f"longer than {TEXT_LIMIT} characters")
    text = usual_notation(_in_letters(unwrapped(text)))
    text = _without_looks(_with_whole_numbers(text))
    for plain, command in _ASCII_RELATIONS:
        text = text.replace(plain, command)
    if "." in text:
        text = _CLOCK.sub(r"\1\2", text)
    if "clock" in text:
        text = _HOURS.sub(r"\1:00", text)
    text = _SPACES.sub(" ", text)
    if "or" in text or "and" in text:
        text = _WORDED.sub(r" \1 ", text)
    return text.strip().rstrip("\\").strip().removesuffix(".").removesuffix(":").strip()


def _in_letters(text: str) -> str:
    """Money, degrees and Unicode as LaTeX in ASCII writes them."""
    if text.startswith("**"):
        text = _BOLD_START.sub(r"\1", text)
    if "Rs" in text or "RS" in text:
        text = _RUPEES.sub("₹", text)
    if "/-" in text:
        text = _RUPEES_ONLY.sub("", text)
    if "$" in text:
        text = _with_money(_US.sub("", text))
    elif text[:1].isalpha() or text[:1] == "-":
        text = _CODES.sub(r"\1\3 \\text{ \2}", text)
    if "degree" in text:
        text = _DEGREES.sub(r"^\\circ ", text)
    return text if text.isascii() else _in_ascii(text)


def _with_whole_numbers(text: str) -> str:
    """The text without what parts the digits of a number by threes."""
    if "\\" in text:
        text = _DOUBLED.sub(r"\\", text)
    if "\\" in text or "{,}" in text or "~" in text:
        text = _GROUPED.sub(lambda found: _NON_DIGITS.sub("", found.group()), text)
    if text.count(".") > 1:
        text = _DOTTED.sub(lambda found: found.group().replace(".", ""), text)
    if "'" in text:
        text = _SWISS.sub(lambda found: found.group().replace("'", ""), text)
    return text


def _without_looks(text: str) -> str:
    if "{" in text:
        text = _BRACED_SIGN.sub(r"\1", text)
    if "\\" in text or "$" in text:
        text = _LOOKS.sub("", _BOXES.sub("", text))
    return text


def unwrapped(text: str) -> str:
    """`text` without Markdown's marks around it, full stops in any script, and invisible marks."""
    if not text.isascii():
        text = _INVISIBLE.sub("", text)
    text = text.strip()
    if (quoted := _QUOTED.fullmatch(text)) is not None:
        text = next(filter(None, quoted.groups())).strip()
    for _ in range(_WRAPPED_LIMIT):
        bare = text.rstrip(f"{_STOPS} .;") if text[-1:] in _STOPS else text
        if bare[:1] not in {"*", "_", "`", '"'}:
            return bare
        bare = bare[:-1].rstrip() if bare.endswith(".") else bare
        mark = next((m for m in _WRAPPERS if _surrounds(bare, m)), None)
        if mark is None:
            return bare
        text = bare[len(mark) : -len(mark)].strip()
    return text


def _surrounds(text: str, mark: str) -> bool:
    inside = text[len(mark) : -len(mark)]
    return (
        len(text) > 2 * len(mark)
        and text.startswith(mark)
        and text.endswith(mark)
        and mark not in inside
        and not text.endswith("\\" + mark)
    )


def _in_ascii(text: str) -> str:
    text = text.translate(_FULL_WIDTH)
    text = _UNUSUAL.sub(lambda found: UNICODE[found.group()], text)
    text = _RAISED.sub(lambda found: "^{" + found.group().translate(SUPERSCRIPTS) + "}", text)
    return _LOWERED.sub(lambda found: "_{" + found.group().translate(SUBSCRIPTS) + "}", text)


def _with_money(text: str) -> str:
    """`$` as `\\$` where it is the sign in front of a price, and no delimiter of mathematics."""
    signs, prices = _SIGN.findall(text), _PRICE.findall(text)
    if not prices or text.count("$$"):
        return text
    if len(signs) == len(prices) and not text.rstrip().endswith("$") and _apart(text):
        return _PRICE.sub(r"\\$", text)
    if len(signs) % 2 == 0:
        return text
    first, last = text.index("$"), text.rindex("$")
    where = first if _PRICE.match(text, first) else last
    if not _PRICE.match(text, where):
        return text
    return f"{text[:where]}\\{text[where:]}"


def _apart(text: str) -> bool:
    """Whether what stands between dollar signs reads as prices: `$5 and $7`, not `$5$7`."""
    parts = [part.strip() for part in _SIGN.split(text)[1:]]
    return all(parts)
