"""Both signs are two answers: `\\pm` is spread into a list.

Guarantees: the signs of one answer go together, the upper ones and the lower ones. Each sign is
spread once.
"""

from dataclasses import replace

from rewards.math.nodes import Call, Items, Node, Quantity, Relation, children

PLUS_MINUS = frozenset(("pm", "mp"))


def has_plus_minus(node: Node) -> bool:
    """Whether both signs stand in a node."""
    if isinstance(node, Call) and node.name in PLUS_MINUS:
        return True
    inner = children(node)
    return bool(inner) and any(map(has_plus_minus, inner))


def both_signs(node: Node) -> Node:
    """The list of what a node means with the one sign and with the other.

    A point with a sign in one place is two points; one with signs in several places stays, as
    nobody knows which of them go together.
    """
    if not isinstance(node, Items):
        spread = _signs_of(node)
        return Items(tuple(spread)) if len(spread) > 1 else node
    if node.left in {"(", "["} and len(node.items) > 1:
        signed = sum(map(has_plus_minus, node.items))
        return Items(tuple(_signs_of(node))) if signed == 1 else node
    items = tuple(inner for item in node.items for inner in _signs_of(item))
    return Items(items) if node.left in {"(", "["} else replace(node, items=items)


def _signs_of(node: Node) -> list[Node]:
    if not has_plus_minus(node):
        return [node]
    return [_with_sign(node, upper=True), _with_sign(node, upper=False)]


def _with_sign(node: Node, *, upper: bool) -> Node:
    if isinstance(node, Call) and node.name in PLUS_MINUS:
        first, second = (_with_sign(argument, upper=upper) for argument in node.arguments)
        return Call("add", (first, second if (node.name == "pm") == upper else _negative(second)))
    inner = tuple(_with_sign(child, upper=upper) for child in children(node))
    if isinstance(node, Call):
        return replace(node, arguments=inner)
    if isinstance(node, Relation):
        return replace(node, sides=inner)
    if isinstance(node, Items):
        return replace(node, items=inner)
    return replace(node, value=inner[0]) if isinstance(node, Quantity) else node


def _negative(node: Node) -> Node:
    return Call("neg", (node,))
