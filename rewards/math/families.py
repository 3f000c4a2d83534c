r"""Families of values with integer parameters: `\frac{\pi}{4}+k\pi, k\in\mathbb{Z}`.

Guarantees: two families are the same if they are so after the parameters are renamed; where both
are arithmetic progressions over all integers, if they hold the same numbers.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise, permutations
from typing import Any

from rewards.math.nodes import Call, Constant, Items, Node, Quantity, Relation, Symbol, children
from rewards.math.values import INTEGERS, NoValueError, Point, evaluate, is_real, mp, same_value

Same = Callable[[Node, Node], bool]
TAIL = 160  # characters at the end of an answer in which a parameter is declared
LONGEST = 12  # values of a family
MOST = 3  # parameters of a family
FARTHEST = 10**6  # steps between the starts of two progressions that are compared
_PROBES = 4
_DECLARED = re.compile(
    r"[\s,;]{0,4}\(?\s?"
    r"(?:(?:where|for|with|all|any|every|each|some|\\forall|\\text\{\s?(?:(?:where|for|with|all|any|every|each|some|and|integers?|the)\s?){0,4}\})\s?){0,4}"
    r"(?P<name>(?:(?<=[,;(])\s?[a-zA-Z]\s?,\s?(?:[a-zA-Z]\s?,\s?)?)?[a-zA-Z])\s?\\in\s?\\mathbb\s?\{?\s?(?P<set>[ZN])\s?\}?"
    r"(?P<kind>[_^]\{?[^\s{}]{1,4}\}?)?"
    r"\s?\)?\s?\.?$"
)
_SPOKEN = re.compile(
    r"[\s,;]{0,4}\(?\s?(?:\\text\{\s?)?(?:(?:where|for|with|all|any|every|each|some|an|and)\s){0,4}"
    r"(?:integers?(?![a-zA-Z])(?:\s?\\?\}|\svalues? of)?\s{0,2}(?P<after>[a-zA-Z])"
    r"|\}?\s?(?<![a-zA-Z])(?P<before>[a-zA-Z])\s?(?:\\text\{\s?)?(?:is|being|are)?\s?(?:an?|any)?\s?integers?)"
    r"\s?\}?\s?\)?\s?\.?$"
)


@dataclass(frozen=True, slots=True)
class Family:
    """Values that depend on parameters, and the set that the parameters run through."""

    values: tuple[Node, ...]
    parameters: tuple[str, ...]
    domain: str


_COUNTED = re.compile(
    r"[\s,;]{0,4}\(?\s?(?P<name>[a-zA-Z])\s?=\s?0\s?,\s?\\pm\s?1\s?,(?:\s?\\pm\s?2\s?,)?"
    r"(?:\s?\\pm\s?3\s?,)?\s?(?:\\[lc]?dots[a-z]?|\.\.\.)\s?\)?$"
)


def declared_apart(cleaned: str) -> str:
    """The text with the declaration of its parameter as an item: `2n\\pi, n \\in \\mathbb{Z}`."""
    tail = cleaned[-TAIL:]
    if not ("integer" in tail or "\\mathbb" in tail or "\\pm" in tail):
        return cleaned
    start = max(0, len(cleaned) - TAIL)
    if (counted := _COUNTED.search(cleaned, start)) is not None and counted.start() > 0:
        return f"{cleaned[: counted.start()]}, {counted['name']} \\in \\mathbb{{Z}}"
    found = _DECLARED.search(cleaned, start)
    if found is not None and found.start() > 0:
        declaration = f"\\mathbb{{{found['set']}}}{found['kind'] or ''}"
        return f"{cleaned[: found.start()]}, {found['name']} \\in {declaration}"
    spoken = _SPOKEN.search(cleaned, start)
    if spoken is not None and spoken.start() > 0:
        name = spoken["after"] or spoken["before"]
        return f"{cleaned[: spoken.start()]}, {name} \\in \\mathbb{{Z}}"
    return cleaned


def same_family(prediction: Node, reference: Node, same: Same) -> bool | None:
    """Whether two families are the same; None where neither declares a parameter."""
    mine, gold = family(prediction), family(reference)
    if mine is None and gold is None:
        return None
    mine = mine or _undeclared(prediction)
    gold = gold or _undeclared(reference)
    if mine is None or gold is None:
        return None
    if mine.domain != gold.domain or not len(mine.values) == len(gold.values) <= LONGEST:
        return False
    if len(mine.parameters) != len(gold.parameters):
        return False
    return any(
        _hold_the_same(mine, replace(gold, parameters=names), same)
        for names in permutations(gold.parameters)
    )


def _hold_the_same(mine: Family, gold: Family, same: Same) -> bool:
    """Whether each value of one is a value of the other, the parameters taken in their order."""
    rest = list(gold.values)
    for value in mine.values:
        partner = next(
            (i for i, other in enumerate(rest) if _same_values(value, mine, other, gold, same)),
            None,
        )
        if partner is None:
            return False
        del rest[partner]
    return True


def family(node: Node) -> Family | None:
    """The node as a family, if it declares one parameter, or some of one set: `a, b \\in Z`."""
    if isinstance(node, Call) and node.name == "such that":
        node = _listed(*node.arguments)
    if not isinstance(node, Items) or node.left:
        return None
    declared = [at for at, item in enumerate(node.items) if _is_declaration(item)]
    if len(declared) != 1:
        return None
    at = declared[0]
    subject, domain = children(node.items[at])
    if not isinstance(subject, Symbol):
        return None
    names = _declared_names(node.items[:at], subject.name)
    values = tuple(map(_value, (*node.items[: at + 1 - len(names)], *node.items[at + 1 :])))
    found = [_names(value) for value in values]
    if not values or not all(map(set(names).intersection, found)):
        return None
    used = set().union(*found).issuperset(names)
    return Family(values, names, _domain(domain) or "") if used else None


def _declared_names(before: Sequence[Node], last: str) -> tuple[str, ...]:
    """The parameters that one declaration names, of which all but the last stand before it."""
    names = [last]
    for item in reversed(before[1:]):
        if not isinstance(item, Symbol) or item.name in names or len(names) == MOST:
            break
        names.insert(0, item.name)
    return tuple(names)


def _listed(subject: Node, condition: Node) -> Node:
    """The values and the declaration of a set: `\\{n\\pi \\mid n \\in \\mathbb{Z}\\}`."""
    if _is_declaration(condition):
        return Items((subject, condition))
    return condition if isinstance(subject, Symbol) else Items((subject,))


def _undeclared(node: Node) -> Family | None:
    """A family whose only letter is one that stands for integers by convention."""
    items = node.items if isinstance(node, Items) and not node.left else (node,)
    values = tuple(map(_value, items))
    names = set().union(*map(_names, values))
    if len(names) != 1 or not names <= INTEGERS:
        return None
    return Family(values, (names.pop(),), "Z")


def _is_declaration(node: Node) -> bool:
    return isinstance(node, Relation) and node.operators == ("∈",) and (
        _domain(node.sides[1]) is not None
    )  # fmt: skip


def _domain(node: Node) -> str | None:
    name = node.name if isinstance(node, Constant | Symbol) else ""
    return name if name[:1] in {"Z", "N"} and name[1:2] in {"", "_", "^"} else None


def _value(node: Node) -> Node:
    """What a name is given: `x = 2n\\pi` is `2n\\pi`."""
    if (
        isinstance(node, Relation)
        and node.operators == ("=",)
        and isinstance(node.sides[0], Symbol)
    ):
        return node.sides[1]
    return node


def _names(node: Node) -> set[str]:
    if isinstance(node, Symbol):
        return {node.name}
    return set().union(*map(_names, children(node)))


def _same_values(mine: Node, a: Family, gold: Node, b: Family, same: Same) -> bool:
    if same(_renamed(mine, dict(zip(a.parameters, b.parameters, strict=True))), gold):
        return True
    if a.domain != "Z" or len(a.parameters) > 1:
        return False
    left, right = _progression(mine, a.parameters[0]), _progression(gold, b.parameters[0])
    if left is None or right is None:
        return False
    (start, step), (other, other_step) = left, right
    if not (same_value(step, other_step) or same_value(step, -other_step)):
        return False
    apart = (start - other) / step
    if not is_real(apart) or abs(apart) > FARTHEST:
        return False
    return same_value(apart, mp.nint(apart.real))


def _progression(node: Node, parameter: str) -> tuple[Any, Any] | None:
    """The start and the step of an arithmetic progression, as inexact numbers."""
    values = []
    for number in range(_PROBES):
        point = Point(0)
        point.bound[parameter] = Fraction(number)
        try:
            values.append(mp.mpmathify(evaluate(node, point)))
        except NoValueError:
            return None
    steps = [after - before for before, after in pairwise(values)]
    even = all(same_value(steps[0], step) for step in steps[1:])
    return (values[0], steps[0]) if even and steps[0] != 0 else None


def _renamed(node: Node, names: Mapping[str, str]) -> Node:
    if isinstance(node, Symbol):
        return Symbol(names.get(node.name, node.name))
    if isinstance(node, Call):
        return replace(node, arguments=tuple(_renamed(one, names) for one in node.arguments))
    if isinstance(node, Items):
        return replace(node, items=tuple(_renamed(one, names) for one in node.items))
    if isinstance(node, Relation):
        return replace(node, sides=tuple(_renamed(one, names) for one in node.sides))
    if isinstance(node, Quantity):
        return replace(node, value=_renamed(node.value, names))
    return node
