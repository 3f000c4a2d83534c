"""AceCode (`TIGER-Lab/AceCode-87K`, `-V2-122K`): questions with asserts that a model wrote."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from data.files import Row
from data.formats.cases import script_tests
from data.formats.fields import (
    Columns,
    decoded,
    filled,
    has,
    identity,
    optional_text,
    record,
    sequence,
    text,
    user,
    wrong,
)
from data.formats.programs import FENCED, solutions
from data.schema import Record
from rewards.code.program import NoProgramError, last_program


@dataclass(frozen=True, slots=True)
class AceCode:
    """Rows of `question`, `test_cases`, which are asserts, and `inferences` of models."""

    name: ClassVar[str] = "acecode"
    tasks: ClassVar[tuple[str, ...]] = ("code",)
    licence: ClassVar[str] = "MIT"

    def matches(self, columns: Columns) -> str | None:
        """By asserts."""
        tests = columns.get("test_cases") or columns.get("tests")
        if not has(columns, "question") or not isinstance(tests, list | str) or not tests:
            return None
        first = tests[0] if isinstance(tests, list) else tests.lstrip(' ["')
        if not isinstance(first, str) or not first.lstrip().startswith("assert"):
            return None
        return "question, and tests that are asserts"

    def records(self, row: Row) -> Iterator[Record]:
        """One record; an inference that passed every test is a solution."""
        name = "test_cases" if "test_cases" in row.columns else "tests"
        tests = sequence(row, name, decoded(row, name))
        if not tests or not all(isinstance(one, str) for one in tests):
            raise wrong(row, name, tests, "a list of asserts")
        yield record(
            row,
            user(f"{text(row, 'question').strip()}\n\n{FENCED}"),
            "code",
            script_tests(row, name, "\n".join(tests) + "\n"),
            source=f"TIGER-Lab/AceCode-{'87K' if name == 'test_cases' else 'V2-122K'}",
            source_id=identity(row, "id"),
            licence=self.licence,
            metadata=filled(
                subset=optional_text(row, "source"),
                solutions=solutions(_passed(row.columns.get("inferences"))),
            ),
        )


def _passed(inferences: Any) -> list[str]:
    """The first program of a model that passed every test."""
    for one in inferences if isinstance(inferences, list) else ():
        if isinstance(one, dict) and one.get("pass_rate") == 1:
            try:
                return [last_program(str(one.get("completion")))[0]]
            except NoProgramError:
                continue
    return []
