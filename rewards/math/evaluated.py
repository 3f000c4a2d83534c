r"""Whether an answer is a value, or still holds work to be done: `\sum_{k=1}^{100} k` is no 5050.

A model that copies the question into its box writes the same value as the reference, and has worked
nothing out. Guarantees: only an answer to a reference that is a number (or several) is looked at;
what the reference itself writes with an operator is no work, and neither is one of a fraction, a
power, a root, a factorial, a binomial, a logarithm or a trigonometric value, with a rational factor
or an integer added to it, nor a prime factorisation, nor a sum that cannot be written shorter.
"""

import re
from collections.abc import Iterator
from fractions import Fraction
from math import isqrt

from rewards.math.identities import value_of
from rewards.math.literals import is_proper_fraction, is_whole
from rewards.math.magnitudes import spelt
from rewards.math.nodes import (
    Call,
    Items,
    Matrix,
    Node,
    Number,
    Quantity,
    Relation,
    Words,
    children,
)
from rewards.math.reducible import is_reducible
from rewards.math.values import has_symbols

_ITERATED = frozenset(
    ("sum", "prod", "gcd", "lcm", "mod", "bmod", "floor", "ceil", "det", "max", "min")
)
_COMMANDS = re.compile(
    r"\\(sum|prod|coprod|lim|limsup|liminf|int|iint|iiint|oint|gcd|lcm|det|bmod|pmod|mod|lfloor"
    r"|lceil|frac\s*\{\s*d|partial)(?![a-zA-Z])|\b(sum|prod|lim|integral|gcd|lcm|det|floor|ceil)\b"
    r"|([∑∏∫⌊⌈])"
)
_VALUES = frozenset(("pow", "sqrt", "cbrt", "root", "factorial", "binomial", "log", "log10",
                     "logbase", "exp", "abs", "sin", "cos", "tan", "cot", "sec", "csc", "arcsin",
                     "arccos", "arctan", "arccot", "arcsec", "arccsc", "sinh", "cosh", "tanh",
                     "coth"))  # fmt: skip
_SUMS = frozenset(("add", "mul", "pm", "mp"))
_REDUCED = _SUMS | {"div"}
_ZERO = Number(Fraction(0))
_POWERS_OF_TEN = [Number(Fraction(10**n), None, n + 1) for n in range(1, 10)]
_PRIME_LIMIT = 10_000


def holds_work(answer: Node, reference: Node) -> bool:
    """Whether the answer has to be worked out to become the reference, which is a number."""
    golds = _numbers(reference)
    if not golds:
        return False
    allowed = frozenset(name for gold in golds for name in _operators(gold))
    single = not isinstance(reference, Items | Relation)
    return any(
        (single and isinstance(link, Call) and has_symbols(link)) or _is_work(link, allowed)
        for link in _answers(answer)
    )


def text_holds_work(answer: str, reference: str) -> bool:
    """Whether commands that have to be worked out stand in the answer alone, as texts."""
    return bool(_commands(answer) - _commands(reference))


def _commands(text: str) -> set[str]:
    return {next(filter(None, match.groups())) for match in _COMMANDS.finditer(text)}


def _numbers(node: Node) -> list[Node]:
    if isinstance(node, Items | Matrix):
        found = [_numbers(item) for item in children(node)]
        return [one for part in found for one in part] if all(found) else []
    if isinstance(node, Words):
        spoken = spelt(node.text)
        return [Number(spoken[0])] if spoken else []
    if _is_residue(node):
        return _numbers(children(node)[0])
    if isinstance(node, Relation):
        return _numbers(node.sides[-1]) if set(node.operators) <= {"=", "≈"} else []
    if isinstance(node, Quantity):
        return _numbers(node.value)
    known = not has_symbols(node) and value_of(node) is not None
    return [node] if known else []


def _answers(node: Node) -> Iterator[Node]:
    """The values that are given: of a chain the link that is worked out best."""
    if isinstance(node, Items | Matrix):
        for item in children(node):
            yield from _answers(item)
    elif _is_residue(node):
        yield from _answers(children(node)[0])
    elif isinstance(node, Quantity):
        yield from _answers(node.value)
    elif isinstance(node, Relation):
        links = [side for side in node.sides if not has_symbols(side)]
        done = [link for link in links if not _is_work(link, frozenset())]
        yield from (done or links or node.sides)[-1:]
    else:
        yield node


def _is_residue(node: Node) -> bool:
    """`3 \\pmod 7` as a whole answer, of which the residue is the value; `\\bmod` is work."""
    return isinstance(node, Call) and node.name == "mod"


def _operators(node: Node) -> Iterator[str]:
    summed = isinstance(node, Call) and node.name in _SUMS
    if (
        isinstance(node, Call)
        and not _is_mixed(node)
        and (not summed or _rational_operands(node) > 1 or is_reducible(node, node.arguments))
    ):
        yield node.name
    for child in children(node):
        yield from _operators(child)


def _is_work(node: Node, allowed: frozenset[str]) -> bool:
    """Whether work stands in a whole answer, or in the numerator of one."""
    inner = _without_sign(node)
    if isinstance(inner, Call) and inner.name == "div" and not _is_quotient(inner):
        above, below = map(_without_sign, inner.arguments)
        if "div" not in allowed and is_reducible(inner, inner.arguments):
            return True
        nested = isinstance(value_of(inner), Fraction) and (
            _is_fraction(above) or _is_fraction(below)
        )
        return nested or _is_work(above, allowed) or _works(below, allowed)
    return not (_is_simple(inner) or _is_factorisation(inner)) and _works(inner, allowed)


def _works(node: Node, allowed: frozenset[str]) -> bool:
    """Whether work stands anywhere in an expression."""
    if isinstance(node, Call) and node.name not in allowed:
        if node.name in _ITERATED:
            return True
        if node.name in _SUMS and _rational_operands(node) > 1:
            return True
        if node.name in _REDUCED and is_reducible(node, tuple(_operands(node))):
            return True
    return any(_works(child, allowed) for child in children(node))


def _rational_operands(node: Call) -> int:
    """How many operands are rational; those of a sum in a sum count one by one."""
    signs = node.name in {"pm", "mp"}  # `\pm 5` is read as a sum with zero
    return sum(
        isinstance(value_of(operand), Fraction) and not (signs and operand == _ZERO)
        for operand in _operands(node)
    )


def _operands(node: Call) -> Iterator[Node]:
    for argument in node.arguments:
        inner = _without_sign(argument)
        if isinstance(inner, Call) and inner.name == node.name:
            yield from _operands(inner)
        else:
            yield inner


def _is_simple(node: Node) -> bool:
    """One value, times a rational, or with an integer added: `5 \\cdot 4!`, `2^{10}-1`."""
    if isinstance(node, Number) or _is_fraction(node) or _is_value(node):
        return True
    if not isinstance(node, Call) or len(node.arguments) != 2:
        return False
    left, right = map(_without_sign, node.arguments)
    pairs = ((left, right), (right, left))
    if node.name == "mul":
        scaled = isinstance(left, Number) and left.decimals and right in _POWERS_OF_TEN
        return scaled or any(_is_rational(one) and _is_value(other) for one, other in pairs)
    if node.name in _SUMS:
        return any(_is_integer(one) and _is_unlike(one, other, node.name) for one, other in pairs)
    return False


def _is_unlike(integer: Node, other: Node, operation: str) -> bool:
    """Whether an integer is added to what does not come down to one: not `12/4+3`, `\\sqrt{49}+3`.

    A power, a factorial and a binomial stay as they are, `2^{10}-1`.
    """
    if operation == "add" and integer == _ZERO:
        return False
    value = value_of(other)
    whole = isinstance(value, Fraction) and value.denominator == 1
    if _is_fraction(other):
        return not whole
    kept = isinstance(other, Call) and other.name in {"pow", "factorial", "binomial", "div"}
    return _is_value(other) and (kept or not whole)


def _is_value(node: Node) -> bool:
    """A function in whose arguments no work stands, or a quotient of factorials."""
    if not isinstance(node, Call):
        return False
    plain = node.name in _VALUES and not any(_works(one, frozenset()) for one in node.arguments)
    return plain or _is_quotient(node)


def _is_fraction(node: Node) -> bool:
    return isinstance(node, Call) and node.name == "div" and all(
        isinstance(_without_sign(part), Number) for part in node.arguments
    )  # fmt: skip


def _is_mixed(node: Node) -> bool:
    """`3\\frac12`, which is read as a sum and is a number."""
    if not isinstance(node, Call) or node.name != "add" or len(node.arguments) != 2:
        return False
    whole, part = node.arguments
    return is_whole(whole) and is_proper_fraction(part)


def _is_rational(node: Node) -> bool:
    return isinstance(node, Number) or _is_fraction(node)


def _is_integer(node: Node) -> bool:
    return isinstance(node, Number) and node.value.denominator == 1


def _is_quotient(node: Node) -> bool:
    """`\\frac{10!}{3! \\cdot 7!}`: factorials and plain numbers above and below."""
    if not isinstance(node, Call) or node.name != "div":
        return False
    parts = [
        _without_sign(operand)
        for part in node.arguments
        for operand in (
            _operands(part) if isinstance(part, Call) and part.name == "mul" else (part,)
        )
    ]
    factorials = [isinstance(part, Call) and part.name == "factorial" for part in parts]
    return any(factorials) and all(
        known or isinstance(part, Number) for known, part in zip(factorials, parts, strict=True)
    )


def _is_factorisation(node: Node) -> bool:
    """Powers of different primes, in order: `2^3 \\cdot 5`; two bare primes are a product."""
    if not (isinstance(node, Call) and node.name == "mul"):
        return False
    bases: list[int] = []
    powers = False
    for factor in _operands(node):
        raised = isinstance(factor, Call) and factor.name == "pow"
        base = factor.arguments[0] if isinstance(factor, Call) and raised else factor
        if not isinstance(base, Number) or base.value.denominator != 1:
            return False
        powers |= raised
        bases.append(int(base.value))
    in_order = bases == sorted(set(bases))
    return (powers or len(bases) > 2) and in_order and all(map(_is_prime, bases))


def _is_prime(number: int) -> bool:
    return 2 <= number <= _PRIME_LIMIT and all(
        number % divisor for divisor in range(2, isqrt(number) + 1)
    )


def _without_sign(node: Node) -> Node:
    while isinstance(node, Call) and node.name == "neg":
        node = node.arguments[0]
    return node
