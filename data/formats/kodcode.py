"""KodCode (`KodCode/KodCode-V1`): synthetic problems with solutions and tests for pytest.

The tests import the program as `solution`, which the sandbox knows. Questions of the style
`complete` come with the start of the program.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from data.files import Row
from data.formats.cases import script_tests
from data.formats.fields import (
    Columns,
    filled,
    has,
    identity,
    optional_text,
    record,
    text,
    user,
)
from data.formats.programs import FENCED, solutions
from data.schema import PassRate, Record

_TESTS: Final = ("test", "test_code")
_MODEL: Final = "openai/gpt-4o"


@dataclass(frozen=True, slots=True)
class KodCode:
    """Rows of `question`, `solution`, `test` and `test_info`."""

    name: ClassVar[str] = "kodcode"
    tasks: ClassVar[tuple[str, ...]] = ("code",)
    licence: ClassVar[str] = "CC-BY-NC-4.0"

    def matches(self, columns: Columns) -> str | None:
        """By the tests and what is said of them."""
        test = next((name for name in _TESTS if name in columns), None)
        if test is None or not has(columns, "question", "solution", "test_info"):
            return None
        return f"question, solution, {test} and test_info"

    def records(self, row: Row) -> Iterator[Record]:
        """One record; the request names the functions that are tested."""
        name = next((name for name in _TESTS if name in row.columns), _TESTS[0])
        yield record(
            row,
            user(_request(row)),
            "code",
            script_tests(row, name, text(row, name)),
            source="KodCode/KodCode-V1",
            source_id=identity(row, "question_id"),
            licence=self.licence,
            pass_rate=_pass_rate(row.columns.get("gpt_pass_sequence")),
            metadata=filled(
                solutions=solutions([optional_text(row, "solution")]),
                subset=optional_text(row, "subset"),
                style=optional_text(row, "style"),
                level=optional_text(row, "gpt_difficulty"),
            ),
        )


def _request(row: Row) -> str:
    question = text(row, "question").strip()
    infos = row.columns.get("test_info") or ()
    named = [one for one in infos if isinstance(one, dict) and one.get("function_declaration")]
    if not named or all(str(one["function_name"]) in question for one in named):
        return f"{question}\n\n{FENCED}"
    declared = "\n".join(str(one["function_declaration"]).strip() for one in named)
    return f"{question}\n\nIt has to define:\n\n```python\n{declared}\n```\n\n{FENCED}"


def _pass_rate(passed: Any) -> PassRate | None:
    if not isinstance(passed, list) or not passed:
        return None
    return PassRate(k=len(passed), correct=sum(one in (1, True) for one in passed), model=_MODEL)
