"""Generated tests: the format, and what is kept of them."""

import json

import pytest

from sandbox import Program, Sandbox, TestsError
from sandbox.generated import MOST_TESTS, Problem, read_reply, validate
from sandbox.types import CallTests, StdioTests

pytestmark = pytest.mark.asyncio(loop_scope="session")

SUM = "print(sum(map(int, input().split())))"
LOOP = "t = 0\nfor w in input().split(): t += int(w)\nprint(t)"
TESTS = [
    {"category": "normal", "stdin": "1 2", "stdout": "3"},
    {"category": "boundary", "stdin": "0", "stdout": "0"},
    {"category": "complex", "stdin": "1 2 3 4", "stdout": "11"},
    {"category": "exceptional", "stdin": "-5 5"},
    {"category": "exceptional", "stdin": "x"},
]


def problem(tests: list[dict[str, object]], *solutions: str, **more: object) -> Problem:
    programs = [Program(source=source) for source in solutions]
    return Problem.model_validate({"id": "p", "tests": tests, "solutions": programs, **more})


async def test_a_test_is_kept_when_all_solutions_agree(box: Sandbox) -> None:
    validated = await validate(box, problem(TESTS, SUM, LOOP))
    assert isinstance(validated.tests, StdioTests)
    assert [case.stdout.strip() for case in validated.tests.cases] == ["3", "0", "0"]
    assert validated.kept == {"normal": 1, "boundary": 1, "exceptional": 1}
    assert [one.index for one in validated.dropped] == [2, 4]
    assert "wrong_answer" in validated.dropped[0].reason


async def test_solutions_that_differ_keep_nothing(box: Sandbox) -> None:
    other = "print(max(map(int, input().split())))"
    validated = await validate(box, problem(TESTS[3:4], SUM, other))
    assert validated.tests is None
    assert [one.index for one in validated.dropped] == [0]


async def test_a_solution_that_does_not_load_keeps_nothing(box: Sandbox) -> None:
    validated = await validate(box, problem(TESTS[:2], SUM, "import nothing_like_it"))
    assert validated.tests is None
    assert len(validated.dropped) == 2


async def test_calls(box: Sandbox) -> None:
    tests = [
        {"category": "normal", "args": [[1, 2]], "returns": 3},
        {"category": "boundary", "args": [[]], "returns": 0},
        {"category": "complex", "args": [[1, 1]], "returns": 3},
    ]
    one = "def total(v): return sum(v)"
    two = "def total(v):\n    return v[0] + total(v[1:]) if v else 0"
    validated = await validate(box, problem(tests, one, two, entry_point="total"))
    assert isinstance(validated.tests, CallTests)
    assert [call.returns for call in validated.tests.cases] == [3, 0]
    with pytest.raises(TestsError, match="must have stdin"):
        await validate(box, problem(tests, one, two))


async def test_a_reply_is_read() -> None:
    text = f"Here they are:\n```json\n{json.dumps(TESTS)}\n```\nDone."
    tests, faults = read_reply(text)
    assert [test.category for test in tests][:2] == ["normal", "boundary"]
    assert faults == []
    assert len(read_reply(json.dumps(TESTS))[0]) == 5
    for bad in ("no tests", "[]", "{}", json.dumps(TESTS[:1] * (MOST_TESTS + 1))):
        with pytest.raises(TestsError):
            read_reply(bad)
    tests, faults = read_reply(json.dumps([1, *TESTS, {"stdin": "1", "category": "odd"}]))
    assert len(tests) == 5
    assert [fault.partition(": ")[0] for fault in faults] == ["test 0", "test 6"]
    assert faults[1].startswith("test 6: category")
