"""Which of the tests that hold a record gets, and how they join those that it has."""

from collections import Counter
from collections.abc import Sequence
from itertools import zip_longest
from typing import Any, Final, get_args

from pydantic import JsonValue

from sandbox.generated import MOST_TESTS, Category, GeneratedTest, Validated
from sandbox.types import MOST_CASES, Call, CallTests, StdioTests, TestCase

CATEGORIES: Final[tuple[Category, ...]] = get_args(Category)
Case = TestCase | Call


def balanced(
    validated: Sequence[tuple[Sequence[GeneratedTest], Validated]],
) -> tuple[list[Case], dict[str, int]]:
    """At most ten of the tests that hold, from all categories in turn, and how many of each.

    Args:
        validated: Tests, and what is left of them.
    """
    held: dict[Category, list[Case]] = {category: [] for category in CATEGORIES}
    for tests, left in validated:
        gone = {one.index for one in left.dropped}
        kept = [test for index, test in enumerate(tests) if index not in gone]
        cases: Sequence[Case] = left.tests.cases if left.tests is not None else ()
        for test, case in zip(kept, cases, strict=True):
            held[test.category].append(case)
    in_turn = [
        (category, case)
        for row in zip_longest(*held.values())
        for category, case in zip(CATEGORIES, row, strict=True)
        if case is not None
    ][:MOST_TESTS]
    return [case for _, case in in_turn], dict(Counter(category for category, _ in in_turn))


def added(
    reference: JsonValue, cases: Sequence[Case], entry_point: str | None, *, replace: bool
) -> dict[str, Any]:
    """The reference with these tests: after those that it has, or alone.

    Args:
        reference: The record's own.
        cases: At least one.
        entry_point: The function that is called; None: programs read standard input.
        replace: Whether its own tests go.
    """
    made = [_as_json(case) for case in cases]
    kind = StdioTests if entry_point is None else CallTests
    new = {"kind": kind.model_fields["kind"].default, "cases": made}
    if entry_point is not None:
        new["entry_point"] = entry_point
    if not isinstance(reference, dict):
        return new
    own = reference.get("cases")
    if replace or not isinstance(own, list):
        return {n: v for n, v in reference.items() if n in ("language", "limits")} | new
    known = [_input_of(case) for case in own]
    fresh = [case for case in made if _input_of(case) not in known]
    return {**reference, "cases": [*own, *fresh][:MOST_CASES]}


def _as_json(case: Case) -> dict[str, Any]:
    if isinstance(case, TestCase):
        return {"stdin": case.stdin, "stdout": case.stdout}
    given = {"args": case.args, "kwargs": case.kwargs} if case.kwargs else {"args": case.args}
    return {**given, "returns": case.returns}


def _input_of(case: Any) -> Any:
    """What a case gives a program, as far as it is one."""
    if not isinstance(case, dict):
        return None
    return case.get("stdin"), case.get("args"), case.get("kwargs") or {}
