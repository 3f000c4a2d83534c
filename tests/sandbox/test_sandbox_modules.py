"""What a Python test calls the program's module, and what of the program it cannot use apart."""

import pytest

from sandbox import Sandbox
from sandbox.harness import why_unusable
from sandbox.judge import parse_tests
from tests.sandbox.conftest import judged

RIGHT = "def add(a, b): return a + b\nclass Base: pass\n"
WRONG = "def add(a, b): return a - b\nclass Base: pass\n"
USES = "\ndef test_it():\n    assert {name}(1, 2) == 3\n"
IMPORTS = {
    "from main import add": "add",
    "from your_module import add": "add",
    "from code import add": "add",  # which the standard library has too
    "from queue import add": "add",
    "import task": "task.add",
    "import calculator as c": "c.add",
    "import src.answer": "src.answer.add",
    "from app.core.adding import add": "add",
    "from src import solution": "solution.add",
    "from .adding import add": "add",
    "from . import submission": "submission.add",
    "import code\nfrom queue import Queue\nfrom answer import *": "add",
    "try:\n    from solution import add\nexcept ImportError:\n    from main import add": "add",
    "try:\n    import numpy\nexcept ImportError:\n    numpy = None\nfrom main import add": "add",
    "import importlib\nm = importlib.import_module('main')": "m.add",
}
MISSING = {
    "from main import add\nfrom helpers import one": "main, helpers",
    "from solution import add\nimport helpers": "helpers",
    "import numpy as np": "numpy",
    "import nothing_like_it": "nothing_like_it",
    "from hypothesis import given\nfrom main import add": "hypothesis",
}
DERIVED = (
    "import solution\nclass T(solution.Base): pass",
    "from main import Base\nclass T(Base): pass",
    "class T(Base): pass",
    "import main\nParent = main.Base\nclass T(Parent): pass",
    "def make():\n    class T(Base): pass\n    return T",
    "T = type('T', (Base,), {})",
    "class T(metaclass=Base): pass",
)
UNDERIVED = (
    "import unittest\nclass T(unittest.TestCase):\n    def test_a(self): assert add(1, 2) == 3",
    "class Base: pass\nclass T(Base): pass",
    "class T(NamedTuple):\n    a: int",
)


def _why(source: str) -> str | None:
    return why_unusable(parse_tests({"kind": "harness", "source": source}))


def test_modules_that_are_not_here_are_named_before_there_is_an_answer() -> None:
    for lines, missing in MISSING.items():
        said = _why(lines + USES.format(name="add"))
        assert said == f"the test needs a module that is not here: {missing}", lines
    for lines, name in IMPORTS.items():
        assert _why(lines + USES.format(name=name)) is None, lines


def test_a_class_that_derives_from_the_programs_is_refused_before_there_is_an_answer() -> None:
    for lines in DERIVED:
        assert "derives from" in str(_why(lines + USES.format(name="add"))), lines
    for lines in UNDERIVED:
        assert _why(lines + USES.format(name="add")) is None, lines


@pytest.mark.asyncio(loop_scope="session")
async def test_the_program_is_what_a_test_imports_under_any_name(box: Sandbox) -> None:
    tests = {lines: lines + USES.format(name=name) for lines, name in IMPORTS.items()}
    pairs = {f"right: {lines}": (RIGHT, test) for lines, test in tests.items()}
    pairs |= {f"wrong: {lines}": (WRONG, test) for lines, test in list(tests.items())[::5]}
    for pair, outcome in (await judged(box, pairs)).items():
        is_right = pair.startswith("right")
        assert outcome.startswith("passed" if is_right else "failed"), (pair, outcome)


def test_a_method_is_named_with_brackets_or_without() -> None:
    for name in ("Solution.add", "Solution().add", " Solution().add"):
        for kind in ({"kind": "calls", "cases": [{"returns": 1}]}, {"kind": "check", "source": ""}):
            assert parse_tests(kind | {"entry_point": name}).entry_point == "Solution.add"  # type: ignore[union-attr]
