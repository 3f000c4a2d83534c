"""The words of mathematical answers: commands, functions, letters, and what each stands for."""

import re


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


UNICODE = {
    "−": "-", "–": "-", "—": "-", "×": "*", "·": "*", "⋅": "*", "∙": "*", "÷": "/", "⁄": "/",
    "≤": r"\le ", "⩽": r"\le ", "≥": r"\ge ", "⩾": r"\ge ", "≠": r"\ne ", "≈": r"\approx ",
    "∈": r"\in ", "∪": r"\cup ", "∩": r"\cap ", "∖": r"\setminus ", "∅": r"\emptyset ",
    "∞": r"\infty ", "π": r"\pi ", "√": r"\sqrt ", "∛": r"\sqrt[3]", "±": r"\pm ", "∓": r"\mp ",
    "°": r"^\circ ", "º": r"^\circ ", "′": "'", "’": "'", "ℝ": r"\mathbb{R}", "ℤ": r"\mathbb{Z}",
    "ℕ": r"\mathbb{N}", "ℚ": r"\mathbb{Q}", "ℂ": r"\mathbb{C}", "θ": r"\theta ", "α": r"\alpha ",
    "β": r"\beta ", "γ": r"\gamma ", "δ": r"\delta ", "λ": r"\lambda ", "μ": r"\mu ", "φ": r"\phi ",
    "ω": r"\omega ", "σ": r"\sigma ", "ε": r"\epsilon ", "ρ": r"\rho ", "τ": r"\tau ",
    "½": r"\frac{1}{2}", "⅓": r"\frac{1}{3}", "⅔": r"\frac{2}{3}", "¼": r"\frac{1}{4}",
    "¾": r"\frac{3}{4}", "⅛": r"\frac{1}{8}", "⟨": r"\langle ", "⟩": r"\rangle ",
    "⌊": r"\lfloor ", "⌋": r"\rfloor ", "⌈": r"\lceil ", "⌉": r"\rceil ", "µ": r"\mu ",
    "“": '"', "”": '"', "、": ",", "\u00a0": " ", "\u3000": " ", "\u2002": " ", "\u2003": " ",
    "\u2004": " ", "\u2005": " ", "\u2006": " ", "\u2007": " ", "\u2008": " ", "\u2009": " ",
    "\u200a": " ", "\u202f": " ", "\u205f": " ", "℃": r"\text{degC}", "℉": r"\text{degF}",
    "⅕": r"\frac{1}{5}", "⅖": r"\frac{2}{5}", "⅗": r"\frac{3}{5}",
    "⅘": r"\frac{4}{5}", "⅙": r"\frac{1}{6}", "⅚": r"\frac{5}{6}", "⅜": r"\frac{3}{8}",
    "⅝": r"\frac{5}{8}", "⅞": r"\frac{7}{8}", "⅐": r"\frac{1}{7}", "⅑": r"\frac{1}{9}",
    "⅒": r"\frac{1}{10}", "∑": r"\sum ", "∏": r"\prod ", "∫": r"\int ", "∣": "|", "‖": r"\|",
    "∤": r"\nmid ", "⊂": r"\subset ", "⊆": r"\subseteq ", "→": r"\to ", "⇒": r"\implies ",
    "∧": r"\land ", "∨": r"\lor ", "∶": ":", "△": r"\triangle ", "∠": r"\angle ", "ℓ": r"\ell ",
    "κ": r"\kappa ", "η": r"\eta ", "ξ": r"\xi ", "ψ": r"\psi ", "χ": r"\chi ", "ν": r"\nu ",
    "Δ": r"\Delta ", "Ω": r"\Omega ", "Σ": r"\Sigma ", "Φ": r"\Phi ", "Γ": r"\Gamma ",
    "≡": r"\equiv ", "﹣": "-", "‐": "-", "‑": "-", "‒": "-", "″": "''",
}  # fmt: skip
SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ⁿ", "0123456789-+n")
SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉ₙ", "0123456789n")
SYNONYMS = {
    "dfrac": "frac", "tfrac": "frac", "cfrac": "frac", "dbinom": "binom", "tbinom": "binom",
    "leq": "le", "leqslant": "le", "leqq": "le", "geq": "ge", "geqslant": "ge", "geqq": "ge",
    "lt": "<", "gt": ">", "neq": "ne", "not=": "ne", "times": "*", "cdot": "*", "ast": "*",
    "div": "/", "colon": ":", "lbrace": "{", "rbrace": "}", "lvert": "|", "rvert": "|",
    "vert": "|", "lVert": "|", "rVert": "|", "Vert": "|", "|": "|", "mid": "|", "degree": "circ",
    "varnothing": "emptyset", "backslash": "setminus", "land": "and", "lor": "or",
    "wedge": "and", "vee": "or", "simeq": "approx", "doteq": "=", "coloneqq": "=", "equiv": "=",
    "varepsilon": "epsilon", "varphi": "phi", "vartheta": "theta", "lbrack": "[", "rbrack": "]",
    "lang": "langle", "rang": "rangle", "infin": "infty", "dots": "ldots", "cdots": "ldots",
    "dotsc": "ldots", "fbox": "boxed", "framebox": "boxed", "lg": "lg", "arctg": "arctan",
    "tg": "tan", "ctg": "cot", "sh": "sinh", "ch": "cosh", "textdollar": "$", "pounds": "£",
    "euro": "€", "texteuro": "€", "textsterling": "£", "yen": "¥", "textyen": "¥",
    "textcent": "¢", "cent": "¢", "permil": "‰", "perthousand": "‰", "textdegree": "circ",
    "cosec": "csc", "Bbb": "mathbb",
}  # fmt: skip
"""Commands that mean the same; a target that is no letters is a character."""
WORD_COMMANDS = _set(
    "text textbf textit textrm textnormal texttt textsf textsc textmd textup textsl mbox emph hbox"
)
FONT_COMMANDS = _set(
    "mathrm mathit mathbf mathsf mathtt mathnormal operatorname bold boldsymbol bm pmb mathcal "
    "mathscr mathfrak"
)
FUNCTIONS = _set(
    "sin cos tan cot sec csc arcsin arccos arctan arccot arcsec arccsc sinh cosh tanh coth asin "
    "acos atan ln log lg exp sqrt abs floor ceil gcd lcm max min det arg sgn cbrt"
)
CONSTANTS = {"imath": "i", "pi": "pi", "infty": "inf", "inf": "inf", "infinity": "inf", "oo": "inf"}
GREEK_WORDS = _set("alpha beta gamma delta theta lambda sigma omega epsilon phi")
SHORT_WORDS = _set(
    "the day men all odd yes not and or no one two six ten are has for if is of to in at per than "
    "when none even true cm mm km kg mg lb lbs oz ft in yd mi hr hrs min mins sec secs mph mL ml "
    "dL cc sq ppm rpm cents cent pct inch feet foot mile hour day week year unit deg rad"
)
SMALL_WORDS = _set(
    "red men man boy dog cat car cup bag box pen egg hat pie toy bus way set cow pig kid job mat "
    "ant bee fox key map pan pot row tie ice oil old new big fat wet dry low hot hen owl jar jug "
    "can tin bar bed leg arm eye ear lot bit nut fan fly cap cab van log run win hit try put ate "
    "per a an di de del and for out off up down left right north south east west am pm AM PM to "
    "in is or not"
)
"""Words of two or three letters that may stand behind a value."""
SIGNS_BEFORE = frozenset("$€£¥₽₹₩₪")
SIGNS_BEHIND = frozenset("%‰¢")
VALUE_ENDS = frozenset(("number", "}", ")", "]", "|", "!", "%", "$", "\\}"))
"""Kinds of tokens at which a value may end."""
JOINER = re.compile(r"\W*(and|or|和|或|或者|и|или|oppure)\W*", re.IGNORECASE)
JOINERS = {"和": "and", "и": "and", "或": "or", "或者": "or", "или": "or", "oppure": "or"}
ANYTHING = "_"
"""The name of the variable that a text left out."""
RELATIONS = {"=": "=", "<": "<", ">": ">", "le": "≤", "ge": "≥", "ne": "≠", "approx": "≈",
             "in": "∈", "ll": "<", "gg": ">", "sim": "≈", "cong": "="}  # fmt: skip
SET_OPERATIONS = {"cup": "union", "cap": "intersection", "setminus": "difference"}
DECORATIONS = _set(
    "overline vec hat bar tilde overrightarrow overleftrightarrow widehat widetilde underline "
    "boxed ensuremath mathop mathord mathbin mathrel smash mathclap dot"
)
GREEK = _set(
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi rho sigma tau "
    "upsilon phi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega ell "
    "triangle hbar nabla ldots aleph square"
)
FUNCTION_LETTERS = frozenset("fghFGH")
INVERTIBLE = _set("sin cos tan cot sec csc")
NUMBER_SETS = {"R": "R", "Z": "Z", "N": "N", "Q": "Q", "C": "C"}
NUMBER_SET_NAMES = dict.fromkeys(
    _set("Z_>0 Z_+ Z^+_* Z_+^* Z^*_+ Z_ge1 N^* N_+ N^+ N_>0 N_ge1 N_1"), "Z^+"
) | dict.fromkeys(_set("Z_ge0 Z_0^+ Z^+_0 N_0 N_ge0"), "N_0")
"""Names of one set of integers."""
PAIRS = {"lfloor": ("rfloor", "floor"), "lceil": ("rceil", "ceil"), "langle": ("rangle", "")}
MATRICES = _set("matrix pmatrix bmatrix vmatrix Bmatrix Vmatrix smallmatrix array")
NO_FACTOR = _set("pm mp rfloor rceil rangle end pmod mod bmod choose over hline")
LISTS = _set(
    "cases aligned alignedat align align* gathered gather gather* split equation equation* "
    "multline multline* flalign flalign* eqnarray eqnarray* displaymath math"
)
FILLERS = _set(
    "about approximately exactly roughly around the answer is final thus therefore so hence we get "
    "have value equals equal to only just a an are be of solution solutions area length"
)
SAYING_NOTHING = _set(
    "total altogether all exactly only different distinct possible remaining remain remains such "
    "whole in on at to for by each per of a an the that there left на к"
)
"""Words beside a noun that do not tell it from another."""
BASES = {
    "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8",
    "nine": "9", "ten": "10", "twelve": "12", "sixteen": "16",
}  # fmt: skip
FUNCTION_ALIASES = {
    "asin": "arcsin",
    "acos": "arccos",
    "atan": "arctan",
    "ln": "log",
    "lg": "log10",
}
NUMBER_WORDS = {
    word: number
    for number, word in enumerate(
        ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
         "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
         "nineteen", "twenty")
    )
}  # fmt: skip
NOTHING = frozenset(
    ("no solution", "no solutions", "none", "empty set", "no real solution", "no real solutions",
     "the empty set", "there is no solution", "there are no solutions", "no such number exists")
)  # fmt: skip
