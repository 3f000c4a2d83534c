"""Files of records say what was written, in either kind, and are known by training."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import RowError, SourceError
from data.records import read_records, write_records
from data.schema import PassRate, Record
from data.sources import load_prompts
from rewards.code.task import read_task

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
MESSAGE = st.fixed_dictionaries(
    {"role": st.just("user"), "content": TEXT}, optional={"name": TEXT, "tool_calls": JSON}
)
RECORD = st.builds(
    Record,
    messages=st.lists(MESSAGE, min_size=1, max_size=3),
    task=TEXT,
    reference=JSON,
    tools=st.lists(st.dictionaries(TEXT, JSON, max_size=2), max_size=2),
    source=TEXT,
    language=TEXT,
    pass_rate=st.none() | st.builds(PassRate, k=st.just(5), correct=st.integers(0, 5), model=TEXT),
    metadata=st.dictionaries(TEXT, JSON, max_size=2),
)


@pytest.mark.parametrize("ending", [".jsonl", ".parquet"])
@given(records=st.lists(RECORD, max_size=4))
def test_what_is_written_is_read_back_and_twice_gives_the_same_bytes(
    ending: str, records: list[Record], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("records")
    one, two = folder / f"one{ending}", folder / f"two{ending}"
    write_records(one, records)
    assert list(read_records(one)) == records
    write_records(two, read_records(one))
    assert one.read_bytes() == two.read_bytes()


def record(text: str, reference: object = "4") -> Record:
    return Record(messages=({"role": "user", "content": text},), task="math", reference=reference)


def test_the_id_follows_what_is_asked_and_what_is_right() -> None:
    assert record("2+2").id == record("2+2").model_copy(update={"source": "other"}).id
    assert len({record("2+2").id, record("2+3").id, record("2+2", "5").id}) == 3


def test_training_reads_a_file_and_a_folder_of_parts(tmp_path: Path) -> None:
    first, second = record("2+2"), record("3+3", ["6"])
    write_records(tmp_path / "part_000000.parquet", [first])
    write_records(tmp_path / "part_000001.parquet", [second])
    prompts = load_prompts(tmp_path, template="Say: {prompt}")
    assert [prompt.id for prompt in prompts] == [first.id, second.id]
    assert [prompt.reference for prompt in prompts] == ["4", ["6"]]
    assert prompts[0].messages[0]["content"] == "Say: 2+2"
    assert [p.id for p in load_prompts(tmp_path / "part_000000.parquet")] == [first.id]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"plumb_version": 9}, "version 9"),
        ({"messages": []}, "messages"),
        ({"pass_rate": {"k": 2, "correct": 3, "model": "m"}}, "pass_rate"),
        ({"colour": "red"}, "colour"),
        ({"messages": [{"content": "1+1"}]}, "messages.0: has no role"),
        ({"messages": [{"role": "user"}]}, "messages.0: has no content"),
    ],
)
def test_a_broken_row_says_file_line_and_field(
    change: dict[str, object], said: str, tmp_path: Path
) -> None:
    path = tmp_path / "rows.jsonl"
    write_records(path, [record("1+1"), record("2+2")])
    first, second = path.read_text().splitlines()
    path.write_text(f"{first}\n{json.dumps(json.loads(second) | change)}\n")
    with pytest.raises(RowError) as caught:
        list(read_records(path))
    assert str(caught.value).startswith(f"{path} line 2: ")
    assert said in str(caught.value)


def test_a_folder_without_parts_is_said(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"without part_\*\.parquet"):
        list(read_records(tmp_path))


def test_a_request_in_a_language_is_no_program_in_it() -> None:
    tests = {"kind": "stdio", "cases": [{"stdout": "7"}]}
    asked = Record(messages=({"role": "user", "content": "7"},), task="code", reference=tests)
    for told in ({}, {"language": "cpp"}):
        prompt = asked.model_copy(update={"language": "en", "metadata": told}).prompt()
        columns = {name: prompt.metadata.get(name) for name in ("language", "limits")}
        assert read_task(prompt.reference, **columns).language == told.get("language")
        assert prompt.metadata["request_language"] == "en"
