"""Nodes that mean more than they write: a sum's terms, and arrows between points.

Guarantees: linear in the size of the node.
"""

from rewards.math.nodes import Call, Constant, Node, Symbol


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
