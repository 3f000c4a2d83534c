r"""An answer in other words, and answers that nearly are it.

    72              72.0, \frac{144}{2}, ...         73, -72, 720
    (3, \pi)        \left(3, \pi\right), ...         (4, \pi), (\pi, 3), ...
    C) 12           C, 12                            D, 13, C) 13

Guarantees: pure; what `rewritings` gives is the same answer, what `near_misses` gives is another
one. Both are made from the text, and by the parser's nodes only told apart by kind.
"""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

from rewards.math.identities import expression, value_of
from rewards.math.nodes import (
    Call,
    Constant,
    Items,
    Node,
    Number,
    Quantity,
    Symbol,
    Words,
)
from rewards.math.reading import read
from rewards.math.values import same_value

NEAR_MISSES: Final = 3
_WHOLE: Final = re.compile(r"-?\d{1,15}")
_DECIMAL: Final = re.compile(r"-?\d{0,15}\.\d{1,15}")
_GROUPED: Final = re.compile(r"-?\d{1,3}(?:,\d{3})+")
_DIGITS: Final = re.compile(r"(?<![\\a-zA-Z\d])\d{1,18}(?!\d)")
_NAMED: Final = re.compile(r"[A-Za-z]\(\d+\)\s*=")
"""What is only a name: for `f(1) = 2` a matcher may take `f(3) = 2`, or 2."""
_LETTER: Final = re.compile(r"\(?([A-J])\)?|\\text\{\(?([A-J])\)?\}")
_FRACTION: Final = re.compile(r"\\frac(?=\s*\{)")
_FREE: Final = re.compile(r"\\[pm][mp](?![a-z])|±|\+\s*(?:\\text\{)?[CcKkС](?![a-zA-Z_])")
"""Both signs, or a constant of integration: the negative, or one more, is the same."""
_UNRELATED: Final = ("17", "-23", "37", "-41")
_VALUES: Final = (Number, Call, Constant, Symbol)


def rewritings(gold: str) -> tuple[str, ...]:
    """The same answer, written otherwise."""
    gold = _core(gold)
    if _WHOLE.fullmatch(gold):
        return f"{gold}.0", f"\\frac{{{2 * int(gold)}}}{{2}}"
    if _GROUPED.fullmatch(gold):
        plain = gold.replace(",", "")
        return plain, gold.replace(",", "{,}"), f"{plain}.0"
    forms = [f"\\boxed{{{gold}}}"]
    if "$" not in gold and "\\begin" not in gold:
        forms.append(f"${gold}$")
    if "\\frac" in gold:
        forms.append(_FRACTION.sub(r"\\dfrac", gold))
    if gold.startswith("(") and gold.endswith(")") and "\n" not in gold:
        forms.append(f"\\left{gold[:-1]}\\right)")
    node = _node(gold)
    if _DECIMAL.fullmatch(gold):
        forms.append(f"{gold}0")
    elif isinstance(node, Call) and expression(node, node):  # of sets there is no negative
        forms.append(f"-(-({gold}))")
    return tuple(forms)


def near_misses(gold: str) -> tuple[str, ...]:
    """Other answers, near to this one, as many as `NEAR_MISSES`; fewer where none can be made."""
    gold = _core(gold)
    if _WHOLE.fullmatch(gold):
        value = int(gold)
        return str(value + 1), str(-value if value else -1), str(10 * value if value else 10)
    letter = _LETTER.fullmatch(gold)
    if letter is not None:
        made = _other_letters(next(filter(None, letter.groups())))
    else:
        made = _others(gold)
    return tuple(islice(_distinct(made, gold), NEAR_MISSES))


def _distinct(made: Iterator[str], gold: str) -> Iterator[str]:
    """Each text once, without the gold; no more are made than are taken."""
    seen = {gold}
    for other in made:
        if other not in seen:
            seen.add(other)
            yield other


def _core(gold: str) -> str:
    """The answer without the dollars around it and the full stop behind them."""
    core = gold.strip().rstrip(". ")
    if core.startswith("$") and core.endswith("$") and core.count("$") == 2:
        return core[1:-1].strip()
    return core or gold


def _others(gold: str) -> Iterator[str]:
    node = _node(gold)
    if node is None or isinstance(node, Words) or _is_words(node):
        yield from _other_words(gold)
        return
    value = value_of(node)
    for other in _other_values(node, gold):
        changed = None if value is None else value_of(_node(other) or node)
        if changed is None or not same_value(changed, value):
            yield other


def _other_values(node: Node, gold: str) -> Iterator[str]:
    """Texts with other values, if zero, infinity or the like does not make them the same."""
    yield from _counted_on(gold)
    if isinstance(node, Items) and len(node.items) > 1:
        yield from _fewer(node, gold)
    if isinstance(node, _VALUES) and not _FREE.search(gold):
        yield f"-({gold})"
        yield f"({gold})+1"
        yield f"2({gold})+1"
    if isinstance(node, Quantity) and gold[0].isdigit():
        yield f"-{gold}"
    yield from (other for other in _UNRELATED if other[-2:] not in gold)


def _node(gold: str) -> Node | None:
    readings = read(gold).readings
    return readings[0] if readings else None


def _is_words(node: Node) -> bool:
    return isinstance(node, Items) and all(isinstance(one, Words) for one in node.items)


def _counted_on(gold: str) -> Iterator[str]:
    """The text with its last, then its first number one higher."""
    labels = [label.end() for label in _NAMED.finditer(gold)]
    found = [one for one in _DIGITS.finditer(gold) if one.end() > max(labels, default=0)]
    found = found or list(_DIGITS.finditer(gold))
    for digits in (found[-1:] + found[:1])[: 1 if len(found) == 1 else 2]:
        more = str(int(digits.group()) + 1).zfill(len(digits.group()))
        yield gold[: digits.start()] + more + gold[digits.end() :]


def _fewer(node: Items, gold: str) -> Iterator[str]:
    """A bare pair without its second item, which is none where it says what a letter is."""
    cut = max(gold.rfind(","), gold.rfind(";"))
    first, rest = gold[: max(cut, 0)], gold[max(cut, 0) :]
    is_pair = len(node.items) == 2 and not node.left and "\\in" not in rest
    if is_pair and first and first.count("{") == first.count("}"):
        yield first


def _other_letters(letter: str) -> Iterator[str]:
    yield from (other for other in "ABCD" if other != letter)


def _other_words(gold: str) -> Iterator[str]:
    yield from _counted_on(gold)
    yield f"not {gold}"
    yield f"{gold} or none"
    yield from _UNRELATED
