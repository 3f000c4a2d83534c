"""What a run leaves behind is there once a step, in plain JSON and a fixed schema."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

from data.schema import Prompt
from rewards import Verdict
from rl.groups import Batch, Group
from rl.recorder import Recorder
from rl.rollout_columns import EPISODES, TOKENS
from rl.sinks import read_metrics
from rl.tokens import Episode, Segment, Span, Trajectory


def row(step: int, **values: Any) -> dict[str, Any]:
    return {"step": step, "time": 1.0 + step, "accuracy": 0.5, "seconds": {"total": 2.0}} | values


def group(index: int, reference: Any = "7") -> Group:
    prompt = Prompt(
        f"p/{index}",
        ({"role": "system", "content": "Be brief."}, {"role": "user", "content": "3+4?"}),
        reference,
        "sums",
    )
    prompt_ids = Segment(np.array([1, 2, 3], np.int32))
    answers = [
        episode(prompt_ids, [5, 6], [-0.1, -0.2], "7", "stop"),
        episode(prompt_ids, [8], [-0.5], "\u221e\n", "length"),
        episode(prompt_ids, [9], [-0.5], "", "stop"),
    ]
    verdicts = (
        Verdict.correct(1.0, "equal", passed=3, length=-0.25),
        Verdict.incorrect(-1.0, "differs"),
        Verdict.ungradable("outage: away"),
    )
    return Group(index, prompt, 4, tuple(answers), verdicts)


def episode(
    prompt: Segment, ids: Sequence[int], logprobs: Sequence[float], text: str, end: Any
) -> Episode:
    sampled = Segment(np.array(ids, np.int32), np.array(logprobs, np.float32), (Span(len(ids), 4),))
    return Episode((Trajectory((prompt, sampled)),), (), end, text)


def write_run(run_dir: Path, steps: Sequence[int], *, last_step: int = -1) -> None:
    """A run of some steps; step 0 is the evaluation before the first."""
    recorder = Recorder(run_dir, last_step=last_step)
    for step in steps:
        if step:
            recorder.ended(group(step), "rejected_correct")
            recorder.trained(Batch(step - 1, ()), {})
        recorder.write_step(row(step))
    recorder.close()


def kept(run_dir: Path) -> tuple[list[int], list[str]]:
    steps = [entry["step"] for entry in read_metrics(run_dir / "metrics.jsonl")]
    return steps, sorted(path.name for path in (run_dir / "rollouts").iterdir())


def files_of(steps: Sequence[int]) -> list[str]:
    names = [(f"step_{step:06d}.parquet", f"step_{step:06d}.tokens.parquet") for step in steps]
    return [name for pair in names for name in pair]


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
    assert files == files_of(range(1, 7))


def test_a_new_run_forgets_everything(tmp_path: Path) -> None:
    write_run(tmp_path, range(3))
    write_run(tmp_path, [0])
    assert kept(tmp_path) == ([0], [])


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
    assert kept(tmp_path) == ([0, 1], [*files_of([1]), "step_2 (copy).parquet"])


def test_what_is_not_a_number_becomes_null(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, last_step=-1)
    recorder.write_step(
        row(0, kl=float("nan"), loss=float("inf"), seconds={"total": float("-inf"), "sync": 1.0})
    )
    recorder.amend(0, eval_accuracy=float("nan"), note="kept")
    recorder.close()
    (line,) = (tmp_path / "metrics.jsonl").read_text().splitlines()
    expected = row(0, kl=None, loss=None, eval_accuracy=None, note="kept")
    assert strictly(line) == expected | {"seconds": {"total": None, "sync": 1.0}}


def test_amending_changes_its_step_alone(tmp_path: Path) -> None:
    write_run(tmp_path, range(3))
    recorder = Recorder(tmp_path, last_step=2)
    recorder.amend(1, eval_accuracy=0.75)
    recorder.close()
    found = read_metrics(tmp_path / "metrics.jsonl")
    assert found == [row(0), row(1, eval_accuracy=0.75), row(2)]


def test_a_missing_file_has_no_rows(tmp_path: Path) -> None:
    assert read_metrics(tmp_path / "metrics.jsonl") == []


def test_rollouts_hold_every_answer_in_a_fixed_schema(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, last_step=11)
    recorder.ended(group(8, {"b": [1, 2]}), "rejected_correct")
    recorder.ended(group(3), "accepted")
    recorder.trained(Batch(6, (group(3),)), {(3, 0): 0.25, (3, 1): -1.5})
    recorder.close()
    table = parquet.read_table(tmp_path / "rollouts" / "step_000012.parquet")
    assert table.schema.equals(EPISODES)
    *others, first, second, third = table.to_pylist()
    assert first == {
        "step": 12,
        "group": 3,
        "episode": 0,
        "prompt_id": "p/3",
        "task": "sums",
        "source": "",
        "mode": "",
        "prompt": "system: Be brief.\nuser: 3+4?",
        "response": "7",
        "messages": None,
        "reference": "7",
        "outcome": "correct",
        "reward": 1.0,
        "reason": "equal",
        "metrics": [("passed", 3.0), ("length", -0.25)],
        "advantage": 0.25,
        "policy_version": 4,
        "lag": 2,
        "turns": 1,
        "turn_rewards": [0.0],
        "tokens": 2,
        "prompt_tokens": 3,
        "stop_reason": "stop",
        "ending": "trained",
        "used": True,
        "began": None,
        "seconds": None,
        "turn_records": None,
        "opened": None,
    }
    assert (second["response"], second["stop_reason"]) == ("\u221e\n", "length")
    assert second["advantage"] == -1.5
    assert (third["outcome"], third["reward"], third["used"]) == ("ungradable", None, False)
    assert third["lag"] is None
    assert [(other["used"], other["advantage"]) for other in others] == [(False, None)] * 3
    assert {other["ending"] for other in others} == {"rejected_correct"}
    assert json.loads(others[0]["reference"]) == {"b": [1, 2]}


def test_tokens_of_an_episode_are_one_row_in_row_groups_of_64(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, last_step=0)
    for index in range(50):
        recorder.ended(group(index), "rejected_equal")
    recorder.trained(Batch(0, ()), {})
    recorder.close()
    path = tmp_path / "rollouts" / "step_000001.tokens.parquet"
    file = parquet.ParquetFile(path)
    assert file.schema_arrow.equals(TOKENS)
    assert max(file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)) <= 64
    rows = file.read().to_pylist()
    assert len(rows) == 150
    assert rows[3] | {"logprobs": None} == {
        "group": 1,
        "episode": 0,
        "trajectory": 0,
        "ids": [1, 2, 3, 5, 6],
        "logprobs": None,
        "mask": [False, False, False, True, True],
        "versions": [-1, -1, -1, 4, 4],
    }
    assert rows[3]["logprobs"] == pytest.approx([0, 0, 0, -0.1, -0.2])


def test_a_file_has_its_name_only_when_its_step_is_whole(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, last_step=0)
    for index in range(50):
        recorder.ended(group(index), "rejected_equal")
    assert list((tmp_path / "rollouts").glob("step_*")) == []
    assert list((tmp_path / "rollouts").glob(".step_*")) != []
    Recorder(tmp_path, last_step=0).close()  # the process was killed; another goes on
    assert list((tmp_path / "rollouts").iterdir()) == []


def test_steps_between_are_counted_and_not_written(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, last_step=0, log_every=2)
    seen = []
    for step in range(1, 5):
        recorder.ended(group(step), "rejected_correct")
        seen.append(recorder.tally.row()["groups_sampled"])
        recorder.trained(Batch(step - 1, ()), {})
    recorder.close()
    assert seen == [1, 1, 1, 1]
    assert kept(tmp_path)[1] == files_of([2, 4])


def test_a_step_without_answers_still_has_its_schema(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, last_step=0)
    recorder.trained(Batch(0, ()), {})
    recorder.close()
    table = parquet.read_table(tmp_path / "rollouts" / "step_000001.parquet")
    assert table.schema.equals(EPISODES)


def test_an_evaluation_is_written_apart_and_forgotten_with_its_step(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, last_step=-1)
    for step in (0, 2):
        recorder.evaluated("held_out", step, [group(0)])
    recorder.close()
    folder = tmp_path / "evaluations" / "held_out"
    assert sorted(path.name for path in folder.iterdir()) == files_of([0, 2])
    Recorder(tmp_path, last_step=1).close()
    assert sorted(path.name for path in folder.iterdir()) == files_of([0])


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
