"""A small run directory as training writes it, with answers that are hard to show."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from rl.config_file import dump_config, load_config
from rl.rollout_files import EPISODES, TOKENS

PER_GROUP = 4
HOSTILE = (
    "Before <script>window.hacked = 1</script> and <img src=x onerror='window.hacked = 2'> after. "
    "[a link](javascript:window.hacked=3) $\\href{javascript:window.hacked=4}{x}$ **bold** "
    "\\(x^2\\) \\boxed{9}\n\n```python\nprint('<b>')\n```"
)
LONG = "y" * 999_000 + " needleatend"
TALK = [
    {"role": "user", "content": "What is 2+2? There is a tool."},
    {
        "role": "assistant",
        "content": "<think>A tool helps.</think>Let me ask.",
        "tool_calls": [{"type": "function", "function": {"name": "add", "arguments": {"a": 2}}}],
    },
    {"role": "tool", "name": "add", "content": "observedfour"},
    {"role": "assistant", "content": "It is \\boxed{4}."},
]
TURNS = [
    {
        "trajectory": 0, "message": 1, "text": None, "prompt_tokens": 20, "cached_tokens": 8,
        "tokens": 2, "allowed": 64, "stop": "stop", "reward": 0.25, "began": 0.0, "seconds": 1.5,
        "versions": [{"tokens": 1, "version": 0}, {"tokens": 1, "version": 1}], "engine": 3,
        "answer_seconds": 0.25, "calls": [{"name": "add", "seconds": 0.2, "error": "raised"}],
    },
    {
        "trajectory": 0, "message": 3, "text": None, "prompt_tokens": 30, "cached_tokens": 22,
        "tokens": 64, "allowed": 64, "stop": "length", "reward": 1.0, "began": 1.75,
        "seconds": 2.0, "versions": [{"tokens": 64, "version": 1}], "engine": 5,
        "answer_seconds": None, "calls": [],
    },
]  # fmt: skip
TESTS = {
    "kind": "stdio",
    "cases": [{"stdin": "1 2\n", "stdout": "3\n"}, {"stdin": "2 3\n", "stdout": "5\n"}],
}
PLUGIN = """from rewards import Verdict

def grade(sample):
    response = sample.response
    right = RIGHT
    return Verdict.correct() if right else Verdict.incorrect(reason="says the plugin: no")
"""


def write_plugin(path: Path, right: str) -> None:
    """A verifier that finds right what an expression says."""
    path.write_text(PLUGIN.replace("RIGHT", right), encoding="utf-8")


def make_run(run_dir: Path, plugin: Path | None = None, steps: int = 3) -> Path:
    """A run of so many steps with an evaluation of the last."""
    (run_dir / "rollouts").mkdir(parents=True)
    verifier = [] if plugin is None else [f"reward.verifier={plugin}:grade"]
    config = load_config(
        None, [f"run_dir={run_dir}", "data.train=builtin:arithmetic?max=9", *verifier]
    )
    (run_dir / "config.yaml").write_text(dump_config(config), encoding="utf-8")
    rows = [_metrics(step) for step in range(1, steps + 1)]
    rows[-1]["evaluations"] = {
        "held_out": {"accuracy": 0.5, "interval": [0.3, 0.7], "pass_at": {"1": 0.5}, "prompts": 4}
    }
    rows[-1]["eval_accuracy"] = 0.5
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (run_dir / "metrics.jsonl").write_text(text, encoding="utf-8")
    for step in range(1, steps + 1):
        write_step(run_dir / "rollouts", step, answers(step))
    evaluations = run_dir / "evaluations" / "held_out"
    evaluations.mkdir(parents=True)
    write_step(evaluations, steps, [{**row, "ending": "evaluated"} for row in answers(steps)[:4]])
    return run_dir


def answers(step: int) -> list[dict[str, Any]]:
    """A step's rows: four groups of four, the first with what is hard to show."""
    rows = [_answer(step, number, i) for number in range(4) for i in range(PER_GROUP)]
    rows[0] |= {"response": HOSTILE, "prompt_id": "hostile/1"}
    rows[1] |= {"response": LONG, "prompt_id": "long/1"}
    rows[2] |= {"response": TALK[-1]["content"], "messages": json.dumps(TALK), "turns": 2}
    rows[2] |= {"turn_rewards": [0.25, 1.0], "prompt_id": "talk/1", "turn_records": TURNS}
    rows[3] |= {"task": "code", "outcome": "incorrect", "reward": 0.0, "prompt_id": "code/1"}
    rows[3] |= {"reason": "wrong answer: line 1 is wrong: '4'", "reference": json.dumps(TESTS)}
    rows[3] |= {"metrics": [("passed", 1.0), ("total", 2.0)], "response": "```python\npass\n```"}
    return rows


def write_step(folder: Path, step: int, rows: Sequence[dict[str, Any]]) -> None:
    """The two files of a step, the tokens first."""
    tokens = [
        {
            "group": row["group"], "episode": row["episode"], "trajectory": 0,
            "ids": [5, 6, 7], "logprobs": [0.0, -0.1, -2.5], "mask": [False, True, True],
            "versions": [-1, step - 1, step - 1],
        }
        for row in rows
    ]  # fmt: skip
    parquet.write_table(
        pa.Table.from_pylist(tokens, schema=TOKENS),
        folder / f"step_{step:06d}.tokens.parquet",
        row_group_size=6,
    )
    unfinished = folder / ".unfinished"
    parquet.write_table(
        pa.Table.from_pylist(list(rows), schema=EPISODES), unfinished, row_group_size=6
    )
    unfinished.replace(folder / f"step_{step:06d}.parquet")


def _answer(step: int, number: int, episode: int) -> dict[str, Any]:
    group = 10 * step + number
    right = (number + episode) % 2 == 0
    used = number < 3
    return {
        "step": step, "group": group, "episode": episode, "prompt_id": f"arithmetic/{number}+4",
        "task": "math", "source": "sums" if number % 2 else "", "prompt": f"user: {number}+4=?",
        "mode": "think" if number % 2 else "",
        "response": f"step{step} says Sum_{number} of {episode}. \\boxed{{{number + 4}}}",
        "messages": None, "reference": str(number + 4),
        "outcome": ("correct" if right else "incorrect") if number else "ungradable",
        "reward": float(right) if number else None,
        "reason": "text" if right else "differs: number",
        "metrics": [("seconds", 0.001 * step)], "advantage": 0.5 - episode if used else None,
        "policy_version": step - 1, "lag": number % 2 if used else None, "turns": 1,
        "turn_rewards": [0.0], "tokens": 10 * step + episode, "prompt_tokens": 6,
        "stop_reason": "length" if episode == 3 else "stop",
        "ending": "trained" if used else "rejected_correct", "used": used,
    }  # fmt: skip


def _metrics(step: int) -> dict[str, Any]:
    return {
        "step": step, "time": 1.7e9 + step, "policy_version": step, "accuracy": 0.2 * step,
        "reward_mean": 0.2 * step, "reward_std": 0.1, "acceptance_rate": 0.5, "entropy": 1.0,
        "groups_sampled": 4, "groups_accepted": 3, "tokens_per_second": 100.0 + step,
        "idle": {"engines": 0.4, "learner": 0.6}, "tokens": {"sampled": 200, "trained": 100},
        "seconds": {"generate": 1.0, "grade": 0.2, "learn": 1.0, "total": 2.5},
        "grade_slowest": [["math", "arithmetic/1+4", 0.5 * step]],
        "strata": {
            "sampled": {"now": {"easy": 1, "medium": 2, "hard": 1, "unknown": 0}},
            "trained": {"now": {"easy": 0, "medium": 3, "hard": 0, "unknown": 0}},
        },
        "guards": {},
    }  # fmt: skip
