"""Sets of real numbers: intervals, their unions, finite sets, and inequalities in one variable.

Guarantees: two regions are the same if and only if they agree at every boundary that either one
writes, between any two of these, and beyond them; so an open end differs from a closed one. Only
boundaries that stand in one of the two texts are known, which the solved form of an inequality has.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

from rewards.math.nodes import Call, Constant, Items, Node, Relation, Symbol, Words, children
from rewards.math.values import (
    NoValueError,
    Point,
    evaluate,
    has_symbols,
    is_real,
    mp,
    real,
    same_value,
)
from rewards.math.vocabulary import ANYTHING

BOUNDARY_LIMIT = 40
INEQUALITIES = frozenset("<≤>≥≠")
ALL_REALS = frozenset(
    ("all real numbers", "all reals", "all real", "real numbers", "any real number", "all numbers")
)
Contains = Callable[[Any], bool]
_HALVES = {
    "<": "R_<0 R^-* R_-^* R^*_- R^{-} R^-", "≤": "R_le0 R^-_0 R_0^- R_-", "≠": "R^* R_ne0 R_*",
    ">": "R_>0 R^+* R_+^* R^*_+ R_++ R^+", "≥": "R_ge0 R^+_0 R_0^+ R_+",
}  # fmt: skip
_HALF_OF = {name: sign for sign, names in _HALVES.items() for name in names.split()}
_EITHER = {"R_+": ">≥", "R_-": "<≤"}  # with 0 or without, as the author likes


class NoRegionError(Exception):
    """The node is no set of real numbers that this module knows."""


@dataclass(frozen=True, slots=True)
class Region:
    """Membership, and the boundaries written in the text."""

    contains: Contains
    boundaries: tuple[Any, ...]
    variable: str | None = None


def looks_like_region(node: Node) -> bool:
    """Whether the node can only mean a set of reals (a bare pair may be a point as well)."""
    if isinstance(node, Relation):
        belongs = node.operators == ("∈",) and looks_like_region(node.sides[1])
        return belongs or any(sign in INEQUALITIES for sign in node.operators)
    if isinstance(node, Call):
        return node.name in {"union", "intersection", "difference", "such that"}
    if isinstance(node, Items):
        return _only_interval(node) if node.left else any(map(looks_like_region, node.items))
    named = isinstance(node, Symbol) and node.name in _HALF_OF
    return named or _is_reals(node)


def _is_reals(node: Node) -> bool:
    """All real numbers; a plain R is them where a region is looked for."""
    in_words = isinstance(node, Words) and node.text.lower() in ALL_REALS
    return node == Constant("R") or in_words


def _only_interval(node: Items) -> bool:
    mixed = (node.left, node.right) in {("[", ")"), ("(", "]")}
    infinite = any(_is_infinite(item) for item in node.items)
    return len(node.items) == 2 and node.left != "{" and (mixed or infinite)


def same_region(a: Node, b: Node) -> bool:
    """Whether two nodes mean the same set of reals.

    Raises:
        NoRegionError: One of them is no such set.
    """
    return any(_agree(left, right) for left in _regions(a) for right in _regions(b))


def _is_infinite(node: Node) -> bool:
    if isinstance(node, Call) and node.name == "neg":
        return _is_infinite(node.arguments[0])
    return node == Constant("inf")


def _agree(a: Region, b: Region) -> bool:
    if a.variable and b.variable and a.variable != b.variable:
        return False
    boundaries = {*a.boundaries, *b.boundaries}
    if len(boundaries) > BOUNDARY_LIMIT:
        raise NoRegionError("too many boundaries")
    return all(a.contains(probe) == b.contains(probe) for probe in _probes(boundaries))


def _probes(boundaries: set[Any]) -> Iterator[Any]:
    known: list[Any] = []
    finite = [value for value in boundaries if isinstance(value, Fraction) or mp.isfinite(value)]
    for value in sorted([*finite, *(-value for value in finite), Fraction(0)], key=mp.mpmathify):
        if not known or not same_value(known[-1], value):
            known.append(value)
    yield known[0] - 1
    for left, right in pairwise(known):
        yield left
        yield (mp.mpmathify(left) + mp.mpmathify(right)) / 2
    yield known[-1]
    yield known[-1] + 1


def _regions(node: Node) -> list[Region]:
    """What the node may mean: relations with commas between them may be joined by and, or by or."""
    if isinstance(node, Symbol) and node.name in _HALF_OF:
        signs = _EITHER.get(node.name, _HALF_OF[node.name])
        return [_half(sign) for sign in signs]
    if isinstance(node, Relation) and node.operators == ("∈",):
        name = node.sides[0].name if isinstance(node.sides[0], Symbol) else None
        return [Region(one.contains, one.boundaries, name) for one in _regions(node.sides[1])]
    if not (isinstance(node, Items) and not node.left and node.items):
        return [_region(node)]
    parts = [_region(item) for item in _carried(node.items)]
    relations = any(isinstance(item, Relation) and item.operators != ("∈",) for item in node.items)
    ways: list[Callable[[Any], bool]] = []
    if relations and node.joiner != "or":
        ways.append(lambda x: all(part.contains(x) for part in parts))
    if not relations or node.joiner != "and":
        ways.append(lambda x: any(part.contains(x) for part in parts))
    return [_joined(parts, way) for way in ways]


def _carried(items: Sequence[Node]) -> list[Node]:
    """`x \\ne 1, 2` is `x \\ne 1, x \\ne 2`."""
    first = items[0]
    if not (isinstance(first, Relation) and first.operators == ("≠",)):
        return list(items)
    return [
        item if has_symbols(item) else Relation((first.sides[0], item), ("≠",)) for item in items
    ]


def _joined(parts: list[Region], contains: Contains) -> Region:
    boundaries = tuple(value for part in parts for value in part.boundaries)
    names = {part.variable for part in parts} - {None}
    if len(names) > 1:
        raise NoRegionError("several variables")
    return Region(contains, boundaries, next(iter(names), None))


def _region(node: Node) -> Region:
    if isinstance(node, Items):
        return _listed(node)
    if isinstance(node, Call):
        return _combined(node)
    if isinstance(node, Relation):
        return _solutions(node)
    if isinstance(node, Symbol) and node.name in _HALF_OF:
        return _half(_HALF_OF[node.name])
    if _is_reals(node) or node == Symbol("R"):
        return Region(lambda x: True, ())
    raise NoRegionError("no set of reals")


def _half(sign: str) -> Region:
    """The reals on one side of 0."""
    zero = Fraction(0)
    return Region(lambda x: _holds(x, sign, zero), (zero,))


def _listed(node: Items) -> Region:
    if node.left == "{":
        values = [_number(item) for item in node.items]
        return Region(lambda x: any(same_value(x, value) for value in values), tuple(values))
    if not node.left or len(node.items) != 2:
        raise NoRegionError("no interval")
    low, high = map(_number, node.items)
    if not _below(low, high, node.left == "[" and node.right == "]"):
        raise NoRegionError("an interval that ends before it begins")
    return Region(
        lambda x: _below(low, x, node.left == "[") and _below(x, high, node.right == "]"),
        (low, high),
    )


def _combined(node: Call) -> Region:
    if node.name == "such that":
        subject, condition = node.arguments
        if isinstance(subject, Symbol):
            return _regions(condition)[0]
        if isinstance(subject, Relation) and subject.operators == ("∈",):
            within, wanted = _regions(subject)[0], _regions(condition)[0]
            return _joined([within, wanted], lambda x: within.contains(x) and wanted.contains(x))
        raise NoRegionError("a set of something else than reals")
    if node.name not in {"union", "intersection", "difference"}:
        raise NoRegionError("no set of reals")
    left, right = map(_region, node.arguments)
    ways: dict[str, Contains] = {
        "union": lambda x: left.contains(x) or right.contains(x),
        "intersection": lambda x: left.contains(x) and right.contains(x),
        "difference": lambda x: left.contains(x) and not right.contains(x),
    }
    return _joined([left, right], ways[node.name])


def _solutions(node: Relation) -> Region:
    if node.operators == ("∈",):
        return _regions(node)[0]
    names = set().union(*map(_names, node.sides))
    if len(names) != 1:
        raise NoRegionError("not one variable")
    name = names.pop()
    if any(has_symbols(side) and not _is_plain(side) for side in node.sides):
        raise NoRegionError("the value of a function inside an expression")
    variable = None if name == ANYTHING else name
    constants = [value for side in node.sides for value in _constants(side)]

    def contains(x: Any) -> bool:
        try:
            values = [_at(side, name, x) for side in node.sides]
        except NoValueError:
            return False
        pairs = zip(values, node.operators, values[1:], strict=False)
        return all(_holds(left, sign, right) for left, sign, right in pairs)

    return Region(contains, tuple(constants), variable)


def _at(side: Node, name: str, x: Any) -> Any:
    if isinstance(side, Call) and side.name.endswith("()"):
        return x
    point = Point(0)
    point.bound[name] = x
    return real(evaluate(side, point))


def _names(node: Node) -> set[str]:
    """Variables; the value of an unknown function, such as f(x), counts as one."""
    if isinstance(node, Symbol):
        return {node.name}
    if isinstance(node, Call) and node.name.endswith("()"):
        return {repr(node)}
    return set().union(*map(_names, children(node)))


def _is_plain(side: Node) -> bool:
    """Whether unknown functions stand alone or not at all."""
    if isinstance(side, Call) and side.name.endswith("()"):
        return True
    return not any(name.startswith("Call(") for name in _names(side))


def _constants(node: Node) -> Iterator[Any]:
    if not has_symbols(node):
        yield _number(node)
    elif isinstance(node, Call) and not node.name.endswith("()"):
        for argument in node.arguments:
            yield from _constants(argument)


def _number(node: Node) -> Any:
    if has_symbols(node):
        raise NoRegionError("a boundary that is no number")
    try:
        value = evaluate(node, Point(0))
    except NoValueError as error:
        raise NoRegionError(str(error)) from error
    if not is_real(value):
        raise NoRegionError("a boundary that is not real")
    return real(value)


def _below(a: Any, b: Any, closed: bool) -> bool:
    return closed if same_value(a, b) else bool(mp.mpmathify(a) < mp.mpmathify(b))


def _holds(left: Any, sign: str, right: Any) -> bool:
    same = same_value(left, right)
    if sign in {"=", "≈"}:
        return same
    if sign == "≠":
        return not same
    if same:
        return sign in "≤≥"
    return bool(mp.mpmathify(left) < mp.mpmathify(right)) == (sign in "<≤")
