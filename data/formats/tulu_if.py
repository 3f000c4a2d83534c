"""Tulu 3's constraints (`allenai/RLVR-IFeval`, `RLVR-GSM-MATH-IF-Mixed-Constraints`,
`IF_multi_constraints_upto5`): messages, and a ground truth that names checks and their parameters.

The ground truth is the JSON text of one check by its function's name in open-instruct, or the text
of a list with `instruction_id` and `kwargs`; in the mixed set an answer of GSM8K or MATH too. A
constraint that the verifier `constraints` cannot check is a RowError that names it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from data.files import Row
from data.formats.checks import constraints_of_check
from data.formats.conversations import turns_of
from data.formats.fields import (
    Columns,
    answer_text,
    filled,
    has,
    identity,
    literal,
    optional_text,
    record,
    wrong,
)
from data.formats.ifeval import checkable
from data.messages import as_messages
from data.schema import Record

_TRUTH: Final = "ground_truth"
_MATH: Final = frozenset({"gsm8k", "math"})


@dataclass(frozen=True, slots=True)
class TuluIf:
    """Rows of `messages`, `ground_truth` and `dataset`."""

    name: ClassVar[str] = "tulu-if"
    tasks: ClassVar[tuple[str, ...]] = ("text", "math")
    licence: ClassVar[str] = "ODC-By-1.0"

    def matches(self, columns: Columns) -> str | None:
        """By the names of its columns."""
        if not has(columns, "messages", _TRUTH, "dataset"):
            return None
        return "messages, ground_truth and dataset"

    def records(self, row: Row) -> Iterator[Record]:
        """One record; what the assistant said at the end is left out."""
        dataset = row.columns.get("dataset")
        named = dataset[0] if isinstance(dataset, list) and dataset else dataset
        is_math = str(named).lower() in _MATH
        turns = turns_of(row, "messages")
        while turns and turns[-1]["role"] == "assistant":
            turns.pop()
        yield record(
            row,
            as_messages(turns, row.where, "messages"),
            "math" if is_math else "text",
            answer_text(row, _TRUTH) if is_math else _constraints(row),
            source=_source(row, is_math),
            source_id=identity(row, "key"),
            licence=self.licence,
            metadata=filled(
                subset=str(named), constraint_type=optional_text(row, "constraint_type")
            ),
        )


def _source(row: Row, is_math: bool) -> str:
    """The set of the collection that has rows like this one."""
    if is_math:
        return "allenai/RLVR-GSM-MATH-IF-Mixed-Constraints"
    is_several = "instruction_id" in str(row.columns.get(_TRUTH))
    return "allenai/IF_multi_constraints_upto5" if is_several else "allenai/RLVR-IFeval"


def _constraints(row: Row) -> list[dict[str, Any]]:
    truth = literal(row, _TRUTH)
    if isinstance(truth, Mapping) and "func_name" in truth:
        return checkable(row, _TRUTH, constraints_of_check(row, _TRUTH, truth))
    if isinstance(truth, list) and len(truth) == 1 and isinstance(truth[0], Mapping):
        truth = truth[0]
    if not isinstance(truth, Mapping) or "instruction_id" not in truth:
        raise wrong(row, _TRUTH, truth, "constraints")
    kwargs = truth.get("kwargs")
    given = [one or {} for one in kwargs] if isinstance(kwargs, list) else kwargs
    held = {"instruction_id_list": truth["instruction_id"], "kwargs": given}
    return checkable(row, _TRUTH, held)
