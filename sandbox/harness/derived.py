"""Classes of a test that derive from the program's, which no class in another process can."""

import ast
from collections.abc import Iterator, Set
from typing import Final

from sandbox.errors import TestsError
from sandbox.harness.names import root_of

LENT: Final = """
    ABC Counter Enum Flag Generic IntEnum NamedTuple OrderedDict Protocol SimpleNamespace StrEnum
    TestCase Thread TypedDict UserDict UserList defaultdict deque
"""
"""Classes of the library that a program may lend its test, which has not imported them."""


def refuse_derived(tree: ast.Module, program: Set[str]) -> None:
    """Check that no class of a test derives from one of the program.

    Args:
        tree: The test.
        program: Its names that are the program's.

    Raises:
        TestsError: One does.
    """
    theirs = set(program) - set(LENT.split())
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name | ast.Attribute):
            targets = {one.id for one in node.targets if isinstance(one, ast.Name)}
            theirs |= targets if root_of(node.value) in theirs else set()
    for node in ast.walk(tree):
        for base in _bases(node):
            if root_of(base) in theirs:
                raise TestsError(
                    f"a class of the test derives from {ast.unparse(base)} of the program, which "
                    "runs in another process: test the class itself, or derive it in the program"
                )


def _bases(node: ast.AST) -> Iterator[ast.expr]:
    if isinstance(node, ast.ClassDef):
        yield from node.bases
        yield from (one.value for one in node.keywords)
    elif isinstance(node, ast.Call) and len(node.args) == 3 and root_of(node.func) == "type":
        yield from getattr(node.args[1], "elts", ())
