"""What every tracker's service can be asked, and what it is told of a run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

Ending = Literal["finished", "failed", "killed"]


@dataclass(frozen=True, slots=True)
class Table:
    """Answers of a step."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str | float | None]]


@dataclass(frozen=True, slots=True)
class Point:
    """Numbers of a step that were not sent before."""

    step: int
    time: float
    """Seconds since 1970."""
    values: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Opening:
    """The run that is to be shown."""

    run_dir: Path
    settings: Mapping[str, Any]
    """The tracker's own section."""
    name: str
    """Of the run, for people."""
    id: str
    """Of the run, unique."""
    run: str | None
    """The service's id of it, where it was opened before."""
    config: Mapping[str, Any]
    """The run's settings, without secrets."""
    wait: float
    """Seconds that the end may take."""


class Service(Protocol):
    """A run at a tracker. What cannot be sent raises; what was accepted is not asked for again."""

    @property
    def run(self) -> str:
        """The service's id of the run."""

    @property
    def where(self) -> str:
        """Where a person finds it."""

    @property
    def later(self) -> str | None:
        """The command that sends what the service has taken and holds back; None: nothing."""

    @property
    def at_once(self) -> int:
        """Steps of one `send`: of more than one, those of a failed call can be sent again."""

    def send(self, points: Sequence[Point]) -> None:
        """Show numbers, the step as x."""

    def samples(self, step: int, table: Table) -> None:
        """Show answers of a step."""

    def again(self, steps: Sequence[int]) -> None:
        """Note that steps were trained again, after they had been sent."""

    def report(self, path: Path) -> None:
        """Keep the run's report as an artifact."""

    def close(self, ending: Ending) -> None:
        """Nothing more comes; returns once everything is confirmed."""
