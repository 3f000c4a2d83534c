"""Arithmetic: sums, products, powers, names, functions and LaTeX's macros.

sum     := [sign] product ((+ | - | pm) product)*
product := power ((* | / | nothing) power)*
power   := atom (! | ^ exponent | _ index | ' | %)*
"""

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import ClassVar

from rewards.math.brackets import Brackets
from rewards.math.cursor import Cursor
from rewards.math.literals import is_proper_fraction, is_whole, literal
from rewards.math.nodes import (
    Based,
    Call,
    Constant,
    Items,
    Node,
    Number,
    Quantity,
    Relation,
    Symbol,
)
from rewards.math.operations import is_minus_one, joined, less, negated, spread
from rewards.math.rewriting import derivative, displacement, marked, with_index
from rewards.math.signs import PLUS_MINUS
from rewards.math.tokens import NotMathError, Token
from rewards.math.vocabulary import (
    BASES,
    CONSTANTS,
    DECORATIONS,
    FUNCTION_ALIASES,
    FUNCTION_LETTERS,
    GREEK,
    INVERTIBLE,
    NO_FACTOR,
    NUMBER_SET_NAMES,
    NUMBER_SETS,
    PAIRS,
    RELATIONS,
    SET_OPERATIONS,
)

Reader = Callable[["Expressions", str], Node]
_FACTORS = frozenset(("number", "letter", "function", "{", "["))
"""Tokens that begin a factor, whatever follows."""
_BEHIND = frozenset("!%$'\"_^")
"""Tokens behind an atom that belong to it."""
_NABLA = Symbol("nabla")


class Expressions:
    """Reads expressions at the cursor.

    Args:
        cursor: Where the parser stands.
        brackets: Reads what stands in brackets.
    """

    def __init__(self, cursor: Cursor, brackets: Brackets) -> None:
        self._cursor = cursor
        self._brackets = brackets

    def sum(self) -> Node:
        """Terms and the signs between them."""
        terms = [self._signed()]
        while True:
            token = self._cursor.now
            if token.kind == "+":
                self._cursor.take()
                terms.append(self._signed_product())
            elif token.kind == "-":
                self._cursor.take()
                terms = less(terms, self._signed_product())
            elif token.kind == "command" and token.text in PLUS_MINUS:
                self._cursor.take()
                terms = [Call(token.text, (joined("add", terms), self._product()))]
            else:
                return joined("add", terms)

    def _signed(self) -> Node:
        token = self._cursor.now
        if token.kind == "command" and token.text in PLUS_MINUS:
            self._cursor.take()
            return Call(token.text, (Number(Fraction(0)), self._product()))
        return self._signed_product()

    def _signed_product(self) -> Node:
        negative = False
        while self._cursor.now.kind in {"+", "-"}:
            negative ^= self._cursor.take().kind == "-"
        node = self._product()
        return negated(node) if negative else node

    def _product(self) -> Node:
        factors = [self.power()]
        while True:
            kind = self._cursor.now.kind
            if kind == "*":
                self._cursor.take()
                if factors[-1] == _NABLA:
                    raise NotMathError("a divergence or a rotation")
                factors.append(self._factor())
            elif kind == "/":
                self._cursor.take()
                factors = [Call("div", (joined("mul", factors), self._factor()))]
            elif self._starts_factor():
                factors = self._juxtaposed(factors)
            else:
                return joined("mul", factors)

    def _factor(self) -> Node:
        if self._cursor.now.kind in {"+", "-"}:
            negative = self._cursor.take().kind == "-"
            return Call("neg", (self.power(),)) if negative else self.power()
        return self.power()

    def _juxtaposed(self, factors: list[Node]) -> list[Node]:
        """A product without a sign, or a mixed number: `2\\frac12`, `2 1/2`."""
        whole = len(factors) == 1 and is_whole(factors[0])
        after_number = self._cursor.peek(-1).kind == "number" and self._cursor.peek(-2).kind != "^"
        if self._cursor.is_("number") and after_number:
            fraction = self._typed_fraction() if whole else None
            if fraction is None:
                raise NotMathError("two numbers side by side")
            return [Call("add", (factors[0], fraction))]
        is_fraction = self._cursor.is_("command", "frac")
        factor = self.power()
        if whole and is_fraction and isinstance(factor, Quantity):  # `33\frac13\%`
            if is_proper_fraction(factor.value):
                return [Quantity(Call("add", (factors[0], factor.value)), factor.unit)]
        elif whole and is_fraction and is_proper_fraction(factor):
            return [Call("add", (factors[0], factor))]
        return [*factors, factor]

    def _typed_fraction(self) -> Node | None:
        above, slash, below = (self._cursor.peek(distance) for distance in range(3))
        if slash.kind != "/" or below.kind != "number" or not above.spaced:
            return None
        fraction = Call("div", (literal(above.text), literal(below.text)))
        if not is_proper_fraction(fraction):
            return None
        self._cursor.skip(3)
        return fraction

    def _starts_factor(self) -> bool:
        token = self._cursor.now
        if token.kind == "(":
            return not any(map(self._cursor.command_follows, ("pmod", "mod")))
        if token.kind in _FACTORS:
            return True
        if token.kind == "|":
            return self._cursor.bars == 0
        if token.kind != "command":
            return False
        return (
            token.text not in RELATIONS
            and token.text not in SET_OPERATIONS
            and (token.text not in NO_FACTOR)
        )

    def power(self) -> Node:
        node = self._atom()
        while (kind := self._cursor.now.kind) in _BEHIND:
            if kind == "'":
                node = self._primed(node)
                continue
            if kind == '"' and not isinstance(node, Number):
                return node
            text = self._cursor.take().text
            if kind == "!":
                node = Call("factorial", (node,))
            elif kind == "_":
                node = self._indexed(node)
            elif kind == "^":
                node = self._raised(node)
            else:
                node = Quantity(node, "inch" if kind == '"' else text)
        return node

    def _primed(self, node: Node) -> Node:
        if isinstance(node, Number):
            self._cursor.take()
            inches = self._cursor.took("'")
            return Quantity(node, "inch" if inches else "ft")
        if not isinstance(node, Symbol):
            raise NotMathError("a prime behind something that is no name")
        while self._cursor.took("'"):
            node = Symbol(node.name + "'")
        return node

    def _indexed(self, node: Node) -> Node:
        index = "".join(token.text for token in self._cursor.group())
        if isinstance(node, Number) and node.decimals is None and node.value.denominator == 1:
            base = BASES.get(index.lower(), index)
            if base.isdecimal() and 2 <= int(base[:4]) <= 36:
                return Based(str(node.value), int(base))
            raise NotMathError("a number with an index that is no base")
        if isinstance(node, Symbol | Constant):
            node = Symbol(f"{node.name}_{index}")
            return self._applied(node)
        raise NotMathError("an index behind something that is no name")

    def _raised(self, node: Node) -> Node:
        degrees = self._cursor.took("command", "circ") or self._cursor.took_braced("circ")
        if degrees:
            return Quantity(node, "deg")
        if self._cursor.took("command", "prime") or self._cursor.took_braced("prime"):
            return Symbol(f"{node.name}'") if isinstance(node, Symbol) else node
        exponent = self.exponent()
        return Call("pow", (node, exponent))

    def exponent(self) -> Node:
        if self._cursor.is_("-") or self._cursor.is_("+"):
            negative = self._cursor.take().kind == "-"
            node = self._atom()
            return Call("neg", (node,)) if negative else node
        return self._atom()

    def _atom(self) -> Node:
        token = self._cursor.take()
        if token.kind in {"(", "["}:
            return self._cursor.nested(lambda: self._brackets.bracketed(token.kind))
        if (bracket := self._brackets.reader(token.kind)) is not None:
            return self._cursor.nested(bracket)
        if token.kind == "text" and len(token.text) == 1 and token.text.isalpha():
            return self._letter(token.text)
        if (read := self._READERS.get(token.kind)) is not None:
            return read(self, token.text)
        raise NotMathError(f"{token.text or 'the end'!r} where a value has to be")

    def _money(self, sign: str) -> Node:
        if self._cursor.took("-"):
            return Quantity(Call("neg", (self.power(),)), sign)
        return Quantity(self.power(), sign)

    def _number(self, text: str) -> Node:
        if self._cursor.is_("command", "overline") or self._cursor.is_("command", "dot"):
            return self._repeating(text)
        return literal(text)

    def _repeating(self, text: str) -> Node:
        """`0.1\\overline{6}` is exactly 1/6."""
        self._cursor.take()
        period = "".join(token.text for token in self._cursor.group())
        whole, point, fixed = text.partition(".")
        if not (point and period.isdecimal()):
            raise NotMathError("an overline that repeats no decimals")
        scale = 10 ** len(fixed)
        start = Fraction(int(whole + fixed), scale)
        return Number(start + Fraction(int(period), scale * (10 ** len(period) - 1)))

    def _letter(self, name: str) -> Node:
        if name in {"e", "i"} and not self._cursor.is_("_"):
            return Constant(name)
        if self._cursor.is_("_"):
            return Symbol(name)
        return self._applied(Symbol(name))

    def _applied(self, symbol: Symbol) -> Node:
        """`f(x)` and `E[X]` are a function's values; `x(y+1)` is a product."""
        bracket = self._cursor.now.kind
        event = self._cursor.peek(1)
        called = bracket == "(" and symbol.name[0] in FUNCTION_LETTERS
        expected = symbol.name in {"E", "P"} and event.kind == "letter" and event.text.isupper()
        if called or (bracket in {"(", "["} and expected):
            self._cursor.take()
            argument = self._cursor.nested(lambda: self._brackets.bracketed(bracket))
            return Call(f"{symbol.name}()", (argument,))
        return symbol

    def _function(self, name: str) -> Node:
        base: Node | None = None
        power: Node | None = None
        if self._cursor.took("_"):
            base = self._atom()
        if self._cursor.took("^"):
            power = self.exponent()
        argument = self._argument()
        if power is not None and is_minus_one(power) and name in INVERTIBLE:
            return Call(f"arc{name}", (argument,))
        if name == "log" and base is not None:
            node: Node = Call("logbase", (argument, base))
        elif base is not None:
            raise NotMathError(f"{name} with an index")
        else:
            node = Call(FUNCTION_ALIASES.get(name, name), spread(argument, name))
        return Call("pow", (node, power)) if power is not None else node

    def _argument(self) -> Node:
        if self._cursor.now.kind in {"(", "{", "[", "|"}:
            return self._atom()
        negative = self._cursor.took("-")
        factors = [self.power()]
        while self._starts_factor() and not (self._cursor.is_("function") or self._cursor.is_("(")):
            factors = self._juxtaposed(factors)
        node = joined("mul", factors)
        return Call("neg", (node,)) if negative else node

    def _command(self, name: str) -> Node:
        if (read := self._MACROS.get(name)) is not None:
            return read(self, name)
        if name in {"vec", "overrightarrow"}:
            return displacement(self._macro_argument())
        if name in DECORATIONS:
            return marked(name, self._macro_argument())
        if name in PAIRS:
            return self._cursor.nested(lambda: self._brackets.paired(name))
        if name in GREEK:
            return Symbol(name) if self._cursor.is_("_") else self._applied(Symbol(name))
        if (constant := CONSTANTS.get(name)) is not None:
            return Constant(constant)
        raise NotMathError(f"the command \\{name}")

    def _two_arguments(self, name: str) -> Node:
        operation = "div" if name == "frac" else "binomial"
        node = Call(operation, (self._macro_argument(), self._macro_argument()))
        return derivative(node) if name == "frac" else node

    def _empty_set(self, _: str) -> Node:
        return Items((), "{", "}")

    def _environment(self, _: str) -> Node:
        return self._cursor.nested(self._brackets.environment)

    def _angle(self, _: str) -> Node:
        """An angle by its points, `\\angle ABC` = `\\angle CBA`, or by its amount."""
        points = [self._cursor.peek(distance) for distance in range(4)]
        named = [point.kind == "letter" and point.text.isupper() for point in points]
        if named != [True, True, True, False]:
            return self.power()
        self._cursor.skip(3)
        first, vertex, last = (point.text for point in points[:3])
        return Symbol(f"angle {min(first, last)}{vertex}{max(first, last)}")

    def _blackboard(self, _: str) -> Node:
        letters = "".join(token.text for token in self._cursor.group())
        if letters not in NUMBER_SETS:
            raise NotMathError(f"the blackboard letter {letters}")
        return self._number_set(letters)

    def _number_set(self, letters: str) -> Node:
        index = ""
        while self._cursor.now.kind in {"^", "_"}:
            kind = self._cursor.take().kind
            content = "".join(token.text for token in self._cursor.group())
            index += ("_" if content.startswith((">", "ge", "<", "le")) else kind) + content
        name = NUMBER_SET_NAMES.get(letters + index, letters + index)
        return Symbol(name) if index else Constant(letters)

    def _macro_argument(self) -> Node:
        """What LaTeX gives a macro: a group, or a single digit or letter."""
        token = self._cursor.now
        if token.kind == "number" and len(token.text) > 1:
            self._cursor.replace(Token("number", token.text[1:]))
            if not token.text[0].isdigit():
                raise NotMathError("a macro's argument begins with a point")
            return literal(token.text[0])
        return self._atom()

    def _root(self, _: str) -> Node:
        degree: Node | None = None
        if self._cursor.took("["):
            degree = self.sum()
            self._cursor.expect("]")
        radicand = self._atom()
        if degree is None:
            return Call("sqrt", (radicand,))
        return Call("root", (radicand, degree))

    def _series(self, name: str) -> Node:
        lower = upper = None
        while self._cursor.now.kind in {"_", "^"}:
            if self._cursor.take().kind == "_":
                lower = self._atom()
            else:
                upper = self._atom()
        if not isinstance(lower, Relation) or upper is None or lower.operators != ("=",):
            raise NotMathError(f"\\{name} without bounds")
        index, start = lower.sides
        if not isinstance(index, Symbol | Constant):
            raise NotMathError(f"\\{name} without an index")
        body = with_index(self._product(), index.name)
        return Call(name, (Symbol(index.name), start, upper, body))

    # Of the class, as a parser is made for every text.
    _READERS: ClassVar[Mapping[str, Reader]] = {
        "number": _number, "letter": _letter, "function": _function, "command": _command,
        "$": _money,
    }  # fmt: skip
    _MACROS: ClassVar[Mapping[str, Reader]] = {
        "frac": _two_arguments, "binom": _two_arguments, "sqrt": _root, "mathbb": _blackboard,
        "emptyset": _empty_set, "angle": _angle, "measuredangle": _angle, "sum": _series,
        "prod": _series, "begin": _environment,
    }  # fmt: skip
