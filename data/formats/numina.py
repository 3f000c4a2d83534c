r"""NuminaMath (`AI-MO/NuminaMath-1.5`, `-CoT`, `-TIR`): competition problems with solutions.

Version 1.5 has the answer in a column, which may be `proof` or `notfound`; before it stands in the
solution's last `\boxed{}`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from data.files import Row
from data.formats.answers import boxed, stated
from data.formats.fields import Columns, filled, has, optional_text, record, text, user
from data.schema import Record


@dataclass(frozen=True, slots=True)
class Numina:
    """Rows of `problem` and `solution` with `problem_is_valid`, or with `messages`."""

    name: ClassVar[str] = "numina"
    tasks: ClassVar[tuple[str, ...]] = ("math",)
    licence: ClassVar[str] = "Apache-2.0"

    def matches(self, columns: Columns) -> str | None:
        """By what was said of the problem, or by the same in messages."""
        if not has(columns, "problem", "solution") or "generations" in columns:
            return None
        if has(columns, "answer", "problem_is_valid"):
            return "problem, solution, answer and problem_is_valid"
        return "problem, solution and messages" if "messages" in columns else None

    def records(self, row: Row) -> Iterator[Record]:
        """One record; proofs and problems without an answer have no reference."""
        is_later = "answer" in row.columns
        solution = optional_text(row, "solution")
        yield record(
            row,
            user(text(row, "problem")),
            "math",
            stated(row, "answer") if is_later else boxed(solution),
            source="AI-MO/NuminaMath-1.5" if is_later else "AI-MO/NuminaMath-CoT",
            licence=self.licence,
            metadata=filled(
                solution=solution,
                subset=optional_text(row, "source"),
                subject=optional_text(row, "problem_type"),
                question_type=optional_text(row, "question_type"),
                problem_is_valid=optional_text(row, "problem_is_valid"),
                solution_is_valid=optional_text(row, "solution_is_valid"),
                synthetic=row.columns.get("synthetic"),
            ),
        )
