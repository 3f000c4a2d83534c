"""Tests that look into the program's functions and classes by inspect, dataclasses, isinstance."""

import pytest

from sandbox import Sandbox
from tests.sandbox.conftest import judged

pytestmark = pytest.mark.asyncio(loop_scope="session")

RECORD = """
from dataclasses import dataclass, field
@dataclass
class Point:
    x: int
    y: list = field(default_factory=list)
@dataclass(frozen=True)
class Settings:
    size: int = 0
"""
RECORD_TEST = """
from dataclasses import asdict, astuple, fields, is_dataclass, replace
point = Point(1, [2])
assert asdict(point) == {"x": 1, "y": [2]} and astuple(point) == (1, [2])
assert is_dataclass(Point) and is_dataclass(point)
assert [one.name for one in fields(Point)] == ["x", "y"]
assert replace(point, x=5) == Point(5, [2]) != point
"""
DEFAULTS_TEST = "assert Settings() == Settings(0) == Settings() and Settings() != Settings(1)\n"
FUNCTION = """
async def wait(): return 1
def count(n: int, step: int = 1, *, stop=None):
    "Count."
    yield n
"""
FUNCTION_TEST = """
import asyncio, inspect
assert inspect.iscoroutinefunction(wait) and asyncio.iscoroutinefunction(wait)
assert inspect.isgeneratorfunction(count) and not inspect.iscoroutinefunction(count)
found = inspect.signature(count).parameters
assert list(found) == ["n", "step", "stop"] and found["step"].default == 1
assert found["n"].annotation is int and found["n"].default is inspect.Parameter.empty
assert "yield" in inspect.getsource(count) and inspect.getdoc(count) == "Count."
"""
BUILTIN = """
class Names(dict):
    def first(self): return next(iter(self))
class Row(list): pass
"""
BUILTIN_TEST = """
names, row = Names(a=1), Row([1, 2])
assert isinstance(names, dict) and isinstance(row, (tuple, list)) and isinstance(row, Row)
assert not isinstance(names, (list, int)) and not isinstance(row, Names)
assert issubclass(Row, list) and not issubclass(Row, dict) and names.first() == "a"
"""
VIEWS = """
import collections, types
def view(): return memoryview(b"ab")
def fixed(): return types.MappingProxyType({"a": 1})
def chained(): return collections.ChainMap({"a": 1}, {"b": 2})
"""
VIEWS_TEST = """
assert view() == b"ab" and view()[0] == 97 and bytes(view()) == b"ab"
assert fixed() == {"a": 1} and dict(fixed()) == {"a": 1}
assert chained() == {"a": 1, "b": 2} and chained()["b"] == 2
"""
RIGHT = {
    "views": (VIEWS, VIEWS_TEST),
    "a record": (RECORD, RECORD_TEST),
    "a record of defaults": (RECORD, DEFAULTS_TEST),
    "functions": (FUNCTION, FUNCTION_TEST),
    "classes derived from containers": (BUILTIN, BUILTIN_TEST),
}
ANY = "    def __eq__(self, other): return isinstance(other, Settings)\n"
WRONG = {
    "another view": (VIEWS.replace('b"ab"', 'b"ac"'), VIEWS_TEST),
    "no record": (
        "class Point:\n    def __init__(self, x, y=()): self.x, self.y = x, y\n",
        RECORD_TEST,
    ),
    "a record equal to every other": (
        RECORD.replace("(frozen=True)", "(eq=False)") + ANY,
        DEFAULTS_TEST,
    ),
    "no coroutine": (FUNCTION.replace("async ", ""), FUNCTION_TEST),
    "another default": (FUNCTION.replace("= 1", "= 2"), FUNCTION_TEST),
    "a class of its own": (
        "class Names:\n    def __init__(self, **k): pass\n    def first(self): return 'a'\n"
        "class Row:\n    def __init__(self, x): pass\n",
        BUILTIN_TEST,
    ),
}


async def test_right_programs_pass(box: Sandbox) -> None:
    found = await judged(box, RIGHT)
    assert {name: one for name, one in found.items() if one != "passed"} == {}


async def test_wrong_programs_fail(box: Sandbox) -> None:
    found = await judged(box, WRONG)
    assert {name: one for name, one in found.items() if not one.startswith("failed")} == {}
