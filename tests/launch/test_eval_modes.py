"""`plumb eval` in reasoning modes: what is asked of each prompt, and what is told of each mode."""

from pathlib import Path

import pytest
from pyarrow import parquet

from launch.evaluate.table import show_results
from rl.errors import PlumbError
from tests.fake_judge import fake_judge
from tests.launch.eval_world import Body, evaluated, quick, write_set

MODES = """
modes:
  long: {template_arguments: {enable_thinking: true}, checks: {thinking: some, language: it}}
  short: {template: "{prompt} /short", template_arguments: {enable_thinking: false}}
"""
ROWS = [{"prompt": f"Six times seven, problem {i}?", "answer": "42"} for i in range(12)]


def answer(body: Body) -> str:
    """Right where it is asked to be short."""
    return "42" if body["messages"][-1]["content"].endswith(" /short") else "It is about forty"


def test_each_prompt_is_asked_in_its_mode_and_modes_are_told_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "run.yaml"
    config.write_text(MODES)
    sets = [write_set(tmp_path, "mine", ROWS)]
    same = {"sets": sets, "config": config, "verifier": quick(tmp_path)}
    with fake_judge(answer) as model:
        _, found = evaluated(target=model.url, out=tmp_path / "own", **same)
        asked = [
            (one["messages"][-1]["content"], one["chat_template_kwargs"]) for one in model.bodies
        ]
        kept = (tmp_path / "own" / "answers.parquet").read_bytes()
        _, short = evaluated(target=model.url, out=tmp_path / "own", mode="short", **same)
        again = len(model.bodies) - len(asked)
        (tmp_path / "own" / "answers.parquet").write_bytes(kept)
        with pytest.raises(PlumbError, match="--mode fast: there is no such mode; there are long"):
            evaluated(target=model.url, out=tmp_path / "fast", mode="fast", **same)
        config.write_text(MODES.replace("long: {", "long: {prefix: '<think>', "))
        with pytest.raises(PlumbError, match=r"modes\.long\.prefix cannot be put before"):
            evaluated(target=model.url, out=tmp_path / "prefix", **same)
    for said, arguments in asked:
        assert arguments == {"enable_thinking": not said.endswith(" /short")}
    mine = found["sets"]["mine"]
    assert mine["accuracy_by_mode"] == {"long": 0.0, "short": 1.0}
    assert mine["response_tokens_by_mode"].keys() == {"long", "short"}
    assert short["sets"]["mine"]["accuracy"] == 1.0
    assert again == sum(arguments["enable_thinking"] for _, arguments in asked), "of the long ones"
    rows = parquet.read_table(tmp_path / "own" / "answers.parquet").to_pylist()
    assert {(row["mode"], row["outcome"]) for row in rows} == {
        ("long", "incorrect"),
        ("short", "correct"),
    }
    show_results(found)
    assert "mode short" in capsys.readouterr().out
