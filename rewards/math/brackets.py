"""What brackets hold: groups, tuples, intervals, sets, absolute values, matrices."""

from collections.abc import Callable

from rewards.math.cursor import END, Cursor
from rewards.math.nodes import (
    Call,
    Items,
    Matrix,
    Node,
)
from rewards.math.tokens import NotMathError
from rewards.math.vocabulary import LISTS, MATRICES, PAIRS

Closers = tuple[str, ...]


class Brackets:
    """Reads brackets at the cursor; what they hold is read by the parser that made this.

    Args:
        cursor: Where the parser stands.
        answer: Reads answers up to one of the closing tokens.
        statement: Reads one answer.
    """

    def __init__(
        self,
        cursor: Cursor,
        answer: Callable[[Closers], Node],
        statement: Callable[[Closers], Node],
    ) -> None:
        self._cursor = cursor
        self._answer = answer
        self._statement = statement

    def reader(self, opening: str) -> Callable[[], Node] | None:
        """What reads the brackets that begin so; None for `(` and `[`, and for all else."""
        if opening == "{":
            return self.braced
        if opening == "\\{":
            return self.set_
        return self.absolute if opening == "|" else None

    def bracketed(self, left: str) -> Node:
        """A tuple, an interval or a group, after its opening bracket."""
        bars, self._cursor.bars = self._cursor.bars, 0
        braces, self._cursor.in_braces = self._cursor.in_braces, False
        if self._cursor.now.kind in {")", "]"}:
            raise NotMathError("empty brackets")
        content = self._answer((")", "]"))
        self._cursor.bars, self._cursor.in_braces = bars, braces
        right = self._cursor.take().kind
        if isinstance(content, Items) and not content.left:
            return Items(content.items, left, right, content.joiner)
        if (left, right) in {("(", ")"), ("[", "]")}:
            return content
        raise NotMathError("brackets of two kinds around one value")

    def braced(self) -> Node:
        """LaTeX's own group."""
        bars, self._cursor.bars = self._cursor.bars, 0
        content = self._answer(("}",))
        self._cursor.bars = bars
        self._cursor.expect("}")
        return content

    def set_(self) -> Node:
        """A set, listed or by a condition."""
        if self._cursor.took("\\}"):
            return Items((), "{", "}")
        bars, self._cursor.bars = self._cursor.bars, 1
        braces, self._cursor.in_braces = self._cursor.in_braces, True
        content = self._answer(("\\}", "|", ":"))
        self._cursor.in_braces, self._cursor.bars = braces, bars
        if self._cursor.now.kind != "\\}":
            self._cursor.take()
            condition = self._answer(("\\}",))
            self._cursor.expect("\\}")
            return Call("such that", (content, condition))
        self._cursor.expect("\\}")
        items = content.items if isinstance(content, Items) and not content.left else (content,)
        return Items(items, "{", "}")

    def absolute(self) -> Node:
        """An absolute value."""
        self._cursor.bars += 1
        content = self._answer(("|",))
        self._cursor.bars -= 1
        self._cursor.expect("|")
        return Call("abs", (content,))

    def paired(self, name: str) -> Node:
        """Floor, ceiling, or a vector in angle brackets."""
        closing, function = PAIRS[name]
        content = self._answer(("command",))
        self._cursor.expect("command", closing)
        if function:
            return Call(function, (content,))
        items = content.items if isinstance(content, Items) and not content.left else (content,)
        return Items(items, "(", ")")

    def environment(self) -> Node:
        """A matrix, or a system of equations, after `\\begin`."""
        name = "".join(token.text for token in self._cursor.group())
        if name == "array" and self._cursor.is_("{"):
            self._cursor.group()
        if name not in MATRICES and name not in LISTS:
            raise NotMathError(f"the environment {name}")
        rows: list[list[Node]] = [[]]
        while not self._cursor.took("command", "end"):
            if self._cursor.now is END:
                raise NotMathError(f"the environment {name} is not closed")
            if self._cursor.took("\\"):
                rows.append([])
            elif not self._cursor.took("&") and not self._cursor.took("command", "hline"):
                rows[-1].append(self._statement(("&", "\\", "command", ",")))
                self._cursor.took(",")
        self._cursor.group()
        full = [tuple(row) for row in rows if row]
        if name in LISTS:
            cells = tuple(cell for row in full for cell in row)
            return cells[0] if len(cells) == 1 else Items(cells, joiner="and")
        if not full or len({len(row) for row in full}) != 1:
            raise NotMathError("a matrix whose rows differ in length")
        if len(full) == 1 == len(full[0]):
            return full[0][0]
        matrix = Matrix(tuple(full))
        return Call("abs", (matrix,)) if name == "vmatrix" else matrix  # a determinant
