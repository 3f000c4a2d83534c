"""Big-Math (`SynthLabsAI/Big-Math-RL-Verified`): problems with a solve rate of Llama 3.1 8B."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Final

from data.files import Row
from data.formats.answers import stated
from data.formats.fields import Columns, filled, has, optional_text, record, text, user
from data.schema import PassRate, Record

_RATE: Final = "llama8b_solve_rate"
_MODEL: Final = "meta-llama/Llama-3.1-8B"
_ROLLOUTS: Final = 64
"""Answers a problem (arXiv 2502.17387, section 3.3)."""


@dataclass(frozen=True, slots=True)
class BigMath:
    """Rows of `problem`, `answer`, `source`, `domain` and `llama8b_solve_rate`."""

    name: ClassVar[str] = "big-math"
    tasks: ClassVar[tuple[str, ...]] = ("math",)
    licence: ClassVar[str] = "Apache-2.0"

    def matches(self, columns: Columns) -> str | None:
        """By the solve rate."""
        if not has(columns, "answer", _RATE) or not ("problem" in columns or "prompt" in columns):
            return None
        return f"a problem, answer and {_RATE}"

    def records(self, row: Row) -> Iterator[Record]:
        """One record; the solve rate is a pass rate where it is a number of 64ths."""
        rate = row.columns.get(_RATE)
        yield record(
            row,
            user(text(row, "problem" if "problem" in row.columns else "prompt")),
            "math",
            stated(row, "answer"),
            source="SynthLabsAI/Big-Math-RL-Verified",
            licence=self.licence,
            pass_rate=_pass_rate(rate),
            metadata=filled(
                subset=optional_text(row, "source"),
                domain=row.columns.get("domain"),
                llama8b_solve_rate=rate,
            ),
        )


def _pass_rate(rate: object) -> PassRate | None:
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate <= 1:
        return None
    correct = round(rate * _ROLLOUTS)
    if abs(rate * _ROLLOUTS - correct) > 1e-6:
        return None
    return PassRate(k=_ROLLOUTS, correct=correct, model=_MODEL)
