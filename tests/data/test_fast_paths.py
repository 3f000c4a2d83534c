"""What is done for many rows at once, or without validation, says the same as the slow way."""

import hashlib
import io
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.files import BadRow, Row, rows_of_block, rows_of_lines
from data.formats.table import format_named
from data.records import table_of
from data.schema import Record, content_id

LINES = (
    '{"a": 1}', '{"a": "\u00e9\u2028", "b": [1, {"c": null}]}', '{"a":1},{"b":2}', '{"a":[1', "2]}",
    "[1]", "7", "", "  ", '{"a": NaN}', "{", "}", '{"a": "\\ud83d\\ude00"}', '{"a": "\\ud83d"}',
    '\ufeff{"a": 1}', '{"a": 1}\r', '{"a": "x\ty"}', "[" * 3000, '"', '{"a": 1} ,',
    '{"a": 1, "a": 2}',
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(LINES), min_size=1, max_size=5), st.booleans())
def test_lines_together_are_the_lines_one_by_one(lines: list[str], ends: bool) -> None:
    data = "\n".join(lines).encode() + (b"\n" if ends else b"")
    found = list(rows_of_block(data, "f.jsonl", 5))
    assert repr(found) == repr(list(rows_of_lines(io.BytesIO(data), "f.jsonl", 5)))
    assert all(isinstance(one, Row | BadRow) for one in found)


def test_half_objects_never_make_up_for_two_in_a_line() -> None:
    data = b'{"a":1},{"b":2}\n{"c":[1\n2]}\n{"d":1}'
    kinds = [type(one) for one in rows_of_block(data, "f.jsonl", 1)]
    assert kinds == [BadRow, BadRow, BadRow, Row]
    assert [type(one) for one in rows_of_block(b"\xff\n{}", "f.jsonl", 1)] == [BadRow, Row]


@given(st.text(), st.text(), st.one_of(st.text(), st.none(), st.integers()))
def test_an_id_is_the_digest_of_the_canonical_text(content: str, role: str, reference: Any) -> None:
    messages = [{"role": role, "content": content}]
    text = json.dumps([messages, [], reference, "math"], sort_keys=True, separators=(",", ":"))
    expected = hashlib.sha256(text.encode("ascii")).hexdigest()[:20]
    assert content_id(messages, (), reference, "math") == expected


@pytest.mark.parametrize("question", ["What is 2 + 2?", "Сколько будет 2 + 2?"])
def test_a_record_of_texts_is_what_validation_makes_of_it(question: str) -> None:
    columns = {"question": question, "answer": "2 + 2 = 4\n#### 4"}
    (made,) = format_named("gsm8k").records(Row(1, "line 1", columns))
    assert made == Record.model_validate(made.model_dump())
    assert made.model_dump() == Record.model_validate(made.model_dump()).model_dump()
    assert made.changed(language="en") == made.model_copy(update={"language": "en"})
    assert table_of([made, made.changed(metadata={})])["metadata"].to_pylist() == [
        json.dumps(made.metadata, ensure_ascii=False, separators=(",", ":")), "{}"
    ]  # fmt: skip
