"""When two answers are the same: one rule a function, tried in the order of `RULES`.

A rule gets the prediction's node and the reference's. It returns True (the same, by this rule),
False (different, and no later rule may say otherwise) or None (this rule does not apply). The name
of the rule that decided is the verdict's reason. Each docstring shows what the rule accepts (=) and
what it refuses (/=), prediction first.
"""

import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise

from rewards.math.families import same_family
from rewards.math.identities import expression, proportional, value_of
from rewards.math.magnitudes import spelt
from rewards.math.measures import same_measure, without_label
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
)
from rewards.math.numbers import are_far, decimal, meets_decimal, number
from rewards.math.regions import ALL_REALS, NoRegionError, looks_like_region, same_region
from rewards.math.rewriting import ascending, of_rows
from rewards.math.signs import both_signs, has_plus_minus
from rewards.math.values import same_value
from rewards.math.vectors import components
from rewards.math.vocabulary import NOTHING

Rule = Callable[[Node, Node], bool | None]
CHOICES = frozenset("ABCDEFGHIJ")
LONGEST_LIST = 60  # answers in a list whose order does not matter
_PUNCTUATION = re.compile(r"[^\w%+-]+")


def same(prediction: Node, reference: Node) -> tuple[bool, str]:
    """Whether two nodes are the same answer, and the name of the rule that says so."""
    if isinstance(prediction, Quantity) is not isinstance(reference, Quantity):
        prediction, reference = without_label(prediction), without_label(reference)
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
    if left is not None and right is not None and (left == right or {left, right} <= NOTHING):
        return True
    mine, gold = _in_figures(prediction), _in_figures(reference)
    if mine is not prediction or gold is not reference:
        return _same(mine, gold)
    if left is None or right is None:
        return None
    return None if ALL_REALS & {left, right} else False


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


def _in_figures(node: Node) -> Node:
    """The node, or the number that it spells out: `two thirds`, `five apples`."""
    found = spelt(node.text) if isinstance(node, Words) else None
    if found is None:
        return node
    number, rest = Number(found[0], None, len(str(found[0].numerator))), found[1]
    return Quantity(number, rest) if rest else number


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
    """Units, percent, money and words behind a value: `5\\text{ cm}` = `5`, `5 km` = `5000 m`.

    `28\\%` = `28` = `0.28`, `5\\text{ million}` = `5000000`; `5 cm` /= `5 m`, `5 billion` /= `5`.
    """
    return same_measure(prediction, reference, _same)


def region(prediction: Node, reference: Node) -> bool | None:
    """Sets of reals: `x \\ge 0` = `[0,\\infty)`; `(0,1)` /= `[0,1)`; `A \\cup B` /= `A \\cap B`."""
    if not (looks_like_region(prediction) or looks_like_region(reference)):
        return None
    try:
        return same_region(prediction, reference)
    except NoRegionError:
        return None


def plus_minus(prediction: Node, reference: Node) -> bool | None:
    """Both signs are two answers: `1 \\pm \\sqrt2` = `1+\\sqrt2, 1-\\sqrt2`; `2` /= `\\pm 2`."""
    if not (has_plus_minus(prediction) or has_plus_minus(reference)):
        return None
    mine, gold = both_signs(prediction), both_signs(reference)
    return None if has_plus_minus(mine) or has_plus_minus(gold) else _same(mine, gold)


def assigned(prediction: Node, reference: Node) -> bool | None:
    """A name in front of the value: `x = 5` = `5`, `x \\in [0,1]` = `[0,1]`; `x=5` /= `y=5`."""
    (name, value), (gold_name, gold) = _named(prediction), _named(reference)
    if value is prediction and gold is reference:
        return None
    if isinstance(value, Relation) or isinstance(gold, Relation):
        return None  # one of them is an equation that gives no name a value
    if _related_otherwise(prediction, reference) and value_of(gold) is None:
        return None
    if name is not None and gold_name is not None and not _same_name(name, gold_name):
        return None
    return _same(value, gold)


def _related_otherwise(a: Node, b: Node) -> bool:
    """`A \\sim B` and `A \\cong B`."""
    return (
        isinstance(a, Relation) and isinstance(b, Relation) and set(a.operators) != set(b.operators)
    )


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
        if are_far(*node.sides[end - 1 : end + 1]):
            return None, node
        end -= 1
    if end == 0:
        return None, node.sides[0]
    links = node.sides[int(named) : end + 1]
    exact = set(node.operators[int(named) : end]) <= {"="}
    agreed = _agreed(links, known=not named) if exact else (links[-1] if named else None)
    if agreed is None:
        return None, node
    return (node.sides[0] if named else None), agreed


def _agreed(links: Sequence[Node], *, known: bool) -> Node | None:
    """The value of a chain whose links are one value, `20+21=41`; None for `5=6`.

    It is the last link that is no rounding of the one before. `known` wants the value of each.
    """
    values = [value_of(link) for link in links]
    if known and None in values:
        identity = all(expression(*pair) for pair in pairwise(links))
        return links[-1] if identity else None
    last = 0
    for at in range(1, len(links)):
        if values[at] is None or values[last] is None or same_value(values[at], values[last]):
            last = at
        elif meets_decimal(values[last], links[at], digits=1):
            continue
        elif meets_decimal(values[at], links[last], digits=1):
            last = at
        else:
            return None
    return links[last]


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


def family(prediction: Node, reference: Node) -> bool | None:
    """Families, up to renaming: `2n\\pi, n\\in\\mathbb{Z}` = `2k\\pi, k\\in\\mathbb{Z}`."""
    return same_family(prediction, reference, _same)


def items(prediction: Node, reference: Node) -> bool | None:
    """Lists, sets, tuples: `3,2` = `2,3`, `\\{1,2\\}` = `1,2`; `(2,1)` /= `(1,2)`; `2` /= `2,3`."""
    prediction, reference = _letters(prediction, reference), _letters(reference, prediction)
    left, right = _as_items(prediction), _as_items(reference)
    if left is None and right is not None and right.left == "(":
        left = components(prediction, len(right.items))
    if right is None and left is not None and left.left == "(":
        right = components(reference, len(left.items))
    if left is not None and right is not None:
        return _same_items(left, right)
    if isinstance(left, Items) and isinstance(prediction, Items):
        return _same(left.items[0], reference) if _is_singleton(left) else False
    if isinstance(right, Items) and isinstance(reference, Items):
        return _same(prediction, right.items[0]) if _is_singleton(right) else False
    return None


def _letters(node: Node, other: Node) -> Node:
    """Letters of choices run together, where the other side lists them: `AC` = `A, C`."""
    listed = isinstance(other, Items) and not other.left
    if not (listed and isinstance(node, Call) and node.name == "mul"):
        return node
    names = [part.name if isinstance(part, Symbol) else "" for part in node.arguments]
    ascending = names == sorted(set(names)) and CHOICES.issuperset(names)
    return Items(node.arguments) if ascending else node


def _is_singleton(node: Items) -> bool:
    return node.left == "{" and len(node.items) == 1


def _same_items(left: Items, right: Items) -> bool:
    if not _brackets_agree(left, right) or _is_other_choice(left, right):
        return False
    mine, gold = _stripped(left), _stripped(right)
    if not (left.left in {"", "{"} and right.left in {"", "{"}):
        return len(mine) == len(gold) and all(map(_same, mine, gold))
    if _names_differ(left) and _names_differ(right):
        mine, gold = list(left.items), list(right.items)
    return _same_unordered(mine, gold)


def _is_other_choice(a: Items, b: Items) -> bool:
    """Whether one side leaves open which letter it is: `A or C` /= `A, C`."""
    letters = all(isinstance(item, Symbol) for item in a.items)
    named = all(isinstance(item, Symbol) and item.name in CHOICES for item in a.items)
    differ = (a.joiner == "or") != (b.joiner == "or")
    return differ and (named or (letters and bool(a.joiner and b.joiner)))


def _as_items(node: Node) -> Items | None:
    if isinstance(node, Items):
        return node
    if isinstance(node, Matrix):
        cells = [cell for row in node.rows for cell in row]
        if len(node.rows) == 1 or len(node.rows[0]) == 1:
            return Items(tuple(cells), "(", ")")
    if isinstance(node, Call) and node.name == "mul" and len(node.arguments) == 2:
        point, place = node.arguments  # `P(1,2)`
        if isinstance(point, Symbol) and point.name.isupper() and isinstance(place, Items):
            return place if place.left == "(" else None
    return None


def _brackets_agree(a: Items, b: Items) -> bool:
    if not a.left or not b.left:
        return {(a.left, a.right), (b.left, b.right)}.isdisjoint({("(", "]"), ("[", ")")})
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
    """Matrices of the same shape, cell by cell; the brackets around them do not matter.

    `[[1,2],[3,4]]` = `\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}`.
    """
    if isinstance(prediction, Matrix) or isinstance(reference, Matrix):
        prediction, reference = of_rows(prediction), of_rows(reference)
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
    mine, gold = ascending(prediction), ascending(reference)
    if mine.operators != gold.operators:
        return False
    swapped = mine.operators == ("=",) and all(map(_same, mine.sides, reversed(gold.sides)))
    if swapped or all(map(_same, mine.sides, gold.sides)):
        return True
    if len(mine.sides) != 2:
        return False
    return proportional(mine, gold, signed=mine.operators != ("=",))


def modulus(prediction: Node, reference: Node) -> bool | None:
    """Residues: `x \\equiv 3 \\pmod 7` = `3 \\pmod 7`; the modulus may be left out."""
    (value, base), (gold, gold_base) = _residue(prediction), _residue(reference)
    if base is None and gold_base is None:
        return None
    if base is not None and gold_base is not None and not _same(base, gold_base):
        return False
    return _same(value, gold)


def _residue(node: Node) -> tuple[Node, Node | None]:
    if isinstance(node, Call) and node.name in {"mod", "bmod"}:
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
    family,
    items,
    equation,
    decimal,
    expression,
)
