r"""MATH (`hendrycks/competition_math`, `HuggingFaceH4/MATH-500`): problems with level and subject.

The first publication has the answer in the solution's last `\boxed{}`, later ones beside it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from data.files import Row
from data.formats.answers import boxed, stated
from data.formats.fields import Columns, filled, identity, optional_text, record, text, user
from data.schema import Record


@dataclass(frozen=True, slots=True)
class Math:
    """Rows of `problem`, `level`, `type` or `subject`, and `solution`, `answer` or both."""

    name: ClassVar[str] = "math"
    tasks: ClassVar[tuple[str, ...]] = ("math",)
    licence: ClassVar[str] = "MIT"

    def matches(self, columns: Columns) -> str | None:
        """By the level and the subject."""
        if "problem" not in columns or not str(columns.get("level")).startswith("Level"):
            return None
        subject = next((name for name in ("subject", "type") if name in columns), None)
        answer = next((name for name in ("answer", "solution") if name in columns), None)
        if subject is None or answer is None:
            return None
        return f"problem, {answer}, {subject}, and a level such as 'Level 3'"

    def records(self, row: Row) -> Iterator[Record]:
        """One record; without an answer in either place it has no reference."""
        solution = optional_text(row, "solution")
        yield record(
            row,
            user(text(row, "problem")),
            "math",
            stated(row, "answer") or boxed(solution),
            source="hendrycks/competition_math",
            source_id=identity(row, "unique_id"),
            licence=self.licence,
            metadata=filled(
                solution=solution,
                level=optional_text(row, "level"),
                subject=optional_text(row, "subject") or optional_text(row, "type"),
            ),
        )
