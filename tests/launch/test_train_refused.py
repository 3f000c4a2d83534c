"""Prompts on which no answer could be graded, found before a run starts anything."""

import json
from pathlib import Path
from typing import Any

import pytest

from data.errors import PromptError
from launch.train.data import load_data
from rewards import MissingColumnError
from rl.config import DataConfig, RewardConfig
from rl.rewarding import rubric

SEVEN = {"kind": "stdio", "cases": [{"stdout": "7"}]}
IN_C = {"kind": "harness", "language": "c", "source": "int main(void) { return f() != 2; }"}
OVERLONG: dict[str, Any] = {
    "overlong": {"weight": 1.0, "options": {"max_tokens": 9, "cache_tokens": 3}}
}


def written(folder: Path, name: str, rows: list[tuple[str, object]]) -> str:
    path = folder / name
    lines = [
        json.dumps({"prompt": f"{name} {number}?", "task": task, "reference": reference})
        for number, (task, reference) in enumerate(rows)
    ]
    path.write_text("\n".join(lines))
    return str(path)


def test_a_run_stops_or_leaves_them_out(tmp_path: Path) -> None:
    """By route: what one verifier cannot grade may be right for another."""
    train = written(
        tmp_path, "train.jsonl", [("code", SEVEN), ("code", IN_C), ("math", "7"), ("code", "{")]
    )
    others = written(tmp_path, "eval.jsonl", [("code", SEVEN), ("code", IN_C)])
    data = {"train": train, "eval": others}
    grading = rubric(RewardConfig(verifier="math", routes={"code": "code"}))  # type: ignore[dict-item]
    with pytest.raises(PromptError) as raised:
        load_data(DataConfig(**data), grading, print)
    message = str(raised.value)
    assert message.startswith(f"2 of 4 prompts of {train} can never be graded: 1 such as {train} ")
    assert "line 2: trust: " in message
    assert "set the option trust to in_process" in message
    assert "line 4: reference: " in message
    assert message.endswith("set data.on_bad to skip to leave them out")
    assert "\n" not in message

    said: list[str] = []
    kept, held_out = load_data(DataConfig(**data, on_bad="skip"), grading, said.append)
    assert [prompt.task for prompt in kept] == ["code", "math"]
    assert len(held_out) == 1
    assert [line.partition(" prompts")[0] for line in said] == ["2 of 4", "1 of 2"]

    options = {"trust": "in_process"}
    paid = rubric(RewardConfig(verifier="code", options=options))
    alone = written(tmp_path, "c.jsonl", [("code", IN_C)])
    kept, _ = load_data(DataConfig(train=alone, eval_size=0), paid, print)
    assert len(kept) == 1


def test_nothing_may_be_left_and_columns_must_be_there(tmp_path: Path) -> None:
    train = written(tmp_path, "train.jsonl", [("code", IN_C)])
    data = DataConfig(train=train, eval_size=0, on_bad="skip")
    with pytest.raises(PromptError, match=r"1 of 1 prompts .* mend or remove them$"):
        load_data(data, rubric(RewardConfig(verifier="code")), print)
    (tmp_path / "own.py").write_text("def level(sample, level):\n    return True\n")
    with pytest.raises(MissingColumnError, match="needs the column 'level'"):
        load_data(data, rubric(RewardConfig(verifier=f"{tmp_path}/own.py:level")), print)
    # What only answers have is not missed.
    kept, _ = load_data(data, rubric(RewardConfig(verifier="math", terms=OVERLONG)), print)
    assert len(kept) == 1


def test_data_that_is_all_held_out_says_so(tmp_path: Path) -> None:
    train = written(tmp_path, "train.jsonl", [("math", "7"), ("math", "8")])
    data = DataConfig(train=train, eval=train)
    with pytest.raises(PromptError, match=r"every prompt of data\.train=.* never trained on"):
        load_data(data, rubric(RewardConfig(verifier="math")), print)
    kept, held_out = load_data(
        data.model_copy(update={"eval_size": 1}), rubric(RewardConfig(verifier="math")), print
    )
    assert (len(kept), len(held_out)) == (1, 1)


def test_a_file_for_evaluation_is_used_whole_unless_a_size_is_set(tmp_path: Path) -> None:
    train = written(tmp_path, "train.jsonl", [("math", "7")] * 300)
    others = written(tmp_path, "eval.jsonl", [("math", "8")] * 270)
    grading = rubric(RewardConfig(verifier="math"))
    for settings, trained, held in [
        ({"eval": others}, 300, 270),
        ({"eval": others, "eval_size": 9}, 300, 9),
        ({"eval": others, "eval_size": 0}, 300, 0),
        ({}, 44, 256),
        ({"eval_size": 9}, 291, 9),
    ]:
        data = DataConfig.model_validate({"train": train, **settings})
        kept, held_out = load_data(data, grading, print)
        assert (len(kept), len(held_out)) == (trained, held), settings
