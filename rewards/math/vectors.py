r"""Vectors as sums of unit vectors: `\mathbf{i}+2\mathbf{j}` is (1, 2).

Guarantees: only a sum whose terms each hold exactly one of i, j, k as a factor is a vector.
"""

from fractions import Fraction

from rewards.math.nodes import Call, Constant, Items, Node, Number, Symbol, children

_BASIS: tuple[Node, ...] = (Constant("i"), Symbol("j"), Symbol("k"))


def components(node: Node, size: int) -> Items | None:
    """The node as a tuple of `size` components; None where it is no sum of unit vectors."""
    if size not in {2, 3} or isinstance(node, Items) or not _holds(node, _BASIS[1:]):
        return None
    terms = node.arguments if isinstance(node, Call) and node.name == "add" else (node,)
    found: list[list[Node]] = [[] for _ in _BASIS]
    for term in terms:
        axes = [axis for axis, unit in enumerate(_BASIS) if _holds(term, (unit,))]
        if len(axes) != 1 or not _is_multiple(term, _BASIS[axes[0]]):
            return None
        found[axes[0]].append(_without(term, _BASIS[axes[0]]))
    if size == 2 and found[2]:
        return None
    return Items(tuple(map(_sum, found[:size])), "(", ")")


def _holds(node: Node, wanted: tuple[Node, ...]) -> bool:
    return node in wanted or any(_holds(child, wanted) for child in children(node))


def _is_multiple(term: Node, unit: Node) -> bool:
    """Whether the unit vector is a factor of the term."""
    if term == unit:
        return True
    if not isinstance(term, Call):
        return False
    if term.name == "neg":
        return _is_multiple(term.arguments[0], unit)
    if term.name == "mul":
        return sum(_is_multiple(factor, unit) for factor in term.arguments) == 1
    return term.name == "div" and _is_multiple(term.arguments[0], unit)


def _without(node: Node, unit: Node) -> Node:
    if node == unit:
        return Number(Fraction(1), None, 1)
    if isinstance(node, Call):
        return Call(node.name, tuple(_without(argument, unit) for argument in node.arguments))
    return node


def _sum(terms: list[Node]) -> Node:
    if not terms:
        return Number(Fraction(0), None, 1)
    return terms[0] if len(terms) == 1 else Call("add", tuple(terms))
