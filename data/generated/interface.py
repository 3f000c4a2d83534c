"""How the tests of a problem reach a program: by a function, or by standard input and output."""

import ast
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from data.schema import Record
from sandbox import Program
from sandbox.types import EntryPoint

_NAMED: Final = ("entry_point", "fn_name", "function_name")
_READS: Final = frozenset(("input", "stdin", "open"))
_NAME: Final[TypeAdapter[str]] = TypeAdapter(EntryPoint)


def entry_point_of(record: Record, references: Sequence[Program]) -> str | None:
    """The function that tests call; None: the program reads standard input.

    What the record says of it comes first: its tests, then `entry_point` in its metadata. Else it
    is the one function, or the one method of the one class, that a Python reference has which
    reads nothing.
    """
    tests = record.reference if isinstance(record.reference, dict) else {}
    if tests.get("kind") == "stdio":
        return None
    said: Sequence[Mapping[str, Any]] = (tests, record.metadata)
    for held in said:
        for name in _NAMED:
            if (known := _valid(held.get(name))) is not None:
                return known
    found = {_only_function(one.source) for one in references if one.language == "python"}
    return found.pop() if len(found) == 1 else None


def _valid(name: object) -> str | None:
    try:
        return _NAME.validate_python(name) if isinstance(name, str) else None
    except ValidationError:
        return None


def _only_function(source: str) -> str | None:
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    for node in ast.walk(tree):
        name = node.id if isinstance(node, ast.Name) else getattr(node, "attr", None)
        if name in _READS:
            return None
    defined = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    public = [node for node in defined if not node.name.startswith("_")]
    if len(public) != 1:
        return None
    (only,) = public
    if isinstance(only, ast.FunctionDef):
        return only.name
    methods = [
        node.name
        for node in only.body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    ]
    return f"{only.name}.{methods[0]}" if len(methods) == 1 else None
