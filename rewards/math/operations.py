"""Operations on nodes that are being read: sums, signs, differences, arguments.

Guarantees: nothing is evaluated.
"""

from fractions import Fraction

from rewards.math.nodes import Call, Items, Node, Number, Quantity


def joined(operation: str, operands: list[Node]) -> Node:
    """One operand as it is, several under an operation."""
    return operands[0] if len(operands) == 1 else Call(operation, tuple(operands))


def negated(node: Node) -> Node:
    """The sign belongs to the value: `-\\$5` is -5 dollars."""
    if isinstance(node, Quantity):
        return Quantity(negated(node.value), node.unit)
    return Call("neg", (node,))


def less(terms: list[Node], term: Node) -> list[Node]:
    """A difference, of numbers or of sets: `\\mathbb{R}-\\{1\\}`."""
    if isinstance(term, Items) and term.left:
        return [Call("difference", (joined("add", terms), term))]
    return [*terms, Call("neg", (term,))]


def is_minus_one(node: Node) -> bool:
    """Whether a node is the literal -1, as in `\\sin^{-1}`."""
    return node == Call("neg", (Number(Fraction(1), None, 1),))


def spread(argument: Node, name: str) -> tuple[Node, ...]:
    """Arguments of a function of several, such as max."""
    if isinstance(argument, Items) and name in {"max", "min", "gcd", "lcm"}:
        return argument.items
    return (argument,)
