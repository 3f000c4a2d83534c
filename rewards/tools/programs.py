"""Names that a program shown to a reader calls, and that no answer means as a tool.

They count where no tool of that name is on offer: `main()`, `print("x")`, `requests.get(url="x")`.
"""

import re
from typing import Final

_FUNCTIONS: Final = frozenset(
    {"abs", "all", "any", "bin", "bool", "breakpoint", "bytes", "callable", "chr", "dict",
     "dir", "divmod", "enumerate", "eval", "exec", "exit", "filter", "float", "format",
     "frozenset", "getattr", "globals", "hasattr", "hash", "hello", "help", "hex", "id",
     "init", "input", "int", "isinstance", "issubclass", "iter", "len", "list", "locals",
     "main", "map", "max", "min", "next", "object", "oct", "open", "ord", "pow", "print",
     "printf", "println", "quit", "range", "repr", "reversed", "round", "set", "setattr",
     "setup", "slice", "sorry", "sorted", "str", "sum", "super", "test", "tuple", "type",
     "vars", "zip"}
)  # fmt: skip
_OF_TOOLS: Final = re.compile(r"(?:functions?|tools?|default_api|api)[.:/]\w++")
"""A tool's name in a space of names that models put around tools."""


def is_of_a_program(name: str) -> bool:
    """Whether a name is one of a program's own functions, or an attribute of something."""
    if any(mark in name for mark in ".:/"):
        return _OF_TOOLS.fullmatch(name) is None
    return name in _FUNCTIONS


def is_a_tools(name: str) -> bool:
    """Whether a name has words around `_`, as tools' have, and mathematics (`log_2`) does not."""
    if is_of_a_program(name):
        return False
    parts = re.split(r"[.:/]", name)[-1].strip("_").split("_")
    return len(parts) > 1 and all(sum(map(str.isalpha, part)) >= 2 for part in parts)
