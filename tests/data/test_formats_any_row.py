"""Whatever a row holds, a format makes records of it or says in one line what is wrong with it."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.errors import DataError, RowError
from data.files import Row
from data.formats.format import Format, Opening, Settled
from data.formats.table import BUILT_IN, GENERAL
from data.records import MARK
from tests.data import format_rows as rows

ROWS = [one for name, one in vars(rows).items() if name.isupper() and isinstance(one, dict)]
FORMATS = (*BUILT_IN, *GENERAL)
LEAF = (
    st.none()
    | st.booleans()
    | st.integers(-3, 10**20)
    | st.floats()
    | st.sampled_from(
        ["", " ", "x", "{}", "[]", "[[1]]", "```\nx", "\\boxed{", "{'a': 1}", "assert"]
    )
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
)
WORDS = """
    role content from value name parameters arguments function input output inputs outputs fn_name
    type ground_truth test_cases kind id
"""
KEYS = st.sampled_from(WORDS.split())
ANY = st.recursive(
    LEAF,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
VALUE = ANY | ANY.map(json.dumps)


@st.composite
def changed(draw: st.DrawFn) -> tuple[dict[str, Any], list[Format]]:
    """A sound row with some columns, or what is in them, put out of order, and its formats."""
    sound = draw(st.sampled_from(ROWS))
    row: dict[str, Any] = json.loads(json.dumps(sound))
    for _ in range(draw(st.integers(1, 2))):
        place: Any = row
        while True:
            key = draw(
                st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place)))
            )
            inner = place[key]
            if not inner or not isinstance(inner, dict | list) or draw(st.booleans()):
                break
            place = inner
        if isinstance(place, dict) and draw(st.integers(0, 3)) == 0:
            del place[key]
            if not row:
                row = {"prompt": None}
        else:
            place[key] = draw(VALUE)
    return row, [one for one in FORMATS if one.matches(sound) or one.matches(row)]


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(damaged=changed())
def test_a_damaged_row_is_a_record_or_one_line(
    damaged: tuple[dict[str, Any], list[Format]],
) -> None:
    row, formats = damaged
    for format in formats:
        first = Row(1, "rows.jsonl line 1", row)
        try:
            settled = format
            if isinstance(format, Settled):
                settled = format.settled(Opening(first, None))
            for record in settled.records(first):
                assert record.prompt().digest()
                json.dumps(record.model_dump(mode="json"))
        except DataError as error:
            assert isinstance(error, RowError)
            assert str(error).startswith("rows.jsonl line 1: ")
            assert "\n" not in str(error)


@pytest.mark.parametrize("format", FORMATS, ids=lambda format: format.name)
def test_a_row_without_anything_is_of_no_format_and_no_record(format: Any) -> None:
    assert format.matches({}) is None
    with pytest.raises(RowError, match="line 1"):
        list(format.records(Row(1, "line 1", {})))
    with pytest.raises(RowError, match="line 1"):
        list(format.records(Row(1, "line 1", dict.fromkeys((*ROWS[0], MARK)))))
