"""What a run leaves behind step by step: metrics.jsonl, TensorBoard events, rollouts as parquet.

A resumed run first forgets what lies after its checkpoint, so that each step is there once.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from rl.old_groups import Group
from rl.storage import write_atomically, writing

SCHEMA = pa.schema(
    [
        ("step", pa.int64()),
        ("group", pa.int64()),
        ("prompt_id", pa.string()),
        ("task", pa.string()),
        ("prompt", pa.string()),
        ("response", pa.string()),
        ("reference", pa.string()),
        ("outcome", pa.string()),
        ("reward", pa.float64()),
        ("reason", pa.string()),
        ("metrics", pa.map_(pa.string(), pa.float64())),
        ("advantage", pa.float64()),
        ("policy_version", pa.int64()),
        ("tokens", pa.int64()),
        ("stop_reason", pa.string()),
        ("used", pa.bool_()),
        ("prompt_token_ids", pa.list_(pa.int64())),
        ("response_token_ids", pa.list_(pa.int64())),
    ]
)
"""Columns of a rollout file; one row a response. `advantage` is the response's first token's, null
where the group was not trained on in this step; `used` says whether it was; `metrics` are the
further numbers of verifier and terms, by name."""


class RunRecords:
    """The growing files of a run directory.

    Args:
        run_dir: the run directory.
        last_step: steps after this one are forgotten; -1 for a new run.
    """

    def __init__(self, run_dir: Path, *, last_step: int) -> None:
        self._metrics = run_dir / "metrics.jsonl"
        self._rollouts = run_dir / "rollouts"
        self._board = _TensorBoard(run_dir / "tensorboard", last_step)
        kept = [row for row in read_metrics(self._metrics) if row["step"] <= last_step]
        write_atomically(self._metrics, "".join(json.dumps(row) + "\n" for row in kept))
        with writing(self._rollouts):
            self._rollouts.mkdir(exist_ok=True)
            for path in self._rollouts.glob("step_*.parquet"):
                number = path.stem.removeprefix("step_")
                if number.isdecimal() and int(number) > last_step:
                    path.unlink()

    def write_step(self, row: Mapping[str, Any]) -> None:
        """Append one step's metrics."""
        clean = _without_nan(row)
        with writing(self._metrics), self._metrics.open("a", encoding="utf-8") as file:
            file.write(json.dumps(clean, allow_nan=False) + "\n")
        self._board.write(clean, clean)

    def last(self) -> Mapping[str, Any]:
        """The last step's metrics; empty if there is none."""
        return (read_metrics(self._metrics) or [{}])[-1]

    def amend_last(self, **values: Any) -> None:
        """Add values to the last step's metrics, or replace them."""
        rows = read_metrics(self._metrics)
        before = dict(_scalars(rows[-1]))
        rows[-1] |= _without_nan(values)
        changed = {tag: at for tag, at in _scalars(rows[-1]) if before.get(tag) != at}
        write_atomically(self._metrics, "".join(json.dumps(row) + "\n" for row in rows))
        self._board.write(rows[-1], changed)

    def write_rollouts(
        self, step: int, groups: Sequence[Group], advantages: Mapping[tuple[int, int], float]
    ) -> None:
        """Write every response of a step; `advantages` by (group index, response)."""
        rows = [row for group in groups for row in _rows(step, group, advantages)]
        path = self._rollouts / f"step_{step:06d}.parquet"
        temporary = path.with_name(f".{path.name}.tmp")
        with writing(path):
            try:
                pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), temporary)
                temporary.replace(path)
            finally:
                temporary.unlink(missing_ok=True)

    def close(self) -> None:
        """Flush TensorBoard's events."""
        self._board.close()


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The rows of a metrics.jsonl; a last line cut short by a kill is left out."""
    if not path.exists():
        return []
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            rows.append(json.loads(line))
        except ValueError:
            break
    return rows


def _rows(
    step: int, group: Group, advantages: Mapping[tuple[int, int], float]
) -> list[dict[str, Any]]:
    prompt = "\n".join(map(_message_line, group.prompt.messages))
    reference = group.prompt.reference
    pairs = zip(group.generation.completions, group.verdicts, strict=True)
    return [
        {
            "step": step,
            "group": group.index,
            "prompt_id": group.prompt.id,
            "task": group.prompt.task,
            "prompt": prompt,
            "response": completion.text,
            "reference": reference if isinstance(reference, str) else json.dumps(reference),
            "outcome": str(verdict.outcome),
            "reward": verdict.reward if verdict.is_gradable else None,
            "reason": verdict.reason,
            "metrics": list(verdict.metrics.items()),
            "advantage": advantages.get((group.index, i)),
            "policy_version": group.generation.policy_version,
            "tokens": len(completion.token_ids),
            "stop_reason": completion.stop_reason,
            "used": (group.index, i) in advantages,
            "prompt_token_ids": group.generation.prompt_token_ids,
            "response_token_ids": completion.token_ids,
        }
        for i, (completion, verdict) in enumerate(pairs)
    ]


def _message_line(message: Mapping[str, Any]) -> str:
    calls = "".join(f" {json.dumps(call['function'])}" for call in message.get("tool_calls", ()))
    return f"{message['role']}: {message['content']}{calls}"


def _without_nan(row: Mapping[str, Any]) -> dict[str, Any]:
    clean: dict[str, Any] = {}
    for key, value in row.items():
        if isinstance(value, Mapping):
            clean[key] = _without_nan(value)
        else:
            clean[key] = None if isinstance(value, float) and not math.isfinite(value) else value
    return clean


def _scalars(row: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    """Every number of a row, at any depth, under a tag such as `seconds/learn`."""
    for key, value in row.items():
        if isinstance(value, Mapping):
            yield from _scalars(value, f"{prefix}{key}/")
        elif isinstance(value, int | float):
            yield f"{prefix}{key}", value


class _TensorBoard:
    """Scalars for TensorBoard, through its own writer, which needs neither torch nor TensorFlow."""

    def __init__(self, folder: Path, last_step: int) -> None:
        from tensorboard.compat.proto.event_pb2 import Event, SessionLog
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        self._folder = folder
        with writing(folder):
            self._writer = EventFileWriter(str(folder))
        # Tells TensorBoard to drop what an earlier, interrupted process wrote after this step.
        start = SessionLog(status=SessionLog.START)
        self._writer.add_event(Event(step=last_step + 1, session_log=start))

    def write(self, row: Mapping[str, Any], values: Mapping[str, Any]) -> None:
        """Add values of a row, whose step and time count."""
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary

        scalars = [Summary.Value(tag=tag, simple_value=at) for tag, at in _scalars(values)]
        event = Event(step=row["step"], wall_time=row["time"], summary=Summary(value=scalars))
        with writing(self._folder):
            self._writer.add_event(event)
            self._writer.flush()

    def close(self) -> None:
        with writing(self._folder):
            self._writer.close()
