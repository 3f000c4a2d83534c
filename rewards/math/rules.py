"""When two answers are the same: one rule a function, tried in the order of `RULES`.

A rule gets the prediction's node and the reference's. It returns True (the same, by this rule),
False (different, and no later rule may say otherwise) or None (this rule does not apply). The name
of the rule that decided is the verdict's reason. Each docstring shows what the rule accepts (=) and
what it refuses (/=), prediction first.
"""

import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from rewards.math import regions
from rewards.math.identities import expression, proportional, value_of
from rewards.math.nodes import (
    Based,
    Call,
    Constant,
    Items,
    Matrix,
    Node,
    Number,
    Quantity,
    Relation,
    Symbol,
    Words,
    children,
)
from rewards.math.numbers import decimal, number
from rewards.math.units import Unit, find_unit
from rewards.math.values import same_value
from rewards.math.vocabulary import NOTHING, NUMBER_WORDS

Rule = Callable[[Node, Node], bool | None]
LONGEST_LIST = 60  # answers in a list whose order does not matter
PLUS_MINUS = frozenset(("pm", "mp"))
_PUNCTUATION = re.compile(r"[^\w%+-]+")


def same(prediction: Node, reference: Node) -> tuple[bool, str]:
    """Whether two nodes are the same answer, and the name of the rule that says so."""
    for rule in RULES:
        outcome = rule(prediction, reference)
        if outcome is not None:
            return outcome, rule.__name__
    return False, "no rule"


def _same(prediction: Node, reference: Node) -> bool:
    return same(prediction, reference)[0]


def identical(prediction: Node, reference: Node) -> bool | None:
    """The same structure: `\\dfrac{1}{2}` = `\\frac12`."""
    return True if prediction == reference else None


def words(prediction: Node, reference: Node) -> bool | None:
    """Answers in words, whatever their case: `\\text{Even}` = `even`, `two` = `2`, `C` = `(c)`."""
    if not (isinstance(prediction, Words) or isinstance(reference, Words)):
        return None
    left, right = _in_words(prediction), _in_words(reference)
    if left is None or right is None:
        return None
    if left == right or {left, right} <= NOTHING:
        return True
    numbers = NUMBER_WORDS.get(left), NUMBER_WORDS.get(right)
    if numbers != (None, None):
        return _word_number(prediction, left) == _word_number(reference, right)
    return None if regions.ALL_REALS & {left, right} else False


def _in_words(node: Node) -> str | None:
    if isinstance(node, Words):
        return _PUNCTUATION.sub(" ", node.text).strip().lower()
    if isinstance(node, Symbol | Constant):
        return node.name.lower()
    if isinstance(node, Number):
        return str(node.value)
    if node == Items((), "{", "}"):
        return "none"
    if not (isinstance(node, Call) and node.name == "mul"):
        return None
    parts = [_in_words(argument) for argument in node.arguments]
    return "".join(part for part in parts if part) if all(parts) else None


def _word_number(node: Node, word: str) -> Fraction | None:
    if isinstance(node, Number):
        return node.value
    found = NUMBER_WORDS.get(word)
    return None if found is None else Fraction(found)


def based(prediction: Node, reference: Node) -> bool | None:
    """Digits in a base: `204` = `204_5`; `204_5` /= `204`; `2112_6` /= `2112_7`."""
    if isinstance(prediction, Based) and isinstance(reference, Based):
        return prediction == reference
    if isinstance(prediction, Based):
        return prediction.base == 10 and _same(Number(Fraction(prediction.digits)), reference)
    if isinstance(reference, Based):
        return isinstance(prediction, Number) and str(prediction.value) == reference.digits
    return None


def measured(prediction: Node, reference: Node) -> bool | None:
    """Units, percent and money: `5\\text{ cm}` = `5`, `28\\%` = `28` = `0.28`; `5 cm` /= `5 m`."""
    if not (isinstance(prediction, Quantity) or isinstance(reference, Quantity)):
        return None
    (value, unit), (gold, gold_unit) = _unwrapped(prediction), _unwrapped(reference)
    if unit is not None and gold_unit is not None:
        return _same_amount(value, unit, gold, gold_unit)
    one = unit or gold_unit
    if one is None:
        return _same(value, gold)
    if _names_another(prediction if unit is None else reference):
        return False
    percent = one.dimension == "percent"
    return _same(value, gold) or (percent and _same_share(prediction, reference))


def _same_amount(value: Node, unit: Unit, gold: Node, gold_unit: Unit) -> bool:
    if (unit.dimension, unit.power) != (gold_unit.dimension, gold_unit.power):
        return False
    if unit.factor == gold_unit.factor:
        return _same(value, gold)
    amount = _converted(value, unit)
    return amount is not None and bool(amount == _converted(gold, gold_unit))


def _names_another(node: Node) -> bool:
    """Whether something is counted here that is no known unit: `5\\text{ apples}`."""
    return isinstance(node, Quantity) and node.unit.lower().rstrip("s") != "unit"


def _unwrapped(node: Node) -> tuple[Node, Unit | None]:
    if not isinstance(node, Quantity):
        return node, None
    inner, unit = _unwrapped(node.value)
    return inner, find_unit(node.unit, node.power) or unit


def _converted(node: Node, unit: Unit) -> Any:
    value = value_of(node)
    return value * unit.factor if isinstance(value, Fraction) else None


def _same_share(prediction: Node, reference: Node) -> bool:
    """`0.28` is `28\\%`; what is no decimal or fraction cannot be meant as a share of 1."""
    left, right = value_of(prediction), value_of(reference)
    return left is not None and right is not None and same_value(left, right)


def region(prediction: Node, reference: Node) -> bool | None:
    """Sets of reals: `x \\ge 0` = `[0,\\infty)`; `(0,1)` /= `[0,1)`; `A \\cup B` /= `A \\cap B`."""
    if not (regions.looks_like_region(prediction) or regions.looks_like_region(reference)):
        return None
    try:
        return regions.same_region(prediction, reference)
    except regions.NoRegionError:
        return None


def plus_minus(prediction: Node, reference: Node) -> bool | None:
    """Both signs are two answers: `1 \\pm \\sqrt2` = `1+\\sqrt2, 1-\\sqrt2`; `2` /= `\\pm 2`."""
    if not (_has_plus_minus(prediction) or _has_plus_minus(reference)):
        return None
    return _same(_both_signs(prediction), _both_signs(reference))


def _has_plus_minus(node: Node) -> bool:
    sign = isinstance(node, Call) and node.name in PLUS_MINUS
    return sign or any(map(_has_plus_minus, children(node)))


def _both_signs(node: Node) -> Node:
    if isinstance(node, Items):
        spread = [inner for item in node.items for inner in _signs_of(item)]
        if node.left in {"(", "["} and len(spread) > len(node.items):
            return node if len(node.items) > 1 else Items(tuple(spread))
        return Items(tuple(spread), node.left, node.right, node.joiner)
    spread = _signs_of(node)
    return Items(tuple(spread)) if len(spread) > 1 else node


def _signs_of(node: Node) -> list[Node]:
    if not _has_plus_minus(node):
        return [node]
    plus, minus = _with_sign(node, upper=True), _with_sign(node, upper=False)
    return [plus, minus]


def _with_sign(node: Node, *, upper: bool) -> Node:
    if isinstance(node, Call):
        arguments = tuple(_with_sign(argument, upper=upper) for argument in node.arguments)
        name = node.name
        if name not in PLUS_MINUS:
            return Call(name, arguments)
        second = arguments[1] if (name == "pm") == upper else Call("neg", (arguments[1],))
        return Call("add", (arguments[0], second))
    if isinstance(node, Relation):
        return Relation(tuple(_with_sign(s, upper=upper) for s in node.sides), node.operators)
    if isinstance(node, Quantity):
        return Quantity(_with_sign(node.value, upper=upper), node.unit, node.power)
    return node


def assigned(prediction: Node, reference: Node) -> bool | None:
    """A name in front of the value: `x = 5` = `5`, `x \\in [0,1]` = `[0,1]`; `x=5` /= `y=5`."""
    (name, value), (gold_name, gold) = _named(prediction), _named(reference)
    if value is prediction and gold is reference:
        return None
    if isinstance(value, Relation) or isinstance(gold, Relation):
        return None  # one of them is an equation that gives no name a value
    if name is not None and gold_name is not None and not _same_name(name, gold_name):
        return None
    return _same(value, gold)


def _same_name(a: Node, b: Node) -> bool:
    """Whether two names are the same; `y` is as good as `f(x)`."""
    graph = {a, b} - {Symbol("y")}
    called = [name for name in graph if isinstance(name, Call) and name.name.endswith("()")]
    return a == b or (Symbol("y") in (a, b) and len(called) == 1)


def _named(node: Node) -> tuple[Node | None, Node]:
    """The name that a value is given, and the value: the last one of a chain of equals."""
    if not isinstance(node, Relation):
        return None, node
    if any(sign not in {"=", "≈", "∈"} for sign in node.operators):
        return None, node
    named = _is_name(node.sides[0])
    end = len(node.sides) - 1
    while end > named and node.operators[end - 1] == "≈":
        end -= 1
    if end == 0:
        return None, node.sides[0]
    return (node.sides[0], node.sides[end]) if named else (None, node)


def _is_name(node: Node) -> bool:
    if isinstance(node, Symbol | Words):
        return True
    if isinstance(node, Call):
        named = {"mul", "div", "abs", "ratio"}
        return node.name.endswith("()") or (
            node.name in named and all(map(_is_name, node.arguments))
        )
    if isinstance(node, Items):
        return bool(node.items) and all(map(_is_name, node.items))
    return False


def items(prediction: Node, reference: Node) -> bool | None:
    """Lists, sets, tuples: `3,2` = `2,3`, `\\{1,2\\}` = `1,2`; `(2,1)` /= `(1,2)`; `2` /= `2,3`."""
    left, right = _as_items(prediction), _as_items(reference)
    if left is not None and right is not None:
        return _same_items(left, right)
    if isinstance(left, Items) and isinstance(prediction, Items):
        return _same(left.items[0], reference) if _is_singleton(left) else False
    if isinstance(right, Items) and isinstance(reference, Items):
        return _same(prediction, right.items[0]) if _is_singleton(right) else False
    return None


def _is_singleton(node: Items) -> bool:
    return node.left == "{" and len(node.items) == 1


def _same_items(left: Items, right: Items) -> bool:
    if not _brackets_agree(left, right):
        return False
    mine, gold = _stripped(left), _stripped(right)
    if not (left.left in {"", "{"} and right.left in {"", "{"}):
        return len(mine) == len(gold) and all(map(_same, mine, gold))
    if _names_differ(left) and _names_differ(right):
        mine, gold = list(left.items), list(right.items)
    return _same_unordered(mine, gold)


def _as_items(node: Node) -> Items | None:
    if isinstance(node, Items):
        return node
    if isinstance(node, Matrix):
        cells = [cell for row in node.rows for cell in row]
        if len(node.rows) == 1 or len(node.rows[0]) == 1:
            return Items(tuple(cells), "(", ")")
    return None


def _brackets_agree(a: Items, b: Items) -> bool:
    if not a.left or not b.left:
        return True
    if "{" in {a.left, b.left}:
        return a.left == b.left
    pair = len(a.items) == 2 == len(b.items)
    return (a.left, a.right) == (b.left, b.right) or not pair


def _stripped(node: Items) -> list[Node]:
    return [_named(item)[1] for item in node.items]


def _names_differ(node: Items) -> bool:
    """Whether every value has a name of its own: `a=1, b=2`."""
    names = [_named(item)[0] for item in node.items]
    return None not in names and len(set(names)) == len(names) > 1


def _same_unordered(mine: Sequence[Node], gold: Sequence[Node]) -> bool:
    if max(len(mine), len(gold)) > LONGEST_LIST:
        return len(mine) == len(gold) and all(map(_same, mine, gold))
    if len(mine) == len(gold):
        rest = list(gold)
        for one in mine:
            partner = next((i for i, other in enumerate(rest) if _same(one, other)), None)
            if partner is None:
                return False
            del rest[partner]
        return True
    return _covers(mine, gold) and _covers(gold, mine)


def _covers(mine: Sequence[Node], gold: Sequence[Node]) -> bool:
    return bool(mine) and all(any(_same(one, other) for one in mine) for other in gold)


def matrix(prediction: Node, reference: Node) -> bool | None:
    """Matrices of the same shape, cell by cell; the brackets around them do not matter."""
    if not (isinstance(prediction, Matrix) and isinstance(reference, Matrix)):
        return None
    mine, gold = prediction.rows, reference.rows
    if len(mine) != len(gold) or len(mine[0]) != len(gold[0]):
        return False
    return all(_same(a, b) for row, other in zip(mine, gold, strict=True)
               for a, b in zip(row, other, strict=True))  # fmt: skip


def equation(prediction: Node, reference: Node) -> bool | None:
    """Equations with the same solutions: `2x+2y=4` = `y=2-x`; one is a multiple of the other."""
    if not (isinstance(prediction, Relation) and isinstance(reference, Relation)):
        either = isinstance(prediction, Relation) or isinstance(reference, Relation)
        return False if either else None
    mine, gold = _ascending(prediction), _ascending(reference)
    if mine.operators != gold.operators:
        return False
    swapped = mine.operators == ("=",) and all(map(_same, mine.sides, reversed(gold.sides)))
    if swapped or all(map(_same, mine.sides, gold.sides)):
        return True
    if len(mine.sides) != 2:
        return False
    return proportional(mine, gold, signed=mine.operators != ("=",))


def _ascending(node: Relation) -> Relation:
    """The relation with < for every >."""
    if all(sign in ">≥=" for sign in node.operators) and set(node.operators) & {">", "≥"}:
        flipped = {">": "<", "≥": "≤", "=": "="}
        signs = tuple(flipped[sign] for sign in reversed(node.operators))
        return Relation(tuple(reversed(node.sides)), signs)
    return node


def modulus(prediction: Node, reference: Node) -> bool | None:
    """Residues: `x \\equiv 3 \\pmod 7` = `3 \\pmod 7`; the modulus may be left out."""
    (value, base), (gold, gold_base) = _residue(prediction), _residue(reference)
    if base is None and gold_base is None:
        return None
    if base is not None and gold_base is not None and not _same(base, gold_base):
        return False
    return _same(value, gold)


def _residue(node: Node) -> tuple[Node, Node | None]:
    if isinstance(node, Call) and node.name == "mod":
        return node.arguments[0], node.arguments[1]
    return node, None


RULES: tuple[Rule, ...] = (
    identical,
    number,
    plus_minus,
    words,
    based,
    measured,
    region,
    assigned,
    modulus,
    matrix,
    items,
    equation,
    decimal,
    expression,
)
