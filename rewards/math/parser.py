"""From tokens to nodes: a recursive descent over the grammar of answers.

    answer    := statement ((`,` | `;` | and | or) statement)*
    statement := [words] relation [unit]
    relation  := union ((= | < | le | in | ...) union)*
    union     := ratio ((cup | cap | setminus) ratio)*
    ratio     := sum (`:` sum)*

Guarantees: time linear in the number of tokens, nesting bounded by `cursor.DEPTH_LIMIT`; what the
grammar does not cover raises `NotMathError`. Nothing is evaluated but literals.
"""

from rewards.math.brackets import Brackets
from rewards.math.cursor import END, Cursor
from rewards.math.expressions import Expressions
from rewards.math.leading import BOUNDS_BEHIND, Before, name_words
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
from rewards.math.tokens import NotMathError, Token
from rewards.math.vocabulary import ANYTHING, JOINER, JOINERS, SET_OPERATIONS
from rewards.math.words import may_label

NODE_DEPTH_LIMIT = 100


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
                word = JOINERS.get(joiner[1].lower(), joiner[1].lower())
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
        if not words:
            self._cursor.took(":")
            return self._with_words(self._relation(None))
        if self._cursor.relation_sign() is not None:
            if not may_label(name_words(words)):
                raise NotMathError(f"{' '.join(words)!r} before a relation")
            return self._with_words(self._relation(Symbol(" ".join(words))))
        before = Before.of(words, labelled=self._cursor.took(":"))
        return before.applied(self._with_words(self._relation(None)))

    def _with_words(self, node: Node) -> Node:
        """The words behind a value: a unit, a noun, or a bound (`or more`)."""
        if (sign := self._bound()) is not None:
            return Relation((Symbol(ANYTHING), node), (sign,))
        if not self._cursor.is_("text") or self._cursor.at_separator():
            return self._modulus(node)
        measured: Node = Quantity(node, " ".join(self._cursor.words()))
        while self._cursor.is_("number"):  # `5 ft 3 in`
            more = self._expressions.power()
            if not self._cursor.is_("text") or self._cursor.at_separator():
                raise NotMathError("two numbers side by side")
            more = Quantity(more, " ".join(self._cursor.words()))
            measured = Call("together", (measured, more))
        return measured

    def _bound(self) -> str | None:
        """`or more` and `or less`, in one text or in two."""
        if not self._cursor.is_("text"):
            return None
        pair = [self._cursor.now.text, self._cursor.peek(1).text if self._joins() else ""]
        sign = BOUNDS_BEHIND.get(" ".join(" ".join(pair).lower().split()))
        if sign is not None:
            self._cursor.skip(2 if pair[1] else 1)
            self._cursor.took(".")
        return sign

    def _joins(self) -> bool:
        return self._cursor.at_separator() and self._cursor.peek(1).kind == "text"

    def _modulus(self, node: Node) -> Node:
        if self._cursor.now.kind not in {"command", "("}:
            return node
        for name in ("pmod", "mod", "bmod"):
            call = "bmod" if name == "bmod" else "mod"
            if self._cursor.took("command", name):
                return Call(call, (node, self._expressions.power()))
            if self._cursor.is_("(") and self._cursor.command_follows(name):
                self._cursor.skip(2)
                modulus = self._expressions.power()
                self._cursor.expect(")")
                return Call(call, (node, modulus))
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
        if self._cursor.in_braces and not isinstance(parts[0], Number):
            return parts[0]
        if self._cursor.now.kind not in {":", "text", "command"}:
            return parts[0]
        while self._cursor.took(":") or self._cursor.took("text", "to"):
            parts.append(self._expressions.sum())
        if self._cursor.is_("text", "over") and self._cursor.peek(1).kind == "number":
            self._cursor.take()
            return Call("div", (parts[0], self._expressions.sum()))
        if self._cursor.took("command", "choose"):
            return Call("binomial", (parts[0], self._expressions.sum()))
        if self._cursor.took("command", "over"):
            return Call("div", (parts[0], self._expressions.sum()))
        return Call("ratio", tuple(parts)) if len(parts) > 1 else parts[0]
