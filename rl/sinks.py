"""Where a step's metrics go: JSON lines, TensorBoard, and whatever else is made a `Sink`."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from rl.storage import write_atomically, writing

Row = Mapping[str, Any]
"""A step's metrics: numbers, None, and mappings of them; `step` and `time` are always there."""


class Sink(Protocol):
    """Takes metrics; every number in them is finite."""

    def write(self, row: Row) -> None:
        """A step's metrics."""

    def amend(self, row: Row, changed: Row) -> None:
        """A step that was written before: its metrics now, and those that are new or others."""

    def close(self) -> None:
        """Nothing more comes."""


class JsonLines:
    """metrics.jsonl: an object a step; a resumed run first forgets what lies after its checkpoint.

    Args:
        path: the file.
        last_step: steps after this one are forgotten; -1 for a new run.
    """

    def __init__(self, path: Path, last_step: int) -> None:
        self._path = path
        kept = [row for row in read_metrics(path) if row["step"] <= last_step]
        self._replace(kept)

    def write(self, row: Row) -> None:
        """Append a line."""
        with writing(self._path), self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row, allow_nan=False) + "\n")

    def amend(self, row: Row, changed: Row) -> None:
        """Replace the step's line."""
        rows = read_metrics(self._path)
        self._replace([row if one["step"] == row["step"] else one for one in rows])

    def close(self) -> None:
        """Lines are written as they come."""

    def _replace(self, rows: Sequence[Row]) -> None:
        write_atomically(self._path, "".join(json.dumps(row) + "\n" for row in rows))


class TensorBoard:
    """Scalars for TensorBoard, through its own writer, which needs neither torch nor TensorFlow.

    Args:
        folder: of the event files.
        last_step: steps after this one are forgotten; -1 for a new run.
    """

    def __init__(self, folder: Path, last_step: int) -> None:
        from tensorboard.compat.proto.event_pb2 import Event, SessionLog
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        self._folder = folder
        with writing(folder):
            self._writer = EventFileWriter(str(folder))
        # Tells TensorBoard to drop what an earlier, interrupted process wrote after this step.
        start = SessionLog(status=SessionLog.START)
        self._writer.add_event(Event(step=last_step + 1, session_log=start))

    def write(self, row: Row) -> None:
        """Add every number of a row."""
        self._add(row, row)

    def amend(self, row: Row, changed: Row) -> None:
        """Add what changed."""
        self._add(row, changed)

    def close(self) -> None:
        """Flush the events."""
        with writing(self._folder):
            self._writer.close()

    def _add(self, row: Row, values: Row) -> None:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary

        scalars = [Summary.Value(tag=tag, simple_value=at) for tag, at in scalars_of(values)]
        event = Event(step=row["step"], wall_time=row["time"], summary=Summary(value=scalars))
        with writing(self._folder):
            self._writer.add_event(event)
            self._writer.flush()


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


def without_nan(row: Row) -> dict[str, Any]:
    """The row with None for numbers that are not finite."""
    clean: dict[str, Any] = {}
    for key, value in row.items():
        if isinstance(value, Mapping):
            clean[key] = without_nan(value)
        else:
            clean[key] = None if isinstance(value, float) and not math.isfinite(value) else value
    return clean


def scalars_of(row: Row, prefix: str = "") -> Iterator[tuple[str, float]]:
    """Every number of a row, at any depth, under a tag such as `seconds/learn`."""
    for key, value in row.items():
        if isinstance(value, Mapping):
            yield from scalars_of(value, f"{prefix}{key}/")
        elif isinstance(value, int | float):
            yield f"{prefix}{key}", value


def changes(before: Row, after: Row) -> Row:
    """The numbers of `after` that `before` lacks or has otherwise, by tag."""
    known = dict(scalars_of(before))
    return {tag: value for tag, value in scalars_of(after) if known.get(tag) != value}
