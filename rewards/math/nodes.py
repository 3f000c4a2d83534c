"""The parts of a mathematical answer, as the parser builds them and the rules read them.

Guarantees: nodes are immutable and compare by value.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal


@dataclass(frozen=True, slots=True)
class Number:
    """A literal; `decimals` counts the digits after its point, None where it has no point."""

    value: Fraction
    decimals: int | None = None
    digits: int = 0
    """Significant digits as written."""


@dataclass(frozen=True, slots=True)
class Based:
    """Digits with a base as subscript: `204_5`."""

    digits: str
    base: int


@dataclass(frozen=True, slots=True)
class Symbol:
    """A variable, subscript included."""

    name: str


@dataclass(frozen=True, slots=True)
class Constant:
    """`pi`, `e`, `i` or `inf`."""

    name: str


@dataclass(frozen=True, slots=True)
class Call:
    """An operation or function on its arguments: `add`, `mul`, `div`, `pow`, `sin`, ..."""

    name: str
    arguments: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Items:
    """Several answers.

    `left` and `right` are the brackets around them: none for a bare list, braces for a set.
    `joiner` is the word between them.
    """

    items: tuple["Node", ...]
    left: str = ""
    right: str = ""
    joiner: Literal["", "and", "or"] = ""


@dataclass(frozen=True, slots=True)
class Matrix:
    """Rows of equal length."""

    rows: tuple[tuple["Node", ...], ...]


@dataclass(frozen=True, slots=True)
class Relation:
    """`sides[0] operators[0] sides[1] ...`; operators are among = < ≤ > ≥ ≠ ≈ ∈."""

    sides: tuple["Node", ...]
    operators: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Quantity:
    """A value with what was counted or measured: `5\\text{ cm}`, `28\\%`, `\\$3`.

    `label` has the meanings of the words in front of it that have an opposite: `Loss: 5`.
    """

    value: "Node"
    unit: str
    label: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Words:
    """An answer in words."""

    text: str


Node = Number | Based | Symbol | Constant | Call | Items | Matrix | Relation | Quantity | Words


_LEAVES = frozenset((Number, Based, Symbol, Constant, Words))


def children(node: Node) -> tuple[Node, ...]:
    """The nodes right inside a node."""
    if type(node) in _LEAVES:
        return ()
    if isinstance(node, Call):
        return node.arguments
    if isinstance(node, Items):
        return node.items
    if isinstance(node, Matrix):
        return tuple(cell for row in node.rows for cell in row)
    if isinstance(node, Relation):
        return node.sides
    return (node.value,) if isinstance(node, Quantity) else ()


def depth(node: Node) -> int:
    """Nodes inside one another, counted without recursion."""
    levels, level = 0, [node]
    while level:
        levels += 1
        level = [child for parent in level for child in children(parent)]
    return levels
