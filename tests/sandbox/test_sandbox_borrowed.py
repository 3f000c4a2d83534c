"""What a program takes from the library for its own class or answer is judged as its own would be.

A wrong one is wrong, not unjudged: no answer may choose to be left out.
"""

import pytest

from sandbox import Program, Sandbox
from tests.sandbox.conftest import judged

pytestmark = pytest.mark.asyncio(loop_scope="session")

CLASSES = (
    *("Exception", "ValueError", "property", "slice", "range", "type", "object", "int", "list"),
    *("collections.Counter", "types.SimpleNamespace", "pathlib.Path", "functools.partial"),
    *("unittest.SkipTest", "threading.Thread", "io.StringIO", "asyncio.CancelledError"),
)
TREES = {
    "script": "tree = TreeNode(4)\nassert depth(tree) == 2\n",
    "function": "from solution import *\ndef test_a():\n    assert depth(TreeNode(4)) == 2\n",
}


async def test_a_class_of_the_librarys_is_a_wrong_answer(box: Sandbox) -> None:
    head = "import asyncio, collections, functools, io, pathlib, threading, types, unittest\n"
    pairs = {
        f"{name}, {kind}": (f"{head}TreeNode = {name}\ndef depth(tree): return 0\n", test)
        for name in CLASSES
        for kind, test in TREES.items()
    }
    found = await judged(box, pairs)
    assert {name: how for name, how in found.items() if not how.startswith("failed")} == {}


ANSWERS = {  # a right answer, what it is called with, and what that gives
    "int": ("'5'", "5"),
    "str": ("5", "'5'"),
    "float": ("'1.5'", "1.5"),
    "bool": ("1", "True"),
    "set": ("[1, 1]", "{1}"),
    "dict": ("[(1, 2)]", "{1: 2}"),
    "tuple": ("[1]", "(1,)"),
    "frozenset": ("[1]", "{1}"),
    "len": ("'abc'", "3"),
    "sorted": ("[2, 1]", "[1, 2]"),
    "str.upper": ("'a'", "'A'"),
    "__import__('math').factorial": ("3", "6"),
    "__import__('functools').partial(int, base=2)": ("'11'", "3"),
}
CHECK = "def check(candidate):\n    for n in range(2):\n        assert candidate({}) == {}\n"


async def test_a_function_or_class_of_the_librarys_may_be_the_answer(box: Sandbox) -> None:
    test = "from solution import f\ndef test_a():\n    assert f({}) == {}\n"
    pairs = {name: (f"f = {name}\n", test.format(*case)) for name, case in ANSWERS.items()}
    found = await judged(box, pairs)
    assert {name: how for name, how in found.items() if how != "passed"} == {}
    for name, (given, gives) in ANSWERS.items():
        for returned, passes in ((gives, True), (f"[{gives}, 0]", False)):
            tests = {"kind": "check", "entry_point": "f", "source": CHECK.format(given, returned)}
            judgement = await box.judge(Program(source=f"f = {name}\n"), tests)
            assert judgement.passed is passes, (name, judgement)
