"""What a run leaves behind is there once a step, in plain JSON and a fixed schema."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

from data.schema import Prompt
from rewards import Verdict
from rl.old_groups import Completion, Generation, Group
from rl.records import SCHEMA, RunRecords, read_metrics


def row(step: int, **values: Any) -> dict[str, Any]:
    return {"step": step, "time": 1.0 + step, "accuracy": 0.5, "seconds": {"total": 2.0}} | values


def group(index: int, reference: Any = "7") -> Group:
    prompt = Prompt(
        f"p/{index}",
        ({"role": "system", "content": "Be brief."}, {"role": "user", "content": "3+4?"}),
        reference,
        "sums",
    )
    answers = [
        Completion([5, 6], [-0.1, -0.2], "7", "stop"),
        Completion([8], [-0.5], "\u221e\n", "length"),
        Completion([9], [-0.5], "", "stop"),
    ]
    verdicts = [
        Verdict.correct(1.0, "equal", passed=3, length=-0.25),
        Verdict.incorrect(-1.0, "differs"),
        Verdict.ungradable("outage: away"),
    ]
    return Group(index, prompt, Generation([1, 2, 3], answers, 4), verdicts)


def write_run(run_dir: Path, steps: Sequence[int], *, last_step: int = -1) -> None:
    records = RunRecords(run_dir, last_step=last_step)
    for step in steps:
        records.write_rollouts(step, [group(step)], {})
        records.write_step(row(step))
    records.close()


def kept(run_dir: Path) -> tuple[list[int], list[str]]:
    steps = [entry["step"] for entry in read_metrics(run_dir / "metrics.jsonl")]
    return steps, sorted(path.name for path in (run_dir / "rollouts").iterdir())


def strictly(line: str) -> Any:
    """Parse JSON as other languages do, which know neither NaN nor Infinity."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(line, parse_constant=refuse)


def test_a_resumed_run_forgets_what_lies_after_its_checkpoint(tmp_path: Path) -> None:
    write_run(tmp_path, range(6))
    write_run(tmp_path, [4, 5, 6], last_step=3)
    steps, files = kept(tmp_path)
    assert steps == [0, 1, 2, 3, 4, 5, 6]
    assert files == [f"step_{step:06d}.parquet" for step in range(7)]


def test_a_new_run_forgets_everything(tmp_path: Path) -> None:
    write_run(tmp_path, range(3))
    write_run(tmp_path, [0])
    assert kept(tmp_path) == ([0], ["step_000000.parquet"])


@given(cut=st.integers(0, 400))
def test_a_last_line_cut_by_a_kill_is_left_out(
    cut: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("run") / "metrics.jsonl"
    whole = "".join(json.dumps(row(step)) + "\n" for step in range(4))
    path.write_text(whole[:cut])
    rows = read_metrics(path)
    complete = whole[:cut].count("\n")
    # The line may be complete but for its end.
    assert rows in ([row(step) for step in range(complete + extra)] for extra in (0, 1))
    assert len(rows) == complete or whole[cut] == "\n"


def test_after_a_cut_line_the_next_one_stands_alone(tmp_path: Path) -> None:
    write_run(tmp_path, range(3))
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 3, "acc')
    write_run(tmp_path, [3, 4], last_step=2)
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert [strictly(line)["step"] for line in lines] == [0, 1, 2, 3, 4]


def test_files_of_others_survive_a_resume(tmp_path: Path) -> None:
    write_run(tmp_path, range(3))
    (tmp_path / "rollouts" / "step_2 (copy).parquet").write_bytes(b"")
    write_run(tmp_path, [], last_step=1)
    files = ["step_000000.parquet", "step_000001.parquet", "step_2 (copy).parquet"]
    assert kept(tmp_path) == ([0, 1], files)


def test_what_is_not_a_number_becomes_null(tmp_path: Path) -> None:
    records = RunRecords(tmp_path, last_step=-1)
    records.write_step(
        row(0, kl=float("nan"), loss=float("inf"), seconds={"total": float("-inf"), "sync": 1.0})
    )
    records.amend_last(eval_accuracy=float("nan"), note="kept")
    records.close()
    (line,) = (tmp_path / "metrics.jsonl").read_text().splitlines()
    expected = row(0, kl=None, loss=None, eval_accuracy=None, note="kept")
    assert strictly(line) == expected | {"seconds": {"total": None, "sync": 1.0}}


def test_amending_changes_the_last_step_alone(tmp_path: Path) -> None:
    write_run(tmp_path, range(3))
    records = RunRecords(tmp_path, last_step=2)
    records.amend_last(eval_accuracy=0.75)
    records.close()
    found = read_metrics(tmp_path / "metrics.jsonl")
    assert found == [row(0), row(1), row(2, eval_accuracy=0.75)]


def test_a_missing_file_has_no_rows(tmp_path: Path) -> None:
    assert read_metrics(tmp_path / "metrics.jsonl") == []


def test_rollouts_hold_every_answer_in_a_fixed_schema(tmp_path: Path) -> None:
    records = RunRecords(tmp_path, last_step=-1)
    records.write_rollouts(12, [group(3), group(8, {"b": [1, 2]})], {(3, 0): 0.25, (3, 1): -1.5})
    records.close()
    table = parquet.read_table(tmp_path / "rollouts" / "step_000012.parquet")
    assert table.schema.equals(SCHEMA)
    first, second, third, *others = table.to_pylist()
    assert first == {
        "step": 12,
        "group": 3,
        "prompt_id": "p/3",
        "task": "sums",
        "prompt": "system: Be brief.\nuser: 3+4?",
        "response": "7",
        "reference": "7",
        "outcome": "correct",
        "reward": 1.0,
        "reason": "equal",
        "metrics": [("passed", 3.0), ("length", -0.25)],
        "advantage": 0.25,
        "policy_version": 4,
        "tokens": 2,
        "stop_reason": "stop",
        "used": True,
        "prompt_token_ids": [1, 2, 3],
        "response_token_ids": [5, 6],
    }
    assert (second["response"], second["stop_reason"]) == ("\u221e\n", "length")
    assert second["advantage"] == -1.5
    assert (third["outcome"], third["reward"], third["used"]) == ("ungradable", None, False)
    assert [(other["used"], other["advantage"]) for other in others] == [(False, None)] * 3
    assert json.loads(others[0]["reference"]) == {"b": [1, 2]}


def test_a_step_without_answers_still_has_its_schema(tmp_path: Path) -> None:
    records = RunRecords(tmp_path, last_step=-1)
    records.write_rollouts(1, [], {})
    records.close()
    table = parquet.read_table(tmp_path / "rollouts" / "step_000001.parquet")
    assert table.schema.equals(SCHEMA)


def test_tensorboard_is_told_where_a_resumed_run_begins(tmp_path: Path) -> None:
    write_run(tmp_path, range(4))
    write_run(tmp_path, [2], last_step=1)
    seen: list[tuple[str, int]] = []
    for path in sorted((tmp_path / "tensorboard").iterdir()):
        for event in EventFileLoader(str(path)).Load():
            if event.HasField("session_log"):
                # What TensorBoard does: it drops every event from this step on.
                seen = [(tag, step) for tag, step in seen if step < event.step]
            seen += [(value.tag, event.step) for value in event.summary.value]
    assert sorted(step for tag, step in seen if tag == "accuracy") == [0, 1, 2]
    assert ("seconds/total", 2) in seen
