"""OpenR1-Math-220k (`open-r1/OpenR1-Math-220k`): problems with answers of DeepSeek-R1."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from data.files import Row
from data.formats.answers import stated
from data.formats.fields import Columns, filled, has, identity, optional_text, record, text, user
from data.schema import PassRate, Record

_MODEL: Final = "deepseek-ai/DeepSeek-R1"


@dataclass(frozen=True, slots=True)
class OpenR1:
    """Rows of `problem`, `solution`, `answer`, `generations` and how each of those was judged."""

    name: ClassVar[str] = "openr1"
    tasks: ClassVar[tuple[str, ...]] = ("math",)
    licence: ClassVar[str] = "Apache-2.0"

    def matches(self, columns: Columns) -> str | None:
        """By the answers of a model and their judgements."""
        if not has(columns, "problem", "answer", "generations", "correctness_math_verify"):
            return None
        return "problem, answer, generations and correctness_math_verify"

    def records(self, row: Row) -> Iterator[Record]:
        """One record, with the judgements as a pass rate; the model's answers are left behind."""
        yield record(
            row,
            user(text(row, "problem")),
            "math",
            stated(row, "answer"),
            source="open-r1/OpenR1-Math-220k",
            source_id=identity(row, "uuid"),
            licence=self.licence,
            pass_rate=_pass_rate(row.columns.get("correctness_math_verify")),
            metadata=filled(
                solution=optional_text(row, "solution"),
                subset=optional_text(row, "source"),
                subject=optional_text(row, "problem_type"),
                question_type=optional_text(row, "question_type"),
            ),
        )


def _pass_rate(judged: Any) -> PassRate | None:
    if not isinstance(judged, list):
        return None
    known = [one for one in judged if isinstance(one, bool)]
    return PassRate(k=len(known), correct=sum(known), model=_MODEL) if known else None
