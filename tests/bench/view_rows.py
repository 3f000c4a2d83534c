"""Runs of any size for `tests.bench.view`: files as training writes them, without the training."""

import json
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import parquet

from rl.rollout_files import EPISODES, ROW_GROUP, TOKENS

GROUP: Final = 8
STARTS: Final = ("sum", "add", "carry", "ten", "unit", "digit", "term", "prime", "root", "angle")
ENDS: Final = ("", "s", "ing", "ed", "er", "al", "ly", "um", "ix", "or", "an", "et", "us", "im")
WORDS: Final = 60  # of an answer
POOL: Final = 4096  # answers that differ in more than their last words


def make(run: Path, steps: int, rows: int, processes: int = 2) -> None:
    """Write a run of so many steps of so many answers, with the tokens of its last step."""
    (run / "rollouts").mkdir(parents=True)
    lines = [json.dumps(_metrics(step, steps)) + "\n" for step in range(1, steps + 1)]
    (run / "metrics.jsonl").write_text("".join(lines), encoding="utf-8")
    with ProcessPoolExecutor(processes) as pool:
        parts = [range(first, steps + 1, processes) for first in range(1, processes + 1)]
        list(pool.map(_write, [run] * processes, parts, [steps] * processes, [rows] * processes))


def rare_word(step: int, row: int) -> str:
    """A word that one answer has."""
    return f"needle{step}x{row}"


def _write(run: Path, some: range, steps: int, rows: int) -> None:
    random = np.random.default_rng(some.start)
    words = np.array([start + end for start in STARTS for end in ENDS])
    texts = [" ".join(random.choice(words, WORDS)) + f"\n\\boxed{{{i}}}" for i in range(POOL)]
    pool = pa.array(texts)
    for step in some:
        path = run / "rollouts" / f"step_{step:06d}.parquet"
        table = _table(step, steps, rows, pool, random)
        parquet.write_table(table, path, compression="zstd", row_group_size=ROW_GROUP)
    if steps in some:
        _write_tokens(run, steps, table)


def _table(
    step: int, steps: int, rows: int, pool: pa.Array, random: np.random.Generator
) -> pa.Table:
    groups = np.repeat(np.arange(rows // GROUP) + step * rows // GROUP, GROUP)
    right = random.random(rows) < 0.3 + 0.5 * step / steps
    used = groups % 4 != 0
    last = [f" {rare_word(step, i)}" if i % 256 == 0 else f" row {i}" for i in range(rows)]
    response = pc.binary_join_element_wise(
        pool.take(pa.array(random.integers(0, POOL, rows))), pa.array(last), ""
    )
    wrong = np.array([f"wrong answer: line {i % 7} is wrong: '{i}'" for i in range(rows)])
    columns: dict[str, Any] = {
        "step": np.full(rows, step),
        "group": groups,
        "episode": np.tile(np.arange(GROUP), rows // GROUP),
        "prompt_id": [f"train/{group % 5000}" for group in groups],
        "task": np.where(groups % 3 == 0, "math", "code"),
        "source": np.where(groups % 2 == 0, "sums", "programs"),
        "prompt": [f"user: What is {group % 5000} plus {group % 77}?" for group in groups],
        "response": response,
        "reference": [str(group % 5000) for group in groups],
        "outcome": np.where(right, "correct", "incorrect"),
        "reward": right.astype(float),
        "reason": np.where(right, "text", wrong),
        "metrics": [[("seconds", value)] for value in random.random(rows) * 0.01],
        "advantage": random.normal(size=rows),
        "policy_version": np.full(rows, step - 1),
        "lag": random.integers(0, 3, rows),
        "turns": np.ones(rows, int),
        "tokens": random.integers(20, 900, rows),
        "prompt_tokens": np.full(rows, 30),
        "stop_reason": np.where(random.random(rows) < 0.9, "stop", "length"),
        "ending": np.where(used, "trained", "rejected_correct"),
        "used": used,
    }
    return pa.table([_column(columns.get(field.name), field, rows) for field in EPISODES], EPISODES)


def _column(values: Any, field: pa.Field, rows: int) -> pa.Array:
    if values is None:
        return pa.nulls(rows, field.type)
    if isinstance(values, list) and pa.types.is_map(field.type):
        return pa.array(values, field.type)
    made = values if isinstance(values, pa.Array | pa.ChunkedArray) else pa.array(values)
    return made.cast(field.type)


def _write_tokens(run: Path, step: int, episodes: pa.Table) -> None:
    """The tokens of a step's answers."""
    count = episodes.num_rows
    lengths: NDArray[np.int64] = np.full(count, 200)
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32))
    total = int(lengths.sum())
    columns = {
        "group": episodes["group"].combine_chunks(),
        "episode": episodes["episode"].combine_chunks(),
        "trajectory": pa.array(np.zeros(count, np.int32)),
        "ids": pa.ListArray.from_arrays(offsets, pa.array(np.arange(total, dtype=np.int32) % 500)),
        "logprobs": pa.ListArray.from_arrays(offsets, pa.array(np.full(total, -0.5, np.float32))),
        "mask": pa.ListArray.from_arrays(offsets, pa.array(np.arange(total) % 200 >= 30)),
        "versions": pa.ListArray.from_arrays(offsets, pa.array(np.full(total, step - 1, np.int32))),
    }
    parquet.write_table(
        pa.table([columns[field.name].cast(field.type) for field in TOKENS], TOKENS),
        run / "rollouts" / f"step_{step:06d}.tokens.parquet",
        compression="zstd",
        row_group_size=ROW_GROUP,
    )


def _metrics(step: int, steps: int) -> dict[str, Any]:
    share = 0.3 + 0.5 * step / steps
    return {
        "step": step, "time": 1.7e9 + 60 * step, "policy_version": step, "accuracy": share,
        "reward_mean": share, "reward_std": 0.4, "acceptance_rate": 0.75, "entropy": 1 - share,
        "groups_sampled": 256, "groups_accepted": 192, "tokens_per_second": 5000.0,
        "response_tokens_mean": 460.0, "truncated": 0.1, "grad_norm": 1.0, "lr": 1e-6,
        "idle": {"engines": 0.2, "learner": 0.5}, "tokens": {"sampled": 942080, "trained": 700000},
        "seconds": {"generate": 30.0, "grade": 2.0, "learn": 25.0, "sync": 1.0, "total": 60.0},
        "grade_slowest": [["math", f"train/{step % 5000}", 0.01 * (step % 17)]], "guards": {},
    }  # fmt: skip
