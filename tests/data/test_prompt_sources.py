"""Files and built-in names become prompts, or one line that says where and what to do."""

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from data.errors import DataError, RowError, SourceError
from data.messages import Wording
from data.sources import load_prompts

SHARED = Path(__file__).parents[2] / "../shared/data"


def write_lines(folder: Path, *lines: str | Mapping[str, Any]) -> Path:
    path = folder / "train.jsonl"
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return path


def failure(path: str | Path, **options: Any) -> str:
    """Load, expect one clear line, and give it without the folder."""
    with pytest.raises(DataError) as caught:
        load_prompts(path, **options)
    message = str(caught.value)
    assert "\n" not in message
    return message.replace(f"{Path(path).parent}/", "")


GOOD = {"question": "1+1?", "answer": "2"}


def test_text_becomes_one_user_message(tmp_path: Path) -> None:
    path = write_lines(tmp_path, GOOD | {"level": 3}, "", GOOD | {"level": 4})
    first, second = load_prompts(path, task="math")
    assert first.messages == ({"role": "user", "content": "1+1?"},)
    assert (first.reference, first.task, first.metadata) == ("2", "math", {"level": 3})
    assert (first.id, second.id) == ("train/1", "train/3")


def test_the_three_formats_give_the_same_prompts(tmp_path: Path) -> None:
    rows = [
        {"id": 7, "messages": [{"role": "user", "content": "a"}], "reference": "x"},
        {
            "id": 8,
            "messages": [
                {"role": "system", "content": "s"},
                {"role": "user", "content": "b", "name": "n"},
            ],
            "reference": "y",
        },
    ]
    lines = write_lines(tmp_path, *rows)
    array = tmp_path / "train.json"
    array.write_text(json.dumps(rows, indent=1), encoding="utf-8-sig")
    table = tmp_path / "train.parquet"
    parquet.write_table(pyarrow.Table.from_pylist(rows), table)
    prompts = load_prompts(lines)
    assert [prompt.id for prompt in prompts] == ["7", "8"]
    assert load_prompts(array) == prompts
    assert load_prompts(table) == prompts


def test_system_and_template_go_around_the_question(tmp_path: Path) -> None:
    path = write_lines(tmp_path, {"prompt": "What is {prompt} {0}?", "reference": "1"})
    (prompt,) = load_prompts(path, system="Think.", template="Q: {prompt}\nUse \\boxed{{}}.")
    assert prompt.messages == (
        {"role": "system", "content": "Think."},
        {"role": "user", "content": "Q: What is {prompt} {0}?\nUse \\boxed{}."},
    )


@given(st.text(min_size=1), st.text(alphabet=st.characters(exclude_characters="{}")))
def test_a_template_never_interprets_the_prompt(prompt: str, around: str) -> None:
    messages = ({"role": "user", "content": prompt},)
    (filled,) = Wording(template=f"{around}{{prompt}}{{{{{around}}}}}").around(messages, "row 1")
    assert filled["content"] == f"{around}{prompt}{{{around}}}"


def test_a_limit_reads_no_further(tmp_path: Path) -> None:
    path = write_lines(tmp_path, GOOD, GOOD, "broken")
    assert len(load_prompts(path, limit=2)) == 2


def test_gsm8k_answers_are_taken_where_every_row_has_one(tmp_path: Path) -> None:
    worked = {"question": "q", "answer": "3 x 4 = <<3*4=12>>12\n#### 1,012"}
    (prompt,) = load_prompts(write_lines(tmp_path, worked))
    assert prompt.reference == "1,012"
    assert prompt.metadata == {"answer": worked["answer"]}
    (untouched,) = load_prompts(write_lines(tmp_path, worked), reference_pattern=None)
    assert untouched.reference == worked["answer"]
    mixed = load_prompts(write_lines(tmp_path, worked, GOOD))
    assert [prompt.reference for prompt in mixed] == [worked["answer"], "2"]


def test_a_reference_pattern_gives_its_first_group(tmp_path: Path) -> None:
    path = write_lines(tmp_path, {"question": "q", "answer": "so A: 12."}, GOOD)
    message = failure(path, reference_pattern=r"A: (\d+)")
    assert message.startswith("train.jsonl line 2: the reference does not match")
    (prompt,) = load_prompts(path, reference_pattern=r"A: (\d+)", limit=1)
    assert prompt.reference == "12"
    assert "has no group" in failure(path, reference_pattern=r"\d+")
    assert "not a regular expression" in failure(path, reference_pattern="(")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('{"question": "a", }', r"train\.jsonl line 2: not valid JSON: .* at column 1\d; mend"),
        ('{"question": "\\ud83d", "answer": "1"}', r"line 2: half of a surrogate pair, '\\ud83d'"),
        ("[1]", "train.jsonl line 2: holds array, not an object; write each"),
        ("[" * 100_000, "train.jsonl line 2: not usable JSON"),
        ({"question": "a"}, r"line 2: no column 'answer' \(it has question\); .*reference_column"),
        ({"question": "a", "answer": None}, "line 2: column 'answer' is null"),
        ({"answer": "a"}, "line 2: no column 'question'.* set prompt_column to another"),
        ({"question": 3, "answer": "a"}, "line 2: column 'question' holds 3; a prompt is text"),
        ({"question": " ", "answer": "a"}, "line 2: the prompt in column 'question' is empty"),
        ({"question": [], "answer": "a"}, r"line 2: column 'question' holds \[\]"),
        ({"question": ["a"], "answer": "a"}, "line 2: column 'question' holds 'a' where a message"),
        (
            {"question": [{"role": "robot", "content": "a"}], "answer": "a"},
            "a role of system, developer, user, assistant, tool",
        ),
        (
            {"question": [{"role": "assistant", "content": "a"}], "answer": "a"},
            "line 2: column 'question' ends with a message of the assistant; remove the answer",
        ),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, line: str | Mapping[str, Any], expected: str) -> None:
    assert re.search(expected, failure(write_lines(tmp_path, GOOD, line)))


def test_absent_columns_are_listed_with_the_option_to_set(tmp_path: Path) -> None:
    path = write_lines(tmp_path, {"text": "a", "answer": "b"})
    message = failure(path)
    assert "(it has text, answer); set prompt_column" in message
    assert load_prompts(path, prompt_column="text")[0].messages[0]["content"] == "a"
    path = write_lines(tmp_path, {"prompt": "a"})
    assert "set reference_column to the name of the right one, or to null" in failure(path)
    assert load_prompts(path, reference_column=None)[0].reference is None


def test_ids_are_unique_text(tmp_path: Path) -> None:
    path = write_lines(tmp_path, GOOD | {"id": "a"}, GOOD | {"id": "b"}, GOOD | {"id": "a"})
    message = failure(path)
    assert message.startswith("train.jsonl line 3: id 'a' was used before, at train.jsonl line 1;")
    assert [prompt.id for prompt in load_prompts(path, id_column=None)][-1] == "train/3"
    assert "the id in column 'id' is 1.5" in failure(write_lines(tmp_path, GOOD | {"id": 1.5}))


def test_a_source_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    assert failure(tmp_path / "no.jsonl").startswith("no.jsonl: there is no such file;")
    assert "convert it to one of .json, .jsonl, .parquet" in failure(tmp_path / "train.csv")
    (tmp_path / "folder.json").mkdir()
    assert "is a folder" in failure(tmp_path / "folder.json")
    assert "holds no prompts" in failure(write_lines(tmp_path))
    assert "limit is 0" in failure(write_lines(tmp_path, GOOD), limit=0)
    latin = tmp_path / "latin.jsonl"
    latin.write_bytes(json.dumps(GOOD).encode() + b"\n" + '{"question": "é"}'.encode("latin-1"))
    assert failure(latin).startswith("latin.jsonl line 2: not UTF-8 text at byte 15;")
    array = tmp_path / "object.json"
    array.write_text('{"a": 1}', encoding="utf-8")
    assert "holds one object, not an array" in failure(array)
    array.write_text('[\n{"a" 1}]', encoding="utf-8")
    assert "object.json line 2: not valid JSON" in failure(array)
    table = tmp_path / "broken.parquet"
    table.write_bytes(b"PAR1 half a file")
    assert "broken.parquet: not a readable parquet file" in failure(table)


def test_a_template_and_a_system_message_must_fit(tmp_path: Path) -> None:
    path = write_lines(tmp_path, GOOD)
    assert "has no place for the prompt" in failure(path, template="{{prompt}}")
    taken = [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]
    path = write_lines(tmp_path, {"messages": taken, "answer": "a"})
    assert "already begins with a system message" in failure(path, system="s")
    tool = [{"role": "user", "content": "u"}, {"role": "tool", "content": "42"}]
    path = write_lines(tmp_path, {"messages": tool, "answer": "a"})
    assert "ends with a message of role 'tool'" in failure(path, template="{prompt}")


def test_a_reference_without_identity_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bytes.parquet"
    rows = [{"prompt": "a", "reference": b"b"}]
    parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    with pytest.raises(RowError, match=r"row 1: prompt .* use text, numbers, lists and objects"):
        load_prompts(path)


def test_built_in_arithmetic_by_name() -> None:
    prompts = load_prompts("builtin:arithmetic?max=9&ops=add,subtract&seed=3", limit=20)
    assert len(prompts) == 20
    assert {prompt.task for prompt in prompts} == {"math"}
    assert len(load_prompts("builtin:arithmetic?max=9")) == 100
    worded = load_prompts("builtin:arithmetic?max=9&count=1", template="Add: {prompt}", task="x")
    assert worded[0].messages[0]["content"].startswith("Add: ")
    assert worded[0].task == "x"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("builtin:geometry", "there is no built-in 'geometry'"),
        ("builtin:arithmetic?largest=9", "unknown option 'largest'; use count, max"),
        ("builtin:arithmetic?max=many", "max is 'many'; use a whole number"),
        ("builtin:arithmetic?ops=divide", "unknown operation 'divide'"),
        ("builtin:arithmetic?ops=add,add", "operations 'add,add'"),
        ("builtin:arithmetic?max=9&count=101", "there are 100 with these operands"),
        ("builtin:arithmetic?max=99999999999", "are no range"),
    ],
)
def test_a_bad_built_in_name_says_what_is_known(source: str, expected: str) -> None:
    with pytest.raises(SourceError) as caught:
        load_prompts(source)
    assert expected in str(caught.value)


@pytest.mark.skipif(not SHARED.exists(), reason="the shared data sets are not here")
def test_real_data_sets_load() -> None:
    gsm8k = load_prompts(SHARED / "gsm8k/train.jsonl", task="math")
    assert len(gsm8k) == 7473
    assert all(re.fullmatch(r"-?[\d,]+(\.\d+)?", prompt.reference) for prompt in gsm8k)
    competition = load_prompts(SHARED / "math/train.jsonl", task="math", limit=500)
    assert len({prompt.id for prompt in competition}) == 500
    assert set(competition[0].metadata) == {"level", "subject"}


def test_importing_is_light() -> None:
    heavy = ["torch", "ray", "vllm", "deepspeed", "transformers", "pyarrow"]
    program = (
        "import data.sources, data.stream, data.split, data.schema, sys;"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.strip() == "[]"
