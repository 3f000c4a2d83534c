"""Labelled rows: answers with their scores, and pairs with the better one."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import from_json

from data.errors import RowError, SourceError
from launch.verify.rows import read_lines
from rewards.judge import Judge

Message = dict[str, Any]


class AnswerRow(BaseModel):
    """An answer and its right score."""

    model_config = ConfigDict(frozen=True)

    id: str | int
    messages: list[Message]
    response: str
    reference: Any = None
    label: float = Field(allow_inf_nan=False)


class PairRow(BaseModel):
    """Two answers and which is better."""

    model_config = ConfigDict(frozen=True)

    id: str | int
    messages: list[Message]
    first: str
    second: str
    reference: Any = None
    label: Literal["first", "second", "tie"]


def read_rows(source: str, judge: Judge) -> list[AnswerRow | PairRow]:
    """The labelled rows of a file, or of standard input for `-`.

    Raises:
        SourceError: There are none.
        RowError: A row is malformed, or its label is off the rubric's scale.
    """
    rows: list[AnswerRow | PairRow] = []
    for _, text, where in read_lines(source):
        if text.strip():
            rows.append(_row(text, where, judge))
    if not rows:
        raise SourceError(f"{source}: holds no rows; give one JSON object a line")
    return rows


def _row(text: bytes, where: str, judge: Judge) -> AnswerRow | PairRow:
    try:
        stated = from_json(text)
    except ValueError as error:
        raise RowError(f"{where}: no JSON: {error}; mend the row") from error
    is_pair = isinstance(stated, dict) and "first" in stated and "response" not in stated
    kind = PairRow if is_pair else AnswerRow
    try:
        row = kind.model_validate_json(text)
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(map(str, fault["loc"])) or "the row"
        raise RowError(f"{where}: {place}: {fault['msg']}; mend the row") from error
    scale = judge.rubric.scale
    if isinstance(row, AnswerRow) and not scale.holds(row.label):
        raise RowError(
            f"{where}: the label {row.label:g} is not on the rubric's scale, {scale.min} to "
            f"{scale.max}; mend the row, or name its rubric"
        )
    return row
