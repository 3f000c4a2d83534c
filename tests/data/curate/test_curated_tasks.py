"""A stage of one task sees its records alone, and the others keep their places."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from hypothesis import given
from hypothesis import strategies as st

from data.curate.task import ForTask, OfTask
from data.pipeline.block import Drop, Outcome
from data.schema import Record


@dataclass(frozen=True, slots=True)
class Odd:
    """Keeps odd references, leaves those ending in 4 to a person, and notes what it saw."""

    name: ClassVar[str] = "odd"

    def __call__(self, records: Sequence[Record]) -> Outcome:
        assert {record.task for record in records} <= {"math"}
        kept, dropped, review = [], [], []
        for record in records:
            number = int(str(record.reference))
            if number % 2:
                kept.append(record.model_copy(update={"language": "en"}))
            elif number % 10 == 4:
                review.append(Drop(record, self.name, "four"))
            else:
                dropped.append(Drop(record, self.name, "even"))
        return Outcome(kept, dropped, review)


def record(number: int, task: str) -> Record:
    message = {"role": "user", "content": f"Say {number}."}
    return Record(messages=(message,), task=task, reference=str(number))


ROWS = st.lists(st.tuples(st.integers(0, 30), st.sampled_from(["math", "code", "tool"])))


@given(ROWS)
def test_others_pass_in_their_places(rows: list[tuple[int, str]]) -> None:
    outcome = ForTask("math", Odd())([record(*row) for row in rows])
    left = [row for row in rows if row[1] != "math" or row[0] % 2]
    assert [(int(str(one.reference)), one.task) for one in outcome.kept] == left
    assert all(bool(one.language) == (one.task == "math") for one in outcome.kept)
    gone = [*outcome.dropped, *outcome.review]
    assert len(gone) == len(rows) - len(left)
    assert {drop.record.task for drop in gone} <= {"math"}


@given(ROWS)
def test_one_task_is_kept(rows: list[tuple[int, str]]) -> None:
    outcome = OfTask("code")([record(*row) for row in rows])
    assert [one.task for one in outcome.kept] == [task for _, task in rows if task == "code"]
    assert [drop.detail for drop in outcome.dropped] == [t for _, t in rows if t != "code"]
    assert ForTask("math", Odd()).name == "odd"
