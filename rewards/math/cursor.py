"""Where the parser stands in the tokens, and the small questions it asks there."""

from collections.abc import Callable

from rewards.math.nodes import Node
from rewards.math.tokens import NotMathError, Token
from rewards.math.vocabulary import JOINER, RELATIONS

DEPTH_LIMIT = 40  # brackets inside one another
END = Token("end")


class Cursor:
    """A position in the tokens.

    Attributes:
        now: The token to be read next; the end's token at the end.
        bars: How many `|` are open.
        in_braces: Whether a set is being read, in which a colon is no ratio.
    """

    __slots__ = ("_at", "_depth", "_tokens", "bars", "in_braces", "now")

    def __init__(self, tokens: tuple[Token, ...]) -> None:
        self._tokens = [*tokens, END, END, END]
        self._at = 0
        self._depth = 0
        self.now = self._tokens[0]
        self.bars = 0
        self.in_braces = False

    def peek(self, distance: int) -> Token:
        """A token near the next one."""
        return self._tokens[self._at + distance] if self._at + distance >= 0 else END

    def replace(self, token: Token) -> None:
        """Put another token in the place of the next one."""
        self._tokens[self._at] = self.now = token

    def is_(self, kind: str, text: str | None = None) -> bool:
        """Whether the next token is of this kind, and says this."""
        return self.now.kind == kind and (text is None or self.now.text == text)

    def take(self) -> Token:
        """Read a token."""
        token = self.now
        if token is not END:
            self.skip(1)
        return token

    def skip(self, count: int) -> None:
        """Read several tokens that were looked at."""
        self._at += count
        self.now = self._tokens[self._at]

    def took(self, kind: str, text: str | None = None) -> bool:
        """Read the next token if it is of this kind."""
        if self.now.kind != kind or not (text is None or self.now.text == text):
            return False
        self.skip(1)
        return True

    def expect(self, kind: str, text: str | None = None) -> None:
        """Read a token that has to be there."""
        if not self.is_(kind, text):
            raise NotMathError(f"{self.now.text or 'the end'!r} where {text or kind!r} has to be")
        self.take()

    def nested(self, read: Callable[[], Node]) -> Node:
        """Read what stands in brackets."""
        self._depth += 1
        if self._depth > DEPTH_LIMIT:
            raise NotMathError(f"more than {DEPTH_LIMIT} brackets inside one another")
        node = read()
        self._depth -= 1
        return node

    def group(self) -> list[Token]:
        """The tokens of `{...}`, or one token."""
        if not self.took("{"):
            return [self.take()]
        inside: list[Token] = []
        depth = 1
        while self.now is not END:
            depth += {"{": 1, "}": -1}.get(self.now.kind, 0)
            token = self.take()
            if depth == 0:
                return inside
            inside.append(token)
        raise NotMathError("a brace is not closed")

    def took_braced(self, name: str) -> bool:
        """Read `{\\name}` if it comes next."""
        kinds = [self.peek(distance).kind for distance in range(3)]
        found = kinds == ["{", "command", "}"] and self.peek(1).text == name
        if found:
            self.skip(3)
        return found

    def command_follows(self, name: str) -> bool:
        """Whether the token after the next one is this command."""
        following = self.peek(1)
        return following.kind == "command" and following.text == name

    def relation_sign(self) -> str | None:
        """The relation that comes next."""
        if self.now.kind in {"=", "<", ">"} or self.now.kind == "command":
            return RELATIONS.get(self.now.text)
        return None

    def at_separator(self) -> bool:
        """Whether the next token stands between two answers."""
        if self.is_("text"):
            return JOINER.fullmatch(self.now.text) is not None
        return self.now.kind in {",", ";", "\\"}

    def words(self) -> list[str]:
        """Read the words that come next."""
        words = []
        while self.is_("text") and not self.at_separator():
            words.append(self.take().text)
            while self.now.kind in {"'", '"', "."}:
                self.take()
        return words
