"""Both signs are two answers: `\\pm` is spread into a list.

Guarantees: the signs of one answer go together, the upper ones and the lower ones.
"""

from rewards.math.nodes import Call, Items, Node, Quantity, Relation, children

PLUS_MINUS = frozenset(("pm", "mp"))


def has_plus_minus(node: Node) -> bool:
    """Whether both signs stand in a node."""
    sign = isinstance(node, Call) and node.name in PLUS_MINUS
    return sign or any(map(has_plus_minus, children(node)))


def both_signs(node: Node) -> Node:
    """The list of what a node means with the one sign and with the other."""
    if isinstance(node, Items):
        spread = [inner for item in node.items for inner in _signs_of(item)]
        if node.left in {"(", "["} and len(spread) > len(node.items):
            return node if len(node.items) > 1 else Items(tuple(spread))
        return Items(tuple(spread), node.left, node.right, node.joiner)
    spread = _signs_of(node)
    return Items(tuple(spread)) if len(spread) > 1 else node


def _signs_of(node: Node) -> list[Node]:
    if not has_plus_minus(node):
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
        return Quantity(_with_sign(node.value, upper=upper), node.unit)
    return node
