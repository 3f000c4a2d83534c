"""Files in verl's layout, as DAPO and Skywork have it, are read as they are."""

import decimal
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from data.errors import DataError
from data.sources import load_prompts
from data.validate import places
from rewards import Sample, load_verifier

VERL = {
    "data_source": "openai/gsm8k",
    "prompt": [{"role": "user", "content": "1+1? Answer after ####."}],
    "ability": "math",
    "reward_model": {"style": "rule", "ground_truth": "2"},
    "extra_info": {"split": "train", "index": 0, "answer": "It is so.\n#### 2", "question": "1+1?"},
}
DAPO = {
    "data_source": "math_dapo",
    "prompt": [{"content": "1+1?\n\nRemember the last line.", "role": "user"}],
    "ability": "MATH",
    "reward_model": {"ground_truth": "34", "style": "rule-lighteval/MATH_v2"},
    "extra_info": {"index": "9a9b6eb4-a1cb-49d1-8c1e-62eaf2f74079"},
}
SKYWORK = {
    "data_source": "train-math-deepscaler",
    "prompt": [{"role": "system", "content": "s"}, {"role": "user", "content": "1+1?"}],
    "ability": "math",
    "reward_model": {"style": "rule", "ground_truth": '["2"]'},
    "extra_info": {"index": 5, "model_difficulty": {"DeepSeek-R1-Distill-Qwen-7B": 3}},
}


def table(folder: Path, *rows: dict[str, Any], schema: Any = None) -> Path:
    path = folder / "train.parquet"
    parquet.write_table(pa.Table.from_pylist(list(rows), schema), path)
    return path


def refused(path: Path, **options: Any) -> str:
    with pytest.raises(DataError) as caught:
        load_prompts(path, **options)
    return str(caught.value)


@pytest.mark.parametrize("row", [VERL, DAPO, SKYWORK], ids=["verl", "dapo", "skywork"])
def test_it_loads_without_conversion(tmp_path: Path, row: dict[str, Any]) -> None:
    twice = [row, row]  # DAPO has each of its indices many times
    first, second = load_prompts(table(tmp_path, *twice))
    assert [dict(message) for message in first.messages] == row["prompt"]
    assert first.reference == row["reward_model"]["ground_truth"]
    assert first.task == "math"
    assert (first.id, second.id) == ("train/1", "train/2")
    assert first.metadata["data_source"] == row["data_source"]
    assert first.metadata["extra_info"] == row["extra_info"]
    assert first.metadata["reward_model"] == {"style": row["reward_model"]["style"]}
    assert "prompt" not in first.metadata and "ability" not in first.metadata
    json.dumps(dict(first.metadata))
    lines = tmp_path / "train.jsonl"
    lines.write_text("".join(json.dumps(one) + "\n" for one in twice))
    assert load_prompts(lines) == [first, second]


def test_a_path_names_a_nested_column(tmp_path: Path) -> None:
    path = table(tmp_path, VERL)
    (prompt,) = load_prompts(
        path,
        prompt_column="extra_info.question",
        reference_column="extra_info.answer",
        id_column="extra_info.index",
        task_column="data_source",
    )
    assert prompt.messages[0]["content"] == "1+1?"
    assert (prompt.reference, prompt.id, prompt.task) == ("2", "0", "openai/gsm8k")
    kept = prompt.metadata["extra_info"]  # the worked solution stays, as the reference is a part
    assert set(kept) == {"split", "answer"}
    assert "no column 'extra_info.no'" in refused(path, reference_column="extra_info.no")
    assert "no column 'ability.x'" in refused(path, prompt_column="ability.x")
    missing = {**VERL, "reward_model": {"style": "rule", "ground_truth": None}}
    message = refused(table(tmp_path, VERL, missing))
    assert "row 2: column 'reward_model.ground_truth' is null" in message


def test_a_column_with_dots_in_its_name_is_that_column(tmp_path: Path) -> None:
    row = {"prompt": "1+1?", "a.b": "2", "a": {"b": "3", "c": "4"}}
    (prompt,) = load_prompts(table(tmp_path, row), reference_column="a.b")
    assert (prompt.reference, prompt.metadata) == ("2", {"a": {"b": "3", "c": "4"}})


def test_two_references_that_differ_are_not_chosen_from(tmp_path: Path) -> None:
    path = table(tmp_path, {**VERL, "solution": "So it is 2."})
    message = refused(path)
    assert "'solution' and 'reward_model.ground_truth' differ" in message
    assert "set reference_column" in message and "\n" not in message
    (prompt,) = load_prompts(path, reference_column="reward_model.ground_truth")
    assert prompt.reference == "2"
    (prompt,) = load_prompts(table(tmp_path, {**VERL, "solution": "2"}))
    assert prompt.reference == "2"
    (prompt,) = load_prompts(table(tmp_path, {**VERL, "extra_info": {"answer": "3"}}))
    assert prompt.reference == "2"


def test_an_ability_without_verls_layout_is_no_task(tmp_path: Path) -> None:
    (prompt,) = load_prompts(table(tmp_path, {"prompt": "?", "answer": "2", "ability": "MATH"}))
    assert (prompt.task, prompt.metadata) == ("", {"ability": "MATH"})


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (2, pa.int64()),
        (2, pa.int8()),
        (2.0, pa.float32()),
        (decimal.Decimal("2.00"), pa.decimal128(10, 2)),
        ("2", pa.large_string()),
        ("2", pa.dictionary(pa.int8(), pa.string())),
    ],
)
def test_numbers_of_a_table_are_references(tmp_path: Path, value: Any, kind: Any) -> None:
    columns = {
        "prompt": pa.array(["1+1?"]),
        "reward_model": pa.StructArray.from_arrays([pa.array([value], kind)], ["ground_truth"]),
    }
    path = tmp_path / "train.parquet"
    parquet.write_table(pa.table(columns), path)
    (prompt,) = load_prompts(path)
    json.dumps(prompt.reference)
    sample = Sample("s", prompt.messages, "\\boxed{2}", prompt.reference)
    assert load_verifier("math").judge(sample).is_correct


ROW = {"question": "1+1?", "answer": "2"}


class TestLinesInAJsonFile:
    def test_they_are_read(self, tmp_path: Path) -> None:
        path = tmp_path / "train.json"
        line = json.dumps(ROW)
        for text in (f"{line}\n{line}", f"\ufeff{line}\n\n{line}\n", f"\n{line}\r\n{line}\r\n"):
            path.write_text(text, encoding="utf-8")
            assert [prompt.reference for prompt in load_prompts(path)] == ["2", "2"]
        assert places(str(path), []) == []
        path.write_text(f'{line}\n{{"question": 1\n')
        assert "line 2: not valid JSON" in refused(path)

    def test_an_array_is_still_one(self, tmp_path: Path) -> None:
        path = tmp_path / "train.json"
        for indent in (None, 1):
            path.write_text(json.dumps([ROW, ROW], indent=indent))
            assert len(load_prompts(path)) == 2
        path.write_text(json.dumps(ROW, indent=1))
        assert "holds one object, not an array" in refused(path)
