"""The level of trust of tests: known from the data, ordered, and kept by judgements."""

import itertools
from typing import Any

import pytest

from sandbox import Program, Sandbox, Trust
from sandbox.judge import parse_tests
from sandbox.trust import trust_of

CASES = [{"stdin": "1", "stdout": "1"}]
CHECKER = {"source": "import sys", "language": "python"}
PLAIN_CHECK = "def check(candidate):\n    assert candidate(1) == 2\n"
LOOP_CHECK = "def check(candidate):\n    for i in range(3):\n        assert candidate(i) > i\n"
TABLE: list[tuple[dict[str, Any], str, str]] = [
    ({"kind": "stdio", "cases": CASES}, "c", "outside"),
    ({"kind": "stdio", "cases": CASES, "checker": CHECKER}, "java", "checker"),
    ({"kind": "calls", "entry_point": "f", "cases": [{"returns": 1}]}, "cpp", "outside"),
    ({"kind": "check", "entry_point": "f", "source": PLAIN_CHECK}, "python", "outside"),
    ({"kind": "check", "entry_point": "f", "source": LOOP_CHECK}, "python", "checker"),
    ({"kind": "check", "entry_point": "f", "source": "def check(("}, "python", "checker"),
    ({"kind": "harness", "source": "assert f(1) == 2"}, "python", "outside"),
    ({"kind": "harness", "source": "x = f(1)\nassert x == 2"}, "python", "checker"),
    ({"kind": "harness", "source": "console.assert(f(1) === 2)"}, "javascript", "checker"),
    ({"kind": "harness", "source": "int main() { return f(1) != 2; }"}, "c", "in_process"),
    ({"kind": "harness", "source": "int main() { return f(1) != 2; }"}, "cpp", "in_process"),
]


@pytest.mark.parametrize(("tests", "language", "level"), TABLE)
def test_the_level_is_read_from_the_tests(tests: dict[str, Any], language: Any, level: str) -> None:
    assert trust_of(parse_tests(tests), language) is Trust(level)


def test_levels_are_in_order() -> None:
    upwards = [Trust.IN_PROCESS, Trust.CHECKER, Trust.OUTSIDE]
    for (i, one), (j, other) in itertools.product(enumerate(upwards), repeat=2):
        assert one.reaches(other) == (i >= j)


@pytest.mark.asyncio(loop_scope="session")
async def test_a_program_that_does_not_compile_has_the_level_of_its_tests(box: Sandbox) -> None:
    tests = {"kind": "harness", "source": "int main(void) { return f(1) != 2; }"}
    judgement = await box.judge(Program(source="int f(", language="c"), tests)
    assert (judgement.status, judgement.trust) == ("compile_error", "in_process")
