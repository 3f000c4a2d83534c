"""What the policy wrote, step by step, as parquet: two files a step, for people and for machines.

`step_000012.parquet` has one row an episode: text, verdict, reward, advantage, lag. Its tokens are
in `step_000012.tokens.parquet`, one row a trajectory in row groups of 64, so that a viewer opens
one without the others. Files appear whole: they are written under another name and renamed.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from rl.groups import Group
from rl.rollout_columns import EPISODES, TOKENS
from rl.storage import writing
from rl.tokens import Episode

ROW_GROUP = 64  # rows of tokens that are read at once

Advantages = Mapping[tuple[int, int], float]
"""The advantage of an episode's first trained token, by (group index, episode)."""


class StepFiles:
    """The two files of one step, which grow under temporary names until `finish`.

    Args:
        folder: where they go; it exists.
        step: their step.
    """

    def __init__(self, folder: Path, step: int) -> None:
        self._step = step
        # The tokens first: a viewer that finds a step's episodes finds their tokens too.
        self._tokens = _GrowingFile(folder / f"step_{step:06d}.tokens.parquet", TOKENS)
        self._episodes = _GrowingFile(folder / f"step_{step:06d}.parquet", EPISODES)

    def add(
        self,
        group: Group,
        ending: str,
        advantages: Advantages = MappingProxyType({}),
        version: int | None = None,
    ) -> None:
        """Add a group's episodes.

        Args:
            group: the group.
            ending: how it ended.
            advantages: of the episodes that were trained on.
            version: the policy that trained on them.
        """
        self._tokens.add(list(_token_rows(group)))
        self._episodes.add(list(_rows(self._step, group, ending, advantages, version)))

    def finish(self) -> None:
        """Give the files their names."""
        self._tokens.finish()
        self._episodes.finish()

    def drop(self) -> None:
        """Remove what was written."""
        self._tokens.drop()
        self._episodes.drop()


def episode_files(folder: Path) -> list[Path]:
    """The files of episodes in a folder, by step."""
    return sorted(path for path in folder.glob("step_*.parquet") if step_of(path) is not None)


def step_of(path: Path) -> int | None:
    """The step of a file of episodes; None where it is none."""
    number = path.name.removeprefix("step_").removesuffix(".parquet")
    return int(number) if number.isdecimal() else None


def forget_after(folder: Path, last_step: int) -> None:
    """Remove the files of the steps after `last_step`, and what a kill left half-written."""
    for path in episode_files(folder):
        if (step_of(path) or 0) > last_step:
            path.unlink()
            path.with_suffix(".tokens.parquet").unlink(missing_ok=True)
    for path in folder.glob(".step_*.tmp"):
        path.unlink()
    for path in folder.glob("step_*.tokens.parquet"):
        number = path.name.removeprefix("step_").removesuffix(".tokens.parquet")
        if number.isdecimal() and int(number) > last_step:
            path.unlink()


class _GrowingFile:
    """A parquet file that appears whole; rows are held until they fill a row group."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._path = path
        self._temporary = path.with_name(f".{path.name}.tmp")
        self._schema = schema
        self._rows: list[dict[str, Any]] = []
        self._writer: pq.ParquetWriter | None = None

    def add(self, rows: list[dict[str, Any]]) -> None:
        self._rows += rows
        if len(self._rows) >= ROW_GROUP:
            self._flush()

    def finish(self) -> None:
        self._flush()
        with writing(self._path):
            if self._writer is not None:
                self._writer.close()
            self._temporary.replace(self._path)

    def drop(self) -> None:
        with suppress(OSError):
            if self._writer is not None:
                self._writer.close()
            self._temporary.unlink(missing_ok=True)

    def _flush(self) -> None:
        table = pa.Table.from_pylist(self._rows, schema=self._schema)
        self._rows = []
        with writing(self._path):
            if self._writer is None:
                self._writer = pq.ParquetWriter(self._temporary, self._schema, compression="zstd")
            self._writer.write_table(table, row_group_size=ROW_GROUP)


def _rows(
    step: int, group: Group, ending: str, advantages: Advantages, version: int | None
) -> Iterator[dict[str, Any]]:
    prompt = "\n".join(map(message_line, group.prompt.messages))
    reference = group.prompt.reference
    source = group.prompt.source or group.prompt.metadata.get("source", "")
    for i, (episode, verdict) in enumerate(zip(group.episodes, group.verdicts, strict=True)):
        used = (group.index, i) in advantages
        start = group.start if episode.start is None else episode.start
        yield {
            "step": step,
            "group": group.index,
            "episode": i,
            "prompt_id": group.prompt.id,
            "task": group.prompt.task,
            "source": source if isinstance(source, str) else json.dumps(source),
            "mode": group.prompt.mode,
            "prompt": prompt,
            "response": episode.response,
            "messages": json.dumps(episode.messages) if _has_more(group, episode) else None,
            "reference": reference if isinstance(reference, str) else json.dumps(reference),
            "outcome": str(verdict.outcome),
            "reward": verdict.reward if verdict.is_gradable else None,
            "reason": verdict.reason,
            "metrics": list({**episode.metrics, **verdict.metrics}.items()),
            "advantage": advantages.get((group.index, i)),
            "policy_version": start,
            "lag": version - start if used and version is not None else None,
            "turns": episode.turns,
            "turn_rewards": episode.turn_rewards,
            "tokens": episode.sampled,
            "prompt_tokens": _prompt_tokens(episode),
            "stop_reason": episode.end,
            "ending": ending,
            "used": used,
            "began": episode.began,
            "seconds": episode.seconds,
            "turn_records": _turns(episode),
            "opened": episode.thinking,
        }


def _has_more(group: Group, episode: Episode) -> bool:
    """Whether an episode is more than a prompt and one answer."""
    if episode.turns > 1 or len(episode.messages) > len(group.prompt.messages) + 1:
        return True
    last = episode.messages[-1] if episode.messages else {}
    return last.get("role") == "assistant" and last.get("content") != episode.response


def _turns(episode: Episode) -> list[dict[str, Any]] | None:
    parts = [segment for one in episode.trajectories for segment in one.segments]
    sampled = [segment for segment in parts if segment.logprobs is not None]
    if len(sampled) != len(episode.records):
        return None
    return [
        {
            **asdict(record),
            "calls": [call._asdict() for call in record.calls],
            "tokens": len(segment.ids),
            "versions": [span._asdict() for span in segment.versions],
            "reward": segment.reward,
        }
        for record, segment in zip(episode.records, sampled, strict=True)
    ]


def _token_rows(group: Group) -> Iterator[dict[str, Any]]:
    for i, episode in enumerate(group.episodes):
        for j, trajectory in enumerate(episode.trajectories):
            yield {
                "group": group.index,
                "episode": i,
                "trajectory": j,
                "ids": trajectory.ids,
                "logprobs": trajectory.logprobs,
                "mask": trajectory.mask,
                "versions": trajectory.versions,
            }


def _prompt_tokens(episode: Episode) -> int:
    return len(episode.trajectories[0].segments[0].ids) if episode.trajectories else 0


def message_line(message: Mapping[str, Any]) -> str:
    """A message of a prompt as the files' `prompt` has it."""
    calls = "".join(f" {json.dumps(call['function'])}" for call in message.get("tool_calls", ()))
    return f"{message['role']}: {message['content']}{calls}"
