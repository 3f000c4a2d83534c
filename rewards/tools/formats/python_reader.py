"""Calls and literals in Python's notation, read without Python.

Guarantees: nothing is evaluated; `MalformedError` is the only thing raised. Names may be what
Python does not allow: reserved words as arguments (`from="a"`), hyphens (`lookup-user(id=1)`), any
name of a tool on offer, with spaces too (`Market Trends API(x=1)`). Values are literals: strings,
numbers with a sign, True, False, None (also JSON's true, false, null), lists, tuples (which become
lists) and objects with text keys. Time is linear, depth is bounded.
"""

import ast
import re
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from rewards.tools.strict_json import MAX_DIGITS, MalformedError
from rewards.tools.types import ToolCall, shown

MAX_LENGTH: Final = 65_536  # characters of calls
MAX_NESTING: Final = 64
NAME: Final = re.compile(r"[^\W\d][\w\-]*+(?:[.:/][^\W\d][\w\-]*+)*+")
_SPACED: Final = re.compile(rf"{NAME.pattern}(?: [\w\-.]{{1,64}}){{0,8}}")
_KEY: Final = re.compile(r"([^\s=,()\[\]{}'\"]{1,256}+)\s{0,64}=(?!=)")
_BLANK: Final = re.compile(r"\s*+")
_STRING: Final = re.compile(r"(?P<prefix>[A-Za-z]{0,2})(?:(?P<three>\"{3}|'{3})|(?P<one>[\"']))")
_REST: Final[Mapping[str, re.Pattern[str]]] = {
    '"': re.compile(r'(?:[^"\\\n]++|\\.)*+"', re.DOTALL),
    "'": re.compile(r"(?:[^'\\\n]++|\\.)*+'", re.DOTALL),
    '"""': re.compile(r'(?:[^"\\]++|\\.|"(?!""))*+"""', re.DOTALL),
    "'''": re.compile(r"(?:[^'\\]++|\\.|'(?!''))*+'''", re.DOTALL),
}
_NUMBER: Final = re.compile(
    r"([+-]?)\s{0,8}(0[xX][0-9A-Fa-f_]{1,400}|0[oO][0-7_]{1,400}|0[bB][01_]{1,400}"
    r"|(?:\d[\d_]*+\.?[\d_]*+|\.\d[\d_]*+)(?:[eE][+-]?\d[\d_]*+)?)(?![\w.])"
)
_WORD: Final = re.compile(r"[^\W\d]\w*+")
_CONSTANTS: Final[Mapping[str, Any]] = {
    "True": True, "False": False, "None": None, "true": True, "false": False, "null": None,
}  # fmt: skip


def literal(source: str) -> Any:
    """The value of a Python literal.

    Raises:
        MalformedError: It is none.
    """
    reader = Reader(source)
    value = reader.value(0)
    reader.finish()
    return value


def call_in(source: str, parameters: Mapping[str, Sequence[str]]) -> ToolCall:
    """The call of which a text consists; arguments may stand without their names.

    Args:
        source: Such as `sort('a.txt')` or `sort(file_name='a.txt')`.
        parameters: The names of each tool's parameters, in their order.

    Raises:
        MalformedError: It is something else.
    """
    reader = Reader(source, parameters=parameters)
    call = reader.call()
    reader.finish()
    return call


def called_at(text: str, start: int, odd: Iterable[str] = ()) -> tuple[str, int] | None:
    """The name that is called at `start`, and where its bracket opens.

    Args:
        text: An answer.
        start: Where the name would begin.
        odd: Names beside those that `NAME` reads; see `odd_names`.
    """
    for name in odd:
        if text.startswith(name, start) and (at := _bracket(text, start + len(name))) is not None:
            return name, at
    match = NAME.match(text, start)
    if match is None or (at := _bracket(text, match.end())) is None:
        return None
    return match[0], at


def odd_names(names: Iterable[str]) -> tuple[str, ...]:
    """The names that are not read as such, the longest first."""
    found = [name for name in names if NAME.fullmatch(name) is None]
    return tuple(sorted(found, key=len, reverse=True))


def _bracket(text: str, start: int) -> int | None:
    at = start
    while at < len(text) and at - start < 64 and text[at] in " \t\n\r":
        at += 1
    return at if text.startswith("(", at) else None


class Reader:
    """Reads calls from a text, from a place on."""

    def __init__(
        self,
        text: str,
        odd: tuple[str, ...] = (),
        *,
        spaced: bool = False,
        parameters: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        """Begin at the start of `text`.

        Args:
            text: What is read.
            odd: Names beside those that `NAME` reads; see `odd_names`.
            spaced: Whether any name may have spaces in it.
            parameters: Names by tool for arguments that stand without one; None: none may.

        Raises:
            MalformedError: The text is too long.
        """
        if len(text) > MAX_LENGTH:
            raise MalformedError(f"calls of more than {MAX_LENGTH:,} characters")
        self.text = text
        self.at = 0
        self._odd = odd
        self._spaced = spaced
        self._parameters = parameters
        self._unnamed = 0

    def calls(self) -> list[ToolCall]:
        """A list of calls, several with commas, or one; nothing else.

        Raises:
            MalformedError: The text is something else.
        """
        if self._takes("["):
            found = self._several(self.call, "]")
        else:
            found = [self.call()]
            while self._takes(",") and not self._ended():
                found.append(self.call())
        self.finish()
        return found

    def statements(self, until: str = "") -> list[ToolCall]:
        """Calls with commas, semicolons or line ends between them, up to the mark `until`.

        Raises:
            MalformedError: Something else stands there, or the mark does not.
        """
        found: list[ToolCall] = []
        end = self.at
        while not (self._takes(until) if until else self._ended()):
            parted = "\n" in self.text[end : self.at] or not found
            if found and (self._takes(",") or self._takes(";")):
                end = self.at
                continue
            if not parted and self.text[end - 1 : end] not in (",", ";"):
                raise self._error("two calls without a line end between them")
            found += self._several(self.call, "]") if self._takes("[") else [self.call()]
            end = self.at
        return found

    def call(self) -> ToolCall:
        """`name(key=value, ...)`.

        Raises:
            MalformedError: It is something else.
        """
        start = self._blank()
        called = called_at(self.text, start, self._odd)
        if called is None and self._spaced and (words := _SPACED.match(self.text, start)):
            called = called_at(self.text, start, (words[0],))
        if called is None:
            raise self._error("no call")
        name, self.at = called
        self.at += 1
        arguments: dict[str, Any] = {}
        self._unnamed = 0
        for key, value in self._several(lambda: self._argument(name), ")"):
            if key in arguments:
                raise MalformedError(f"the key {shown(key)} stands twice")
            arguments[key] = value
        return ToolCall(name, arguments)

    def value(self, depth: int) -> Any:
        """A literal.

        Raises:
            MalformedError: It is something else, or nested too deeply.
        """
        if depth > MAX_NESTING:
            raise MalformedError("nested too deeply")
        start = self._blank()
        first = self.text[start : start + 1]
        if first == "[":
            self.at += 1
            return self._several(lambda: self.value(depth + 1), "]")
        if first == "{":
            self.at += 1
            return self._object(depth)
        if first == "(":
            self.at += 1
            return self._bracketed(depth)
        if (match := _STRING.match(self.text, start)) is not None:
            return self._strings(match)
        if (match := _NUMBER.match(self.text, start)) is not None:
            self.at = match.end()
            return _number(match[1], match[2].replace("_", ""))
        if (match := _WORD.match(self.text, start)) is not None and match[0] in _CONSTANTS:
            self.at = match.end()
            return _CONSTANTS[match[0]]
        raise self._error("an argument is no literal")

    def finish(self) -> None:
        """Nothing follows.

        Raises:
            MalformedError: Something does.
        """
        if not self._ended():
            raise self._error("something follows what was read")

    def _argument(self, name: str) -> tuple[str, Any]:
        start = self._blank()
        key = _KEY.match(self.text, start)
        if key is None or key[1].startswith("*"):
            if self.text.startswith("*", start):
                raise MalformedError(f"the call of {shown(name)} has ** in it")
            known = (self._parameters or {}).get(name, ())
            if self._unnamed < len(known):
                self._unnamed += 1
                return known[self._unnamed - 1], self.value(1)
            raise MalformedError(
                f"the call of {shown(name)} has an argument without a name at character {start}"
            )
        self.at = key.end()
        return key[1], self.value(1)

    def _several(self, read: Callable[[], Any], close: str) -> list[Any]:
        """What `read` reads, with commas between, up to `close`."""
        found: list[Any] = []
        while not self._takes(close):
            if found and not self._takes(","):
                raise self._error("no comma where one should be, or no literal")
            if found and self._takes(close):
                break
            found.append(read())
        return found

    def _bracketed(self, depth: int) -> Any:
        """A tuple, or one value in brackets."""
        items: list[Any] = []
        comma = True
        while not self._takes(")"):
            if not comma:
                raise self._error("no comma where one should be, or no literal")
            items.append(self.value(depth + 1))
            comma = self._takes(",")
        return items[0] if len(items) == 1 and not comma else items

    def _object(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}

        def pair() -> tuple[Any, Any]:
            key = self.value(depth + 1)
            if not self._takes(":"):
                raise self._error("an object has a key without a value")
            return key, self.value(depth + 1)

        for key, value in self._several(pair, "}"):
            if not isinstance(key, str):
                raise MalformedError("an object has a key that is no text")
            if key in found:
                raise MalformedError(f"the key {shown(key)} stands twice")
            found[key] = value
        return found

    def _strings(self, match: re.Match[str]) -> str:
        """A string, or several in a row, which are one."""
        parts: list[str] = []
        found: re.Match[str] | None = match
        while found is not None:
            parts.append(self._string(found))
            found = _STRING.match(self.text, self._blank())
        return "".join(parts)

    def _string(self, opening: re.Match[str]) -> str:
        prefix, quote = opening["prefix"].lower(), opening["three"] or opening["one"]
        if prefix not in ("", "r", "u"):
            raise MalformedError(f"an argument is no literal but a string with {shown(prefix)}")
        rest = _REST[quote].match(self.text, opening.end())
        if rest is None:
            raise self._error("a string is not closed")
        self.at = rest.end()
        inner = rest[0][: -len(quote)]
        if "\\" not in inner and "\r" not in inner and "\0" not in inner:
            return inner
        return _decoded(self.text[opening.start() : rest.end()])

    def _takes(self, mark: str) -> bool:
        if self.text.startswith(mark, self._blank()):
            self.at += len(mark)
            return True
        return False

    def _ended(self) -> bool:
        return self._blank() == len(self.text)

    def _blank(self) -> int:
        match = _BLANK.match(self.text, self.at)
        assert match is not None, "it matches nothing too"
        self.at = match.end()
        return self.at

    def _error(self, what: str) -> MalformedError:
        return MalformedError(f"broken call: {what} at character {self.at}")


def _decoded(token: str) -> str:
    """The value of one string literal of Python, escapes and all; nothing is run."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the parser's own, on escapes in the model's text
            value = ast.literal_eval(token)
    except (SyntaxError, ValueError, MemoryError) as error:
        raise MalformedError(f"broken call: {type(error).__name__} in a string") from error
    assert isinstance(value, str), "the prefix of bytes was refused"
    return value


def _number(sign: str, digits: str) -> int | float:
    if len(digits) > MAX_DIGITS:
        raise MalformedError(f"a number of more than {MAX_DIGITS} digits")
    try:
        value: int | float = int(digits, 0)
    except ValueError as error:
        if digits.isdecimal():  # Python has no 007
            raise MalformedError(f"broken call: the number {shown(digits)}") from error
        value = float(digits)
    if value == float("inf"):
        raise MalformedError("a number that JSON does not have")
    return -value if sign == "-" else value
