"""The names of the standard library that a test may patch."""

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Final

MOST: Final = 64
_DOTTED: Final = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*){1,4}")
_ELSEWHERE: Final = frozenset(("builtins.input", "os.environ", "sys.argv", "sys.path"))
"""What the program gets in another way, or must not get."""


def patchable(tree: ast.Module, aliases: Mapping[str, str]) -> list[str]:
    """Names that stand in a patch, in order: as one text, as an owner and a name, or set.

    Args:
        tree: The test.
        aliases: What its imported names stand for.
    """
    found = dict.fromkeys(
        name
        for node in ast.walk(tree)
        for name in _names(node, aliases)
        if name.partition(".")[0] in sys.stdlib_module_names | {"builtins"}
        and name not in _ELSEWHERE
        and not name.startswith(("sys.std", "sys.modules", "unittest"))
    )
    return list(found)[:MOST]


def _names(node: ast.AST, aliases: Mapping[str, str]) -> Iterator[str]:
    if isinstance(node, ast.Assign):
        for target in node.targets:
            if isinstance(target, ast.Attribute):
                yield _dotted(target, aliases)
    if not isinstance(node, ast.Call) or not node.args:
        return
    first = node.args[0]
    name = node.args[1] if len(node.args) > 1 else None
    if isinstance(first, ast.Constant):
        if isinstance(first.value, str) and _DOTTED.fullmatch(first.value):
            yield first.value
    elif isinstance(name, ast.Constant) and isinstance(name.value, str):
        yield f"{_dotted(first, aliases)}.{name.value}"


def _dotted(node: ast.expr, aliases: Mapping[str, str]) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value, aliases)}.{node.attr}"
    return aliases.get(node.id, "") if isinstance(node, ast.Name) else ""
