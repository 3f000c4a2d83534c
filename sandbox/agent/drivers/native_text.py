"""What the text of C and C++ says, and the compiler's account of it, without a whole parser.

The lines that are read here are preprocessed: no macro is left in them.
"""

import re
from collections.abc import Collection

from .native_tools import WORD

MOST_NESTED = 20  # templates within templates
_TYPE = re.compile(
    r"\b(?:class|struct|union|enum(?:\s+(?:class|struct))?)\s+(\w+)\s*(?:final\s*)?"
    r"(?:<[^{};]*>\s*)?[{:]|\}\s*(\w+)\s*;"
)
_CLASS_HEAD = re.compile(r"\b(?:class|struct|union)\b[^()=]*$")
_MARK = re.compile(
    r"""R"(\w*)\(.*?\)\1"|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)+'|[{};]""", re.DOTALL
)
_LIBRARY = re.compile(r"\bnamespace\s+(?:std|__gnu_cxx)\b[^{;]*$")
_SPECIAL = re.compile(r"\btemplate\s*<\s*>[^;{]*\bstd\b")
_EXPECTED = re.compile(r"\b(?:hash|formatter|tuple_size|tuple_element|numeric_limits)\b|^\s*;")
_COMPARISON = re.compile(
    r"\boperator\s*(?:==|!=|<=>|<=?|>=?)\s*(?:<[^;{}()]*>)?\s*\(([^;{}]*?)\)\s*"
    r"(?:const\b|noexcept\b|[{;=])"
)
_C_TYPE = re.compile(r"typedef\b[^=]*|(?:struct|union|enum)\s*\w*\s*(?:\{.*\})?\s*;", re.DOTALL)
_ALIAS = re.compile(r"typedef\b[^{}=]*;|using\s+\w+\s*=[^{}]*;")
_FUNCTION = re.compile(r"^;; Function (.*) \(null\)$", re.MULTILINE)
# An operator that is called, and what stands before its `::`, arguments of templates taken out.
_OPERATOR = re.compile(
    r"(?:(\w+|[^\w\s])::)?(operator(?! *(?:new|delete)\b)(?:[^\w\s(]+|\(\)| \w+))"
)
_BEFORE_VALUES = ("return", "new", "throw", "else", "case", "const", "typename", "struct", "class")


def types_of(unit: str, language: str) -> str:
    """Declarations of types among a program's own lines that a test may have too.

    In C all of them, for they have no functions; in C++ further names of other types.
    """
    wanted = _ALIAS if language == "cpp" else _C_TYPE
    statements = (one.strip() for one in _statements(re.sub(r"(?m)^#.*$", "", unit)))
    return "\n".join(one for one in statements if wanted.fullmatch(one) and "asm" not in one)


def type_names(unit: str) -> list[str]:
    """The names of the types that a program declares."""
    return sorted({one or other for one, other in _TYPE.findall(unit)})


def bent(unit: str, own: Collection[str]) -> list[str]:
    """What a C++ program redefines of the library for types that are not its own: the heads."""
    text = re.sub(r"(?m)^#.*$", "", unit)
    found: list[str] = []
    heads: list[str] = []
    start = 0
    for mark in _MARK.finditer(text):
        if mark[0] not in "{};":
            continue
        piece, start = text[start : mark.end()], mark.end()
        around = heads[-1] if heads else ""
        mentions = mentions_any(piece, own)
        in_library = _LIBRARY.search(around) or _SPECIAL.search(piece)
        if in_library and mark[0] != "}" and not mentions and not _EXPECTED.search(piece):
            found.append(" ".join(piece.split()))
        if not _CLASS_HEAD.search(around):
            foreign = (one for one in _COMPARISON.finditer(piece) if not mentions_any(one[1], own))
            found += [" ".join(one[0].split()) for one in foreign]
        if mark[0] == "{":
            heads.append(piece[:-1])
        elif mark[0] == "}" and heads:
            heads.pop()
    return found


def names_type(test: str, name: str) -> bool:
    """Whether a test names a type: as a type, and not as a variable or a function."""
    ahead = r"(?<![\w.:>])" if not name[0].isupper() else r"(?<![\w.])"
    is_type = [
        rf"{ahead}{name}\b\s*(?:[*&]+\s*)?[A-Za-z_]",
        rf"{ahead}{name}\b\s*(?:\{{|::|<)",
        rf"<\s*{name}\b\s*[*&>,]|,\s*{name}\b\s*[*&]*\s*>",
    ]
    if name[0].isupper():
        is_type.append(rf"{ahead}{name}\b\s*\(")
    words = "|".join(_BEFORE_VALUES)
    is_variable = rf"(?:(?!(?:{words})\b)\b\w+|[>*&])\s+[*&]*{name}\b\s*[;=,)\[]"
    return not re.search(is_variable, test) and any(re.search(one, test) for one in is_type)


def foreign_operator(
    dump: str, functions: Collection[str], own: Collection[str], named: Collection[str], unit: str
) -> str:
    """An operator of a program's type that a test calls without naming the type; empty: none.

    Args:
        dump: The compiler's own account of all functions (-fdump-tree-original).
        functions: The names of those that are the test's.
        own: The program's types.
        named: Those of them that the test names.
        unit: The program's own lines.
    """
    bodies = _bodies(dump)
    heads = [head for head, _ in bodies]
    # Where operators stand outside of classes: in none, in its own, or in one without a name.
    spaces = {"", "}", ")", ">", *re.findall(r"\bnamespace\s+(\w+)", unit)} - {"std"}
    of_test = re.compile(rf"\b(?:{'|'.join(functions) or 'main'})\(")
    for head, body in bodies:
        for owner, operator in _OPERATOR.findall(body) if of_test.search(head) else ():
            if owner in own and owner not in named:
                return f"{owner}::{operator}"
            if owner in spaces and not _is_of(operator, heads, named):
                return str(operator)
    return ""


def _statements(text: str) -> list[str]:
    """What stands outside of braces, cut at semicolons and at the ends of functions."""
    found, start, depth = [], 0, 0
    for mark in _MARK.finditer(text):
        if mark[0] == "{":
            depth += 1
        elif mark[0] == "}":
            depth = max(0, depth - 1)
            head = text[start : mark.end()].partition("{")[0]
            if depth == 0 and head.rstrip().endswith(")"):  # a function
                start = mark.end()
        elif mark[0] == ";" and depth == 0:
            found.append(text[start : mark.end()])
            start = mark.end()
    return found


def _is_of(operator: str, heads: list[str], named: Collection[str]) -> bool:
    """Whether an operator outside of classes is of types that are named."""
    own = [
        head
        for head in heads
        if f"{operator}(" in head and not re.search(rf"\bstd::[^(]*{re.escape(operator)}\(", head)
    ]
    return bool(own) and all(mentions_any(head, named) for head in own)


def mentions_any(text: str, names: Collection[str]) -> bool:
    """Whether one of these words is in a text."""
    return not set(WORD.findall(text)).isdisjoint(names)


def _bodies(dump: str) -> list[tuple[str, str]]:
    """Head and body of each function of a dump, arguments of templates taken out of the body."""
    parts = _FUNCTION.split(dump)[1:]
    pairs = zip(parts[::2], parts[1::2], strict=True)
    return [(head, _without_arguments(body)) for head, body in pairs]


def _without_arguments(body: str) -> str:
    """A body without what stands between `<` and `>` behind a name, from the inside out."""
    body = re.sub(r'"(?:[^"\\\n]|\\.)*"', '""', body)
    body = re.sub(r"<lambda\([^\n]*?\)>", "lambda", body)
    for _ in range(MOST_NESTED):
        shorter = re.sub(r"(?<=\w)<[^<>;{}]*>", "", body)
        if shorter == body:
            break
        body = shorter
    return body
