"""What an expression is worth: an exact rational where it is one, else a number of 60 digits.

Guarantees: bounded work, whatever the expression says. A result that would be too large, and a
function without a value at the point, raise `NoValueError`; nothing takes longer than milliseconds.
Variables get pseudo-random values that depend on their name alone, so that two expressions that
agree at several points are equal but for a probability below 1e-20 (Schwartz 1980, Zippel 1979).
"""

import hashlib
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import lru_cache
from math import comb, factorial, gcd, isqrt, lcm
from typing import Any

from mpmath.ctx_mp import MPContext

from rewards.math.nodes import Call, Constant, Node, Number, Quantity, Symbol, children

DIGITS = 60
EXACT_BITS = 200_000  # of an exact integer
MAGNITUDE = 1_000_000  # binary exponent of an inexact number
FACTORIAL_LIMIT = 3_000
TERMS = 1_000  # of a sum or product
STEPS = 4_000  # operations in one evaluation
CLOSE = 1e-40  # relative difference below which two 60-digit numbers are the same
INTEGERS = frozenset("nmkNMK")  # letters that stand for integers by convention

mp = MPContext()
mp.dps = DIGITS
Value = Any
"""A Fraction, or an mpf or mpc of `mp`."""


FAR_TRIAL = 3
"""At this point variables are far below zero, where `|x+1|` is no `x+1`."""


class NoValueError(Exception):
    """The expression has no value here, or one that is too large."""


class Point:
    """Values for all variables; each `trial` is another point."""

    def __init__(self, trial: int) -> None:
        self.trial = trial
        self.bound: dict[str, Value] = {}
        self.steps = 0
        self.left_reals = False
        """Whether a root or logarithm of a negative number was taken on the way."""

    def __getitem__(self, name: str) -> Value:
        return self.bound[name] if name in self.bound else _drawn(name, self.trial)

    def step(self) -> None:
        """Count an operation."""
        self.steps += 1
        if self.steps > STEPS:
            raise NoValueError("too many operations")


@lru_cache(maxsize=4096)
def _drawn(name: str, trial: int) -> Fraction:
    digest = hashlib.blake2b(f"{trial}/{name}".encode(), digest_size=8).digest()
    number = int.from_bytes(digest, "big")
    if name.partition("_")[0] in INTEGERS:
        return Fraction(2 + trial + 4 * (number % 3))
    value = Fraction(number % 99_991 + 20_011, 30_011 + number // 99_991 % 50_021)
    if trial == FAR_TRIAL:
        value *= 50
    return -value if trial % 2 else value


def evaluate(node: Node, point: Point) -> Value:
    """The value of an expression at a point.

    Raises:
        NoValueError: There is none, it is too large, or the node is no expression.
    """
    point.step()
    if isinstance(node, Number):
        return node.value
    if isinstance(node, Symbol):
        return point[node.name]
    if isinstance(node, Constant):
        return _constant(node.name)
    if isinstance(node, Quantity):
        return _measured(node, point)
    if isinstance(node, Call):
        if node.name in {"sum", "prod"}:
            return _series(node, point)
        arguments = [evaluate(argument, point) for argument in node.arguments]
        return _bounded(_apply(node.name, arguments, point))
    raise NoValueError(f"{type(node).__name__} is no expression")


def same_value(a: Value, b: Value) -> bool:
    """Whether two values are the same: exactly for rationals, else to 40 digits."""
    if isinstance(a, Fraction) and isinstance(b, Fraction):
        return a == b
    left, right = _inexact(a), _inexact(b)
    if mp.isinf(left) or mp.isinf(right):
        return bool(left == right)
    scale = max(abs(left), abs(right), mp.mpf(1e-5))
    return bool(abs(left - right) <= CLOSE * scale)


def is_real(value: Value) -> bool:
    """Whether a value lies on the real line."""
    return not isinstance(value, mp.mpc) or abs(value.imag) <= CLOSE * max(1, abs(value.real))


def real(value: Value) -> Value:
    """A real value as a Fraction or mpf.

    Raises:
        NoValueError: It is not real.
    """
    if not is_real(value):
        raise NoValueError("not real")
    return value.real if isinstance(value, mp.mpc) else value


def _inexact(value: Value) -> Any:
    if isinstance(value, Fraction):
        return mp.mpf(value.numerator) / value.denominator
    return value


def _bounded(value: Value) -> Value:
    if isinstance(value, Fraction):
        if value.numerator.bit_length() + value.denominator.bit_length() > EXACT_BITS:
            raise NoValueError("too large")
        return value
    if mp.isnan(value):
        raise NoValueError("not a number")
    return value


def _constant(name: str) -> Value:
    if name == "i":
        return mp.mpc(0, 1)
    if name in {"pi", "e", "inf"}:
        return {"pi": +mp.pi, "e": +mp.e, "inf": mp.inf}[name]
    raise NoValueError(f"{name} is no number")


def _measured(node: Quantity, point: Point) -> Value:
    value = evaluate(node.value, point)
    if node.unit == "%":
        return value / 100
    if node.unit == "deg":
        return _inexact(value) * mp.pi / 180
    raise NoValueError("a unit inside an expression")


def _series(node: Call, point: Point) -> Value:
    index, start, stop, body = node.arguments
    low, high = evaluate(start, point), evaluate(stop, point)
    if not (isinstance(index, Symbol) and _is_integer(low) and _is_integer(high)):
        raise NoValueError("a sum without integer bounds")
    if high - low > TERMS:
        raise NoValueError("a sum of too many terms")
    total = Fraction(node.name == "prod")
    outer = point.bound.get(index.name)
    for number in range(int(low), int(high) + 1):
        point.bound[index.name] = Fraction(number)
        term = evaluate(body, point)
        total = _bounded(_folded("mul" if node.name == "prod" else "add", [total, term]))
    point.bound.pop(index.name, None)
    if outer is not None:
        point.bound[index.name] = outer
    return total


def _is_integer(value: Value) -> bool:
    return isinstance(value, Fraction) and value.denominator == 1


def _apply(name: str, arguments: list[Value], point: Point) -> Value:
    if (arithmetic := _ARITHMETIC.get(name)) is not None:
        return arithmetic(arguments, point)
    if name in WHOLE:
        return _whole(name, arguments)
    if name in {"log", "log10", "logbase"}:
        return _logarithm(name, arguments, point)
    if (function := FUNCTIONS.get(name)) is not None and len(arguments) == 1:
        return _analytic(function, arguments[0])
    if name in {"max", "min"}:
        return (max if name == "max" else min)(map(real, arguments))
    return _opaque(name, arguments)


_ARITHMETIC: Mapping[str, Callable[[list[Value], Point], Value]] = {
    "add": lambda values, _: _folded("add", values),
    "mul": lambda values, _: _folded("mul", values),
    "neg": lambda values, _: -values[0],
    "div": lambda values, _: divided(*values),
    "pow": lambda values, point: _powered(values[0], values[1], point),
    "sqrt": lambda values, point: _root(values[0], Fraction(2), point),
    "cbrt": lambda values, point: _root(values[0], Fraction(3), point),
    "root": lambda values, point: _root(values[0], values[1], point),
    "ratio": lambda values, _: _ratio(values),
}


def _ratio(values: list[Value]) -> Value:
    """Two terms are a quotient; of more, only their proportions count."""
    if len(values) == 2:
        return divided(*values)
    return _opaque("ratio", [divided(value, values[0]) for value in values])


def _folded(name: str, values: list[Value]) -> Value:
    """The sum or the product of values: exact as long as all are, never large on the way."""
    total = values[0]
    for value in values[1:]:
        exact = isinstance(total, Fraction) and isinstance(value, Fraction)
        left, right = (total, value) if exact else (_inexact(total), _inexact(value))
        total = _bounded(left * right if name == "mul" else left + right)
    return total


def divided(a: Value, b: Value) -> Value:
    """The quotient of two values, exact if both are; raises `NoValueError` for a zero below."""
    if b == 0:
        raise NoValueError("division by zero")
    if isinstance(a, Fraction) and isinstance(b, Fraction):
        return a / b
    return _inexact(a) / _inexact(b)


def _powered(base: Value, exponent: Value, point: Point) -> Value:
    if isinstance(base, Fraction) and isinstance(exponent, Fraction):
        if exponent.denominator == 1:
            return _integer_power(base, int(exponent))
        if base < 0 and exponent.denominator % 2:
            # The real root, as in (-8)^{1/3}.
            sign = -1 if exponent.numerator % 2 else 1
            return sign * _powered(-base, exponent, point)
        exact = _exact_root(base, exponent.denominator)
        if exact is not None:
            return _integer_power(exact, exponent.numerator)
    if base == 0:
        raise NoValueError("a power of zero")
    if is_real(base) and real(base) < 0 and not _is_integer(exponent):
        point.left_reals = True
    left, right = _inexact(base), _inexact(exponent)
    if mp.isinf(left) or mp.isinf(right):
        raise NoValueError("a power of infinity")
    if abs(right) * (abs(mp.log(abs(left))) + 4) > MAGNITUDE:
        raise NoValueError("too large")
    return left**right


def _integer_power(base: Fraction, exponent: int) -> Value:
    if base == 0 and exponent <= 0:
        raise NoValueError("a power of zero")
    bits = max(base.numerator.bit_length(), base.denominator.bit_length())
    if abs(base) != 1 and abs(exponent) * (bits - 1 or 1) > EXACT_BITS:
        raise NoValueError("too large")
    if abs(base) == 1:
        exponent %= 2
    return base**exponent


def _exact_root(value: Fraction, degree: int) -> Fraction | None:
    above = _integer_root(value.numerator, degree)
    below = _integer_root(value.denominator, degree)
    return Fraction(above, below) if above is not None and below is not None else None


def _integer_root(value: int, degree: int) -> int | None:
    if value < 0 or degree > 64 or value.bit_length() > 4_096:
        return None
    if degree == 2:
        root = isqrt(value)
    else:
        root = int(mp.nint(mp.root(value, degree))) if value.bit_length() < 150 else -1
    return root if root >= 0 and root**degree == value else None


def _root(value: Value, degree: Value, point: Point) -> Value:
    if not _is_integer(degree) or not 1 <= degree <= 1_000:
        return _powered(value, divided(Fraction(1), degree), point)
    return _powered(value, 1 / degree, point)


def _whole(name: str, arguments: list[Value]) -> Value:
    """Functions that mean most on integers."""
    first = arguments[0]
    if name == "abs":
        return abs(first)
    if name in {"floor", "ceil"}:
        value = real(first)
        if not isinstance(value, Fraction):
            if mp.isinf(value) or mp.mag(value) > 4_096:
                raise NoValueError("too large")
            value = Fraction(int(mp.floor(value) if name == "floor" else mp.ceil(value)))
        return Fraction(value.__floor__() if name == "floor" else value.__ceil__())
    if name in {"gcd", "lcm"}:
        if not all(map(_is_integer, arguments)):
            raise NoValueError("gcd of something else than integers")
        numbers = [int(argument) for argument in arguments]
        return Fraction(gcd(*numbers) if name == "gcd" else lcm(*numbers))
    if name == "factorial":
        return _factorial(first)
    return _binomial(*arguments)


WHOLE = frozenset(("abs", "floor", "ceil", "gcd", "lcm", "factorial", "binomial"))


def _factorial(value: Value) -> Value:
    if _is_integer(value) and 0 <= value <= FACTORIAL_LIMIT:
        return Fraction(factorial(int(value)))
    number = real(value)
    if number < 0 or number > FACTORIAL_LIMIT:
        raise NoValueError("a factorial without a value, or too large")
    return mp.gamma(_inexact(number) + 1)


def _binomial(n: Value, k: Value) -> Value:
    if _is_integer(n) and _is_integer(k) and n >= 0:
        if not 0 <= k <= n:
            return Fraction(0)
        k = min(k, n - k)
        if k > FACTORIAL_LIMIT or int(n).bit_length() * int(k) > EXACT_BITS:
            raise NoValueError("too large")
        return Fraction(comb(int(n), int(k)))
    if abs(real(n)) > FACTORIAL_LIMIT or abs(real(k)) > FACTORIAL_LIMIT:
        raise NoValueError("too large")
    return mp.binomial(_inexact(n), _inexact(k))


def _logarithm(name: str, arguments: list[Value], point: Point) -> Value:
    value = arguments[0]
    if value == 0:
        raise NoValueError("the logarithm of zero")
    if is_real(value) and real(value) < 0:
        point.left_reals = True
    if isinstance(value, Fraction) and name != "log":
        base = arguments[1] if name == "logbase" else Fraction(10)
        exact = _exact_logarithm(value, base)
        if exact is not None:
            return exact
    natural = mp.log(_inexact(value))
    if name == "log":
        return natural
    base = mp.log(_inexact(arguments[1])) if name == "logbase" else mp.log(10)
    return divided(natural, base)


def _exact_logarithm(value: Fraction, base: Value) -> Fraction | None:
    if not _is_integer(base) or base < 2 or value < 1 or value.denominator != 1:
        return None
    rest, power, number = int(value), 0, int(base)
    while rest % number == 0 and power < 4_096:
        rest //= number
        power += 1
    return Fraction(power) if rest == 1 else None


FUNCTIONS: Mapping[str, Callable[[Any], Any]] = {
    "sin": mp.sin, "cos": mp.cos, "tan": mp.tan, "cot": mp.cot, "sec": mp.sec, "csc": mp.csc,
    "arcsin": mp.asin, "arccos": mp.acos, "arctan": mp.atan, "arccot": mp.acot,
    "arcsec": mp.asec, "arccsc": mp.acsc, "sinh": mp.sinh, "cosh": mp.cosh, "tanh": mp.tanh,
    "coth": mp.coth, "exp": mp.exp,
}  # fmt: skip


def _analytic(function: Callable[[Any], Any], argument: Value) -> Value:
    value = _inexact(argument)
    if mp.isinf(value) or abs(value) > MAGNITUDE / 2:
        raise NoValueError("too large")
    try:
        return function(value)
    except (ValueError, ZeroDivisionError) as error:
        raise NoValueError(str(error)) from error


def _opaque(name: str, arguments: list[Value]) -> Value:
    """A function that is not known: a pseudo-random value that depends on name and arguments."""
    shown = [mp.nstr(mp.mpc(_inexact(argument)), 30) for argument in arguments]
    digest = hashlib.blake2b(f"{name}{shown}".encode(), digest_size=8).digest()
    return Fraction(int.from_bytes(digest, "big") % 999_983 + 1, 65_537)


def has_symbols(node: Node, bound: frozenset[Node] = frozenset()) -> bool:
    """Whether a variable or an unknown function stands in it, but for the index of a sum."""
    if isinstance(node, Symbol):
        return node not in bound
    if isinstance(node, Call) and node.name in {"sum", "prod"}:
        index, start, stop, body = node.arguments
        ends = has_symbols(start, bound) or has_symbols(stop, bound)
        return ends or has_symbols(body, bound | {index})
    unknown = isinstance(node, Call) and node.name.endswith("()")
    inner = children(node)
    return unknown or (bool(inner) and any(has_symbols(child, bound) for child in inner))
