"""Nodes that mean more than they write: a sum's terms, arrows between points, bars,
derivatives, rows, relations read from the right.

Guarantees: linear in the size of the node.
"""

from rewards.math.nodes import Call, Constant, Items, Matrix, Node, Number, Relation, Symbol
from rewards.math.tokens import NotMathError

_D = Symbol("d")
_BARS = frozenset(("bar", "overline"))
_ON_NUMBERS = frozenset(("overline", "bar", "hat", "widehat", "tilde", "widetilde", "dot"))


def with_index(node: Node, index: str) -> Node:
    """The terms of a sum over `index`: `i` is then no imaginary unit, `a_i` depends on it."""
    if node == Constant(index):
        return Symbol(index)
    if isinstance(node, Symbol) and node.name.endswith(f"_{index}"):
        return Call(f"{node.name.removesuffix(index)}()", (Symbol(index),))
    if isinstance(node, Call):
        return Call(node.name, tuple(with_index(one, index) for one in node.arguments))
    return node


def displacement(node: Node) -> Node:
    """From one point to another: `\\vec{AB}` is B - A, so that `\\vec{BA}` is its negative."""
    if not (isinstance(node, Call) and node.name == "mul" and len(node.arguments) == 2):
        return node
    start, end = node.arguments
    if not (isinstance(start, Symbol) and isinstance(end, Symbol)):
        return node
    points = start.name.isupper() and end.name.isupper()
    return Call("add", (end, Call("neg", (start,)))) if points else node


def marked(mark: str, node: Node) -> Node:
    """What a mark is drawn over: a bar makes a number, a letter or a set another one.

    `\\overline{5}` is not 5, `\\bar{z}` not z, `\\widehat{AB}` is an arc; `\\overline{AB}` is AB.
    """
    if isinstance(node, Number) and mark in _ON_NUMBERS:
        return Symbol(f"{mark} {node.value}")
    if isinstance(node, Symbol) and len(node.name) == 1 and mark in _BARS:
        return Symbol(f"bar {node.name}")
    if isinstance(node, Call) and node.name in {"union", "intersection", "difference"}:
        return Symbol(f"bar {node}") if mark in _BARS else node
    return Symbol(f"arc {node}") if isinstance(node, Call) and mark == "widehat" else node


def derivative(fraction: Call) -> Node:
    """`\\frac{dy}{dx}` as a function of y, whose d is no factor.

    Raises:
        NotMathError: It is an operator, `\\frac{d}{dx}`.
    """
    above, below = fraction.arguments
    behind = below.arguments if isinstance(below, Call) and below.name == "mul" else ()
    if len(behind) != 2 or behind[0] != _D or not isinstance(_base(behind[1]), Symbol):
        return fraction
    if _base(above) == _D:
        raise NotMathError("a derivative")
    if not (isinstance(above, Call) and above.name == "mul" and _base(above.arguments[0]) == _D):
        return fraction
    name = f"{above.arguments[0]} by {behind[1]}()"
    return Call(name, above.arguments[1:])


def _base(node: Node) -> Node:
    return node.arguments[0] if isinstance(node, Call) and node.name == "pow" else node


def of_rows(node: Node) -> Node:
    """A list of lists of one length, as programs write matrices, as a matrix."""
    if not (isinstance(node, Items) and (node.left, node.right) == ("[", "]")):
        return node
    rows = [row.items for row in node.items if isinstance(row, Items) and row.left == "["
            and row.right == "]"]  # fmt: skip
    even = len(rows) == len(node.items) and len({len(row) for row in rows}) == 1
    return Matrix(tuple(rows)) if even else node


def ascending(node: Relation) -> Relation:
    """The relation with < for every >."""
    if all(sign in ">≥=" for sign in node.operators) and set(node.operators) & {">", "≥"}:
        flipped = {">": "<", "≥": "≤", "=": "="}
        signs = tuple(flipped[sign] for sign in reversed(node.operators))
        return Relation(tuple(reversed(node.sides)), signs)
    return node
