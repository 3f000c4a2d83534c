"""HumanEval (`openai/openai_humaneval`, and its OpenAI file): a start, a `check`, a solution."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from data.files import Row
from data.formats.fields import Columns, filled, has, identity, optional_text, record, text, user
from data.formats.programs import completing, solutions
from data.schema import Record


@dataclass(frozen=True, slots=True)
class HumanEval:
    """Rows of `task_id`, `prompt`, `entry_point`, `canonical_solution` and `test`."""

    name: ClassVar[str] = "humaneval"
    tasks: ClassVar[tuple[str, ...]] = ("code",)
    licence: ClassVar[str] = "MIT"

    def matches(self, columns: Columns) -> str | None:
        """By the columns that only it has."""
        if not has(columns, "prompt", "entry_point", "canonical_solution", "test"):
            return None
        return "prompt, entry_point, canonical_solution and test"

    def records(self, row: Row) -> Iterator[Record]:
        """One record, with tests of kind `check`."""
        start = text(row, "prompt")
        body = optional_text(row, "canonical_solution")
        yield record(
            row,
            user(completing(start)),
            "code",
            {
                "kind": "check",
                "entry_point": text(row, "entry_point"),
                "source": text(row, "test"),
                "language": "python",
            },
            source="openai/openai_humaneval",
            source_id=identity(row, "task_id"),
            licence=self.licence,
            metadata=filled(solutions=solutions([start + body] if body else [])),
        )
