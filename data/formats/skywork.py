"""Skywork-OR1 (`Skywork/Skywork-OR1-RL-Data`): verl's layout, with several answers or with tests.

The ground truth of mathematics is the JSON text of a list of answers, any of which is right: the
first is the reference, the others are `metadata["answers"]`.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from data.errors import RowError
from data.files import Row
from data.formats.fields import Columns, answer_text, filled, mapping, record, text
from data.formats.ground_truth import ground_truth_tests
from data.formats.verl import TRUTH, asked, index_of, is_skyworks, truth_of
from data.schema import Record


@dataclass(frozen=True, slots=True)
class Skywork:
    """Rows of `train-math-...` and `train-code-...`."""

    name: ClassVar[str] = "skywork"
    tasks: ClassVar[tuple[str, ...]] = ("math", "code")
    licence: ClassVar[str] = "Apache-2.0"

    def matches(self, columns: Columns) -> str | None:
        """By the data source."""
        if truth_of(columns) is None or not is_skyworks(columns):
            return None
        return "reward_model.ground_truth, and a data_source such as train-math or train-code"

    def records(self, row: Row) -> Iterator[Record]:
        """One record."""
        subset = text(row, "data_source")
        extra = mapping(row, "extra_info", row.columns.get("extra_info") or {})
        truth = truth_of(row.columns)
        is_code = subset.startswith("train-code-")
        answers = [] if is_code else _answers(row, truth)
        yield record(
            row,
            asked(row),
            "code" if is_code else "math",
            ground_truth_tests(row, TRUTH, truth) if is_code else answers[0],
            source="Skywork/Skywork-OR1-RL-Data",
            source_id=index_of(extra),
            licence=self.licence,
            metadata=filled(
                subset=subset,
                answers=answers[1:],
                model_difficulty=extra.get("model_difficulty"),
            ),
        )


def _answers(row: Row, truth: Any) -> list[str]:
    try:
        held = json.loads(truth) if isinstance(truth, str) else truth
    except (ValueError, RecursionError):
        held = truth
    several = held if isinstance(held, list) else [truth]
    if not several:
        raise RowError(f"{row.where}: column {TRUTH!r} has no answer; mend or remove the row")
    return [answer_text(row, TRUTH, one) for one in several]
