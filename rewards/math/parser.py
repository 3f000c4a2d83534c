"""From tokens to nodes: a recursive descent over the grammar of answers.

    answer    := statement ((`,` | `;` | and | or) statement)*
    statement := [words] relation [unit]
    relation  := union ((= | < | le | in | ...) union)*
    union     := ratio ((cup | cap | setminus) ratio)*
    ratio     := sum (`:` sum)*

Guarantees: time linear in the number of tokens, nesting bounded by `cursor.DEPTH_LIMIT`; what the
grammar does not cover raises `NotMathError`. Nothing is evaluated but literals.
"""

import re

from rewards.math.brackets import Brackets
from rewards.math.cursor import END, JOINER, Cursor
from rewards.math.expressions import Expressions
from rewards.math.lexer import NotMathError, Token
from rewards.math.nodes import (
    Call,
    Items,
    Node,
    Number,
    Quantity,
    Relation,
    Symbol,
    Words,
    depth,
)
from rewards.math.vocabulary import ANYTHING, FILLERS, SET_OPERATIONS

NODE_DEPTH_LIMIT = 100
_WORD = re.compile(r"[A-Za-z]+")


def parse(tokens: tuple[Token, ...]) -> Node:
    """The answer that the tokens write.

    Raises:
        NotMathError: They are no answer that the grammar covers.
    """
    cursor = Cursor(tokens)
    node = _Statements(cursor).answer(("end",))
    cursor.expect("end")
    if depth(node) > NODE_DEPTH_LIMIT:
        raise NotMathError(f"more than {NODE_DEPTH_LIMIT} operations inside one another")
    return node


class _Statements:
    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor
        brackets = Brackets(cursor, self.answer, self._statement)
        self._expressions = Expressions(cursor, brackets)

    def answer(self, closers: tuple[str, ...]) -> Node:
        """Statements up to one of `closers`, which is left there."""
        items, joiners = [self._statement(closers)], []
        while self._cursor.now.kind not in closers:
            joiners.append(self._separator())
            if self._cursor.now.kind in closers:
                break  # a trailing comma
            items.append(self._statement(closers))
        if len(items) == 1:
            return items[0]
        word = next((joiner for joiner in joiners if joiner), "")
        return Items(tuple(items), joiner="and" if word == "and" else "or" if word else "")

    def _separator(self) -> str:
        word, found = "", False
        while True:
            if self._cursor.now.kind in {",", ";", "\\"} or self._cursor.is_("&"):
                self._cursor.take()
            elif self._cursor.is_("text") and (joiner := JOINER.fullmatch(self._cursor.now.text)):
                word = joiner[1].lower()
                self._cursor.take()
            elif found:
                return word
            else:
                raise NotMathError(f"{self._cursor.now.text or 'the end'!r} after a whole answer")
            found = True

    def _statement(self, closers: tuple[str, ...]) -> Node:
        words = self._cursor.words()
        ends = self._cursor.now.kind in closers or self._cursor.at_separator()
        if words and ends:
            return Words(" ".join(words))
        if words and self._cursor.relation_sign() is not None:
            return self._relation(Symbol(" ".join(words)))
        known = all(part.lower() in FILLERS for word in words for part in _WORD.findall(word))
        if words and not (known or words[-1].endswith((":", "="))):
            raise NotMathError(f"{' '.join(words)!r} before an expression")
        self._cursor.took(":")
        node = self._relation(None)
        return self._with_unit(node)

    def _with_unit(self, node: Node) -> Node:
        """The unit in words behind a value, with its power: `\\text{ cm}^2`, `km/h`."""
        if not self._cursor.is_("text") or self._cursor.at_separator():
            return self._modulus(node)
        unit, power = [], 1
        while self._cursor.is_("text") and not self._cursor.at_separator():
            unit.append(self._cursor.take().text)
            self._cursor.took(".")
            if self._cursor.took("^"):
                exponent = self._expressions.exponent()
                if not isinstance(exponent, Number) or exponent.value not in {-3, -2, -1, 2, 3}:
                    raise NotMathError("a unit with a strange exponent")
                power = int(exponent.value)
            if self._cursor.is_("/") or self._cursor.is_("*"):
                unit.append(self._cursor.take().text)
        return Quantity(node, " ".join(unit), power)

    def _modulus(self, node: Node) -> Node:
        for name in ("pmod", "mod", "bmod"):
            if self._cursor.took("command", name):
                return Call("mod", (node, self._expressions.power()))
            if self._cursor.is_("(") and self._cursor.command_follows(name):
                self._cursor.skip(2)
                modulus = self._expressions.power()
                self._cursor.expect(")")
                return Call("mod", (node, modulus))
        return node

    def _relation(self, first: Node | None) -> Node:
        sides = [first if first is not None else self._first_side()]
        operators: list[str] = []
        while (sign := self._cursor.relation_sign()) is not None:
            self._cursor.take()
            if sign == "=" and self._cursor.relation_sign() is not None:
                continue  # `= \approx`, `==`
            operators.append(sign)
            words = self._cursor.words()
            if words and (self._cursor.now is END or self._cursor.at_separator()):
                sides.append(Words(" ".join(words)))
            elif words:
                raise NotMathError("words inside a relation")
            else:
                sides.append(self._union())
        return Relation(tuple(sides), tuple(operators)) if operators else sides[0]

    def _first_side(self) -> Node:
        """What stands left of the first sign: nothing in `= 5` and `\\ne 3`."""
        if self._cursor.took("="):
            return self._union()
        return Symbol(ANYTHING) if self._cursor.relation_sign() is not None else self._union()

    def _union(self) -> Node:
        node = self._ratio()
        while self._cursor.is_("command") and self._cursor.now.text in SET_OPERATIONS:
            node = Call(SET_OPERATIONS[self._cursor.take().text], (node, self._ratio()))
        return node

    def _ratio(self) -> Node:
        parts = [self._expressions.sum()]
        if self._cursor.in_braces and isinstance(parts[0], Symbol):
            return parts[0]
        while self._cursor.took(":") or self._cursor.took("text", "to"):
            parts.append(self._expressions.sum())
        if self._cursor.took("command", "choose"):
            return Call("binomial", (parts[0], self._expressions.sum()))
        return Call("ratio", tuple(parts)) if len(parts) > 1 else parts[0]
