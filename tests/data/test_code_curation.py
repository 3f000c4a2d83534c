"""Which code records are kept: one box, a table of records, and a reason for each that is not."""

import json
import shutil
from typing import Any

import pytest

from data.curate import code, code_examination, code_stubs, code_weakness
from data.curate.code import FACTS, CodeTests
from data.curate.code_examination import Rules
from data.errors import UnavailableError
from data.pipeline.block import Drop
from data.schema import Record

needs_bubblewrap = pytest.mark.skipif(
    shutil.which("bwrap") is None, reason="bubblewrap is not installed"
)
ADD = "def add(a, b):\n    return a + b\n"
ADD_CASES = [([1, 2], 3), ([0, 0], 0), ([-5, 2], -3)]
BIGGEST = (
    "def f(v):\n    m = v[0]\n    for x in v:\n        if x > m:\n            m = x\n    return m"
)
MARK = """def f(score):
    if score > 95:
        return "A+"
    if score > 90:
        return "A"
    if score > 80:
        return "B"
    if score > 70:
        return "C"
    return "D"
"""
ECHO_IN_C = '#include <stdio.h>\nint main(void){int a; while(scanf("%d",&a)==1) printf("%d ",a+1);}'
STDIO = {"kind": "stdio", "cases": [{"stdin": "1 2", "stdout": "2 3"}, {"stdin": "", "stdout": ""}]}


def calls(name: str, cases: Any) -> dict[str, Any]:
    made = [{"args": args, "returns": returns} for args, returns in cases]
    return {"kind": "calls", "entry_point": name, "cases": made}


def record(reference: Any, *sources: str, language: str = "python", **more: Any) -> Record:
    solutions = [{"language": language, "source": source} for source in sources]
    told = {"solutions": solutions} if sources else {}
    return Record(
        messages=({"role": "user", "content": json.dumps([reference, sources, more])},),
        task="code",
        reference=reference,
        language="en",
        metadata={**told, **more},
    )


def script(source: str) -> dict[str, Any]:
    return {"kind": "harness", "source": source, "language": "python"}


def check(*claims: str) -> dict[str, Any]:
    lines = "".join(f"    assert {claim}\n" for claim in claims)
    return {"kind": "check", "entry_point": "f", "source": f"def check(candidate):\n{lines}"}


KEPT = {
    "calls": record(calls("add", ADD_CASES), ADD),
    "no reference": record(calls("add", ADD_CASES)),
    "a mutant that is as good as the reference": record(
        calls("f", [([[1, 3, 2]], 3), ([[4]], 4), ([[-2, -1]], -1)]), BIGGEST
    ),
    "a reference of an older Python beside one that runs": record(
        calls("add", ADD_CASES), "def add(a, b):\n    print a\n", ADD
    ),
    "a reference that is too slow beside one that is not": record(
        calls("add", ADD_CASES),
        "def add(a, b):\n    while True: pass\n",
        ADD,
        limits={"wall_seconds": 3},
    ),
    "a program in C": record(STDIO, ECHO_IN_C, language="c"),
    "a check": record(check("candidate(1) == 2", "candidate(5) == 6"), "def f(x): return x + 1"),
    "a script": record(script("from solution import f\nassert f([2, 1]) == [1, 2]"), "f = sorted"),
    "no code": record("4").model_copy(update={"task": "math"}),
}
DROPPED = {
    code.NO_TESTS: [record(None, ADD), record({}, ADD)],
    code.UNREADABLE: [
        record({"kind": "stdio"}, ADD),
        record("no JSON", ADD),
        record(calls("add", ADD_CASES), ADD, language="python", limits={"wall_seconds": -1}),
    ],
    code.DISTRUSTED: [
        record({"kind": "harness", "source": "int main(){return f();}", "language": "c"}, "")
    ],
    code_examination.NOTHING_RUNS: [record(check("True"), "def f(x): return x")],
    code_examination.FOREIGN: [
        record(calls("add", ADD_CASES), "import surely_not_there\n" + ADD),
        record(STDIO, "int main( {", language="c"),
    ],
    code_examination.FAILING: [
        record(calls("add", [*ADD_CASES, ([1, 1], 3)]), ADD),
        record(calls("sub", ADD_CASES), ADD),
    ],
    code_examination.DISAGREEING: [
        record(
            calls("f", [([4], 2), ([7], 3)]), "def f(x): return x // 2", "def f(x): return x / 2"
        )
    ],
    code_examination.SLOW: [
        record(
            calls("f", [([1], 2)]),
            "import time\ndef f(x):\n    time.sleep(0.7)\n    return x + 1",
            limits={"wall_seconds": 1},
        ),
        record(calls("f", [([1], 2)]), "def f(x):\n    while x: pass", limits={"wall_seconds": 1}),
    ],
    code_stubs.EMPTY: [
        record({"kind": "stdio", "cases": [{"stdin": "1", "stdout": ""}]}, "input()"),
        record(calls("f", [([[1]], None), ([[]], None)]), "def f(v): v.sort()"),
        record(
            script("from solution import f\nx = f(3)\nassert x is None or x == 4"),
            "def f(x): return x + 1",
        ),
    ],
    code_stubs.CONSTANT: [
        record(calls("f", [([2], True), ([4], True)]), "def f(x): return x % 2 == 0"),
        record(check("candidate(1) == 0", "candidate(0) == 0"), "def f(x): return x * 0"),
        record({"kind": "stdio", "cases": [{"stdin": "4", "stdout": "YES\n"}]}, "print('YES')"),
    ],
    code_stubs.ECHO: [record(calls("f", [([[1, 2]], [1, 2]), ([[]], [])]), "f = sorted")],
    code_weakness.MUTANTS: [record(calls("f", [([99], "A+"), ([98], "A+")]), MARK)],
}


@pytest.fixture(scope="module")
def outcome() -> tuple[list[Record], dict[str, Drop]]:
    """What one stage, and so one box, makes of all records."""
    records = [*KEPT.values(), *(one for several in DROPPED.values() for one in several)]
    found = CodeTests(sandbox="bubblewrap")(records)
    assert not found.review
    return list(found.kept), {drop.record.id: drop for drop in found.dropped}


@needs_bubblewrap
@pytest.mark.parametrize("what", KEPT)
def test_good_tests_are_kept(what: str, outcome: tuple[list[Record], dict[str, Drop]]) -> None:
    kept, dropped = outcome
    given = KEPT[what]
    assert given.id not in dropped, dropped[given.id]
    (found,) = [one for one in kept if one.id == given.id]
    facts = found.metadata.get(FACTS)
    assert (facts is None) == (what == "no code")
    if facts is not None:
        assert facts["references"] == (0 if what == "no reference" else 1)
        assert (facts["killed"] > 0) == (what not in ("no reference", "a script"))
    assert found.model_copy(update={"metadata": given.metadata}) == given


@needs_bubblewrap
@pytest.mark.parametrize("reason", DROPPED)
def test_bad_tests_are_dropped_with_the_reason(
    reason: str, outcome: tuple[list[Record], dict[str, Drop]]
) -> None:
    _, dropped = outcome
    for given in DROPPED[reason]:
        assert dropped[given.id].reason == reason, given
        assert dropped[given.id].stage == "code tests"
        assert dropped[given.id].detail or reason == code.NO_TESTS


@needs_bubblewrap
def test_records_without_a_reference_go_where_they_are_sent() -> None:
    records = [record(calls("add", ADD_CASES)), record(calls("f", [([1], True)]))]
    rules = Rules(runs=1)
    review = CodeTests(sandbox="bubblewrap", unreferenced="review", rules=rules)(records)
    assert [one.reason for one in review.review] == [code.UNREFERENCED]
    assert [one.reason for one in review.dropped] == [code_stubs.CONSTANT]
    drop = CodeTests(sandbox="nothing is run", unreferenced="drop", rules=rules)(records)
    assert [one.reason for one in drop.dropped] == [code.UNREFERENCED] * 2


def test_a_sandbox_that_cannot_be_had_drops_nothing() -> None:
    stage = CodeTests(sandbox="http://127.0.0.1:1")
    with pytest.raises(UnavailableError, match=r"^stage 'code tests': .*127\.0\.0\.1:1"):
        stage([record(calls("add", ADD_CASES), ADD)])
