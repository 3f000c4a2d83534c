"""Tests that models wrote: which hold, by references or by programs that agree."""

import json
import shutil
from collections.abc import Sequence
from typing import Any

import pytest

from data.asking import Answer
from data.generated.interface import entry_point_of
from data.generated.stage import (
    DISAGREEING,
    FACTS,
    NONE_HOLDS,
    UNREAD,
    UNSOLVED,
    GeneratedTests,
    wants_tests,
)
from data.generated.wording import asking_for_tests
from data.pipeline.block import Drop
from data.schema import Record
from rewards.code.task import read_task
from sandbox import Program

needs_bubblewrap = pytest.mark.skipif(
    shutil.which("bwrap") is None, reason="bubblewrap is not installed"
)
SUM = "print(sum(map(int, input().split())))"
SLOW_SUM = "t = 0\nfor w in input().split(): t += int(w)\nprint(t)"
MAX = "print(max(map(int, input().split())))"
MIN = "print(min(map(int, input().split())))"
ADD = "def add(a, b):\n    return a + b\n"
STDIN = [
    {"category": "normal", "stdin": "1 2", "stdout": "3"},
    {"category": "boundary", "stdin": "7", "stdout": "8"},
    {"category": "complex", "stdin": "1 2 3 4"},
    {"category": "exceptional", "stdin": "x", "stdout": "0"},
]
CALLS = [
    {"category": "normal", "args": [1, 2], "returns": 3},
    {"category": "boundary", "args": [0, 0], "returns": 1},
    {"category": "exceptional", "args": [-1, 1], "kwargs": {}, "returns": 0},
    {"category": "odd", "args": [1, 1], "returns": 2},
]


class Told:
    """What a model answered to everything, or by the question."""

    def __init__(self, answers: dict[str, Sequence[str]]) -> None:
        self._answers = answers

    def answers(self, key: str) -> list[Answer]:
        return [Answer(text) for text in self._answers[key]]


def fenced(value: Any, tag: str = "json") -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return f"<think>Well: ```[]```</think>Here:\n```{tag}\n{text}\n```"


def problem(name: str, *solutions: str, reference: Any = None, **more: Any) -> Record:
    told = {"solutions": [{"language": "python", "source": one} for one in solutions]}
    return Record(
        messages=({"role": "user", "content": name},),
        task="code",
        reference=reference,
        metadata={**(told if solutions else {}), **more},
    )


def stdio(*pairs: tuple[str, str]) -> dict[str, Any]:
    return {"kind": "stdio", "cases": [{"stdin": a, "stdout": b} for a, b in pairs]}


MANY = [{"category": c, "stdin": f"{n} 1", "stdout": str(n + 1)} for n, c in enumerate(
    ["normal"] * 7 + ["boundary"] * 2 + ["complex"]
)]  # fmt: skip
MORE = [{"category": "exceptional", "stdin": f"-{n} 1", "stdout": str(1 - n)} for n in (5, 6)]
EXACT = {**stdio(("1 2", "3")), "compare": "exact"}
OPEN = [{"category": "normal", "stdin": "4 2"}]
SCRIPT = {"kind": "check", "entry_point": "f", "source": ""}
PROBLEMS = {
    "by a reference": (problem("a", SUM), [STDIN], []),
    "by a call": (problem("b", ADD), [CALLS], []),
    "of two models": (problem("c", SUM, SLOW_SUM), [MANY, [*MORE, MANY[0]]], []),
    "by programs": (problem("d"), [STDIN], [SUM, SLOW_SUM, MAX, "no program at all"]),
    "added": (problem("e", SUM, reference=EXACT), [STDIN], []),
    "programs disagree": (problem("f"), [OPEN], [SUM, MAX, MIN]),
    "equal programs": (problem("g"), [STDIN], [SUM, SUM, SUM]),
    "no program": (problem("h"), [STDIN], []),
    "no test": (problem("i", SUM), ["I cannot.", CALLS], []),
    "no test holds": (problem("j", SUM), [STDIN[1:2]], []),
}  # fmt: skip


@pytest.fixture(scope="module")
def found() -> dict[str, Record | Drop]:
    """What becomes of each problem, in one box; a record of another task is left alone."""
    records = [record for record, _, _ in PROBLEMS.values()]
    other = records[0].model_copy(update={"task": "math"})
    models = [
        Told({r.id: [fenced(t) for t in tests[n : n + 1]] for r, tests, _ in PROBLEMS.values()})
        for n in range(2)
    ]
    programs = Told({r.id: [fenced(p, "python") for p in ps] for r, _, ps in PROBLEMS.values()})
    stage = GeneratedTests(tuple(models), (programs,), sandbox="bubblewrap")  # type: ignore[arg-type]
    outcome = stage([*records, other])
    assert outcome.kept[-1] == other
    dropped = {drop.record.id: drop for drop in outcome.dropped}
    kept = iter(outcome.kept)
    return {name: dropped.get(r.id) or next(kept) for name, (r, _, _) in PROBLEMS.items()}


@needs_bubblewrap
def test_tests_that_hold_become_the_reference(found: dict[str, Record | Drop]) -> None:
    expected = {
        "by a reference": stdio(("1 2", "3"), ("1 2 3 4", "10\n")),
        "by programs": stdio(("1 2", "3"), ("1 2 3 4", "10\n")),
        "by a call": {
            "kind": "calls",
            "entry_point": "add",
            "cases": [{"args": [1, 2], "returns": 3}, {"args": [-1, 1], "returns": 0}],
        },
        "added": {**stdio(("1 2", "3"), ("1 2 3 4", "10\n")), "compare": "exact"},
    }
    for name, reference in expected.items():
        record = found[name]
        assert isinstance(record, Record), record
        assert record.reference == reference, name
        assert read_task(record.reference, None, None)
        assert record.id != PROBLEMS[name][0].id
        assert record.id == Record.model_validate(record.model_dump() | {"id": ""}).id


@needs_bubblewrap
def test_what_decided_is_told(found: dict[str, Record | Drop]) -> None:
    by_reference, by_programs = found["by a reference"], found["by programs"]
    assert isinstance(by_reference, Record) and isinstance(by_programs, Record)
    told = {"kept": {"normal": 1, "complex": 1}, "dropped": 2}
    assert by_reference.metadata[FACTS] == told | {"decided_by": "reference solutions"}
    assert by_programs.metadata[FACTS] == told | {"decided_by": "generated programs"}
    sources = [one["source"].strip() for one in by_programs.metadata["solutions"]]  # type: ignore
    assert sources == [SUM, SLOW_SUM]


@needs_bubblewrap
def test_ten_are_taken_of_all_categories_in_turn(found: dict[str, Record | Drop]) -> None:
    record = found["of two models"]
    assert isinstance(record, Record)
    kept = record.metadata[FACTS]["kept"]  # type: ignore[index, call-overload]
    assert kept == {"normal": 5, "boundary": 2, "exceptional": 2, "complex": 1}
    assert len(record.reference["cases"]) == 10  # type: ignore[index, call-overload, arg-type]


@needs_bubblewrap
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("programs disagree", DISAGREEING),
        ("equal programs", DISAGREEING),
        ("no program", UNSOLVED),
        ("no test", UNREAD),
        ("no test holds", NONE_HOLDS),
    ],
)
def test_what_cannot_be_believed_is_dropped(
    name: str, reason: str, found: dict[str, Record | Drop]
) -> None:
    drop = found[name]
    assert isinstance(drop, Drop) and drop.reason == reason
    assert drop.detail and drop.stage == "generated tests"


def test_records_with_tests_get_some_as_it_is_said() -> None:
    none, cases, script = (
        problem("p", reference=reference)
        for reference in (None, stdio(("1", "1")), SCRIPT)
    )  # fmt: skip
    math = none.model_copy(update={"task": "math"})
    for existing, wanted in (
        ("add", [True, True, False, False]),
        ("replace", [True, True, True, False]),
        ("keep", [True, False, False, False]),
    ):
        given = (none, cases, script, math)
        assert [wants_tests(one, existing) for one in given] == wanted  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (problem("p", "def f(x): return open(x)", reference=stdio(("1", "1"))), None),
        (problem("p", reference={"kind": "calls", "entry_point": "g", "cases": []}), "g"),
        (problem("p", ADD, entry_point="Solution().h"), "Solution.h"),
        (problem("p", ADD, fn_name="not a name"), "add"),
        (problem("p", "import math\ndef _h(): pass\ndef f(x): return _h()"), "f"),
        (problem("p", "class A:\n    def __init__(self): pass\n    def f(self): pass"), "A.f"),
        (problem("p", "def f(): return input()\nprint(f())"), None),
        (problem("p", "import sys\ndef f(): return sys.stdin.read()\nprint(f())"), None),
        (problem("p", "def f(): pass\ndef g(): pass"), None),
        (problem("p", ADD, "def other(x): pass"), None),
        (problem("p", "def f(:"), None),
        (problem("p"), None),
    ],
)
def test_how_tests_reach_a_program(record: Record, expected: str | None) -> None:
    given = record.metadata.get("solutions", [])
    programs = [Program(source=one["source"]) for one in given]  # type: ignore
    assert entry_point_of(record, programs) == expected


def test_models_are_asked_with_the_problem_and_its_form() -> None:
    (asked,) = asking_for_tests("Add 50% to `x`. {y}", "solve")
    assert "Add 50% to `x`. {y}" in asked["content"] and "`solve`" in asked["content"]
    for category in ("normal", "boundary", "exceptional", "complex"):
        assert f"- {category}: " in asked["content"]
    (by_input,) = asking_for_tests("Add.", None)
    assert "stdin" in by_input["content"] and "args" not in by_input["content"]
