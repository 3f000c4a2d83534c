"""SYNTHETIC-1 and its parts (`PrimeIntellect/verifiable-math-problems`, `open-r1/verifiable-coding-
problems-python`): one layout for mathematics and programs, with `verification_info` as JSON text.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from data.errors import RowError
from data.files import Row
from data.formats.cases import Tests, typed_cases
from data.formats.fields import (
    Columns,
    answer_text,
    filled,
    identity,
    literal,
    mapping,
    optional_text,
    record,
    sequence,
    text,
    user,
)
from data.formats.programs import solutions
from data.schema import Record
from rewards.code.languages import language_of
from rewards.code.program import NoProgramError, last_program

_INFO: Final = "verification_info"
_PROMPTS: Final = ("prompt", "problem", "problem_statement")


@dataclass(frozen=True, slots=True)
class Synthetic1:
    """Rows of a prompt, `verification_info` and `gold_standard_solution`."""

    name: ClassVar[str] = "synthetic-1"
    tasks: ClassVar[tuple[str, ...]] = ("math", "code")
    licence: ClassVar[str] = "Apache-2.0"

    def matches(self, columns: Columns) -> str | None:
        """By the column by which answers are verified."""
        prompt = next((name for name in _PROMPTS if name in columns), None)
        return None if prompt is None or _INFO not in columns else f"{prompt} and {_INFO}"

    def records(self, row: Row) -> Iterator[Record]:
        """One record, of mathematics or of code, by what verifies it."""
        prompt = next((name for name in _PROMPTS if row.columns.get(name)), _PROMPTS[0])
        info = mapping(row, _INFO, literal(row, _INFO))
        solution = optional_text(row, "gold_standard_solution")
        kind = optional_text(row, "task_type")
        is_code = info.get("test_cases") is not None
        if not is_code and (info.get("ground_truth") is None or "math" not in (kind or "math")):
            raise RowError(
                f"{row.where}: is of task_type {kind!r}, which no verifier here grades; choose the "
                "rows of verifiable_math and verifiable_code"
            )
        metadata: dict[str, Any] = filled(
            subset=optional_text(row, "source"), in_source_id=identity(row, "in_source_id")
        )
        reference: Any
        if is_code:
            reference = _tests(row, info)
            metadata |= filled(solutions=solutions([_program(solution)], reference["language"]))
        else:
            reference = answer_text(row, f"{_INFO}.ground_truth", info["ground_truth"])
            metadata |= filled(solution=solution)
        yield record(
            row,
            user(text(row, prompt)),
            "code" if is_code else "math",
            reference,
            source="PrimeIntellect/SYNTHETIC-1",
            source_id=identity(row, "problem_id"),
            licence=self.licence,
            metadata=metadata,
        )


def _tests(row: Row, info: Columns) -> Tests:
    stated = str(info.get("language") or "python")
    language = language_of(stated)
    if language is None:
        raise RowError(f"{row.where}: {_INFO}.language is {stated!r}, which cannot be run here")
    cases = sequence(row, f"{_INFO}.test_cases", info["test_cases"])
    return {**typed_cases(row, f"{_INFO}.test_cases", cases), "language": language}


def _program(solution: str) -> str:
    """The program in a fenced solution, or the solution as it stands."""
    try:
        return last_program(solution)[0]
    except NoProgramError:
        return "" if "```" in solution else solution
