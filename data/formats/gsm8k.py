"""GSM8K (`openai/gsm8k`): word problems with worked solutions that end in `#### 42`."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from data.errors import RowError
from data.files import Row
from data.formats.fields import Columns, has, identity, record, text, user
from data.references import gsm8k_answer
from data.schema import Record


@dataclass(frozen=True, slots=True)
class Gsm8k:
    """Rows of `question` and `answer`."""

    name: ClassVar[str] = "gsm8k"
    tasks: ClassVar[tuple[str, ...]] = ("math",)
    licence: ClassVar[str] = "MIT"

    def matches(self, columns: Columns) -> str | None:
        """By the mark before the final answer."""
        if not has(columns, "question", "answer") or "prompt" in columns:
            return None
        answer = columns["answer"]
        if not isinstance(answer, str) or gsm8k_answer(answer) is None:
            return None
        return "question, and an answer that ends in #### and the result"

    def records(self, row: Row) -> Iterator[Record]:
        """One record: the result is the reference, the whole answer the solution."""
        solution = text(row, "answer")
        result = gsm8k_answer(solution)
        if result is None:
            raise RowError(
                f"{row.where}: column 'answer' does not end in #### and the result; "
                "mend or remove the row"
            )
        yield record(
            row,
            user(text(row, "question")),
            "math",
            result,
            source="openai/gsm8k",
            source_id=identity(row, "id"),
            licence=self.licence,
            metadata={"solution": solution},
        )
