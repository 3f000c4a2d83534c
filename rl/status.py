"""status.json: what a run does now and what it waits for, for whoever looks at it from elsewhere.

Guarantees: it is replaced whole every `WRITE_SECONDS`, by the run's own loop once there is one (see
`rl.startup` for what is before), so that one that is older tells that the loop stands still or is
gone; a disk that cannot be written to does not end the run here.
"""

import asyncio
import json
import os
import socket
import time
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Self

from rewards.grading.running import Pending
from rl.dispatch.flight import Flight
from rl.errors import ConfigError
from rl.rewarding import SLOW_SECONDS
from rl.trainer_parts import Parts

NAME: Final = "status.json"
WRITE_SECONDS: Final = 2.0
NAMED: Final = 3
"""Prompts that are named."""


@dataclass(frozen=True, slots=True)
class Status:
    """A run at an instant."""

    state: str
    """`starting`, `running`, `finished`, or `stopped: ` and why."""
    step: int
    """Steps trained."""
    steps: int
    """Of the whole run."""
    doing: str
    """In a few words, as on the live line."""
    waits_for: tuple[str, ...]
    """By name and with seconds: engines, ranks, prompts, verifiers."""
    quiet: float
    """Seconds for which nothing has moved."""
    time: float
    """When it was written, seconds since 1970."""
    host: str
    pid: int

    @classmethod
    def of(
        cls,
        state: str,
        *,
        step: int,
        steps: int,
        doing: str,
        waits_for: Iterable[str],
        quiet: float,
    ) -> Self:
        """Of this process, now."""
        host, pid = socket.gethostname(), os.getpid()
        return cls(state, step, steps, doing, tuple(waits_for), quiet, time.time(), host, pid)


def waits_for(parts: Parts) -> Iterator[str]:
    """What a run waits for, by name; the slowest of each kind first."""
    for line in (parts.learner.status, parts.publisher.waits, parts.versions.waits):
        if line:
            yield line
    for engine in parts.fleet.handles:
        if engine.cause or not engine.ready:
            yield f"{engine.name}: {engine.state}"
        elif engine.waits:
            yield engine.waits
    if parts.runners is not None:
        yield from parts.runners.waits()
    pending = [one for one in parts.pool.pending() if one.seconds > SLOW_SECONDS]
    for one in pending[:NAMED]:
        doing = "is grading" if one.running else "has yet to grade"
        yield f"verifier {one.verifier} {doing} {one.sample_id}, {one.seconds:.0f} s so far"
    asked = sum(engine.load for engine in parts.fleet.handles)
    for flight in parts.dispatcher.oldest(NAMED):
        yield _of_flight(flight, parts.pool.pending(), asked)


def moved(parts: Parts, phase: Hashable) -> Hashable:
    """What differs as soon as anything has moved: a phase, a token, a grade, an engine's state.

    Of what is waited for one after another, as in a recovery, each has a deadline of its own.
    """
    engines = tuple(
        (e.tokens, e.load, e.version, e.started, e.ready, e.cause) for e in parts.fleet.handles
    )
    graded = parts.pool.metrics()["graded"]
    asked = parts.learner.asked, parts.publisher.waits
    return phase, engines, graded, parts.dispatcher.in_flight, asked


class StatusFile:
    """Keeps status.json up to date.

    Args:
        run_dir: the run directory.
        look: makes a status, given the seconds for which nothing has moved.
        moved: see `moved`.
        beat: told at each look how long nothing has moved, seconds.
    """

    def __init__(
        self,
        run_dir: Path,
        look: Callable[[float], Status],
        moved: Callable[[], Hashable],
        beat: Callable[[float], None] = lambda quiet: None,
    ) -> None:
        self._run_dir = run_dir
        self._look = look
        self._moved = moved
        self._beat = beat

    async def keep(self) -> None:
        """Write it for ever."""
        last, since = None, time.monotonic()
        while True:
            now, seen = time.monotonic(), self._moved()
            if seen != last:
                last, since = seen, now
            self._beat(now - since)
            with suppress(LookupError, RuntimeError):  # of what changes meanwhile
                self.write(self._look(now - since))
            await asyncio.sleep(WRITE_SECONDS)

    def write(self, status: Status) -> None:
        """Replace the file."""
        write_status(self._run_dir, status)


def write_status(run_dir: Path, status: Status) -> None:
    """Replace status.json, if the disk takes it."""
    temporary = run_dir / f".{NAME}.tmp"
    with suppress(OSError):
        temporary.write_text(json.dumps(asdict(status)), encoding="utf-8")
        temporary.replace(run_dir / NAME)


def status_now(
    parts: Parts,
    *,
    step: int,
    steps: int,
    doing: str,
    quiet: float,
    beside: Iterable[str] = (),
    state: str = "running",
) -> Status:
    """The status at this instant; a run that has ended waits for nothing, `beside` included."""
    waits = (*beside, *waits_for(parts)) if state == "running" else ()
    return Status.of(state, step=step, steps=steps, doing=doing, waits_for=waits, quiet=quiet)


def read_status(run_dir: Path) -> Status | None:
    """What was written last; None where nothing was.

    Raises:
        ConfigError: What is there is no status.
    """
    path = run_dir / NAME
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return Status(**{**found, "waits_for": tuple(found["waits_for"])})
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, TypeError, KeyError) as error:
        raise ConfigError(f"{path} cannot be read: it is damaged or of another version") from error


def _of_flight(flight: Flight, pending: list[Pending], asked: int) -> str:
    """A prompt in flight, and with whom it is."""
    name, seconds = flight.prompt.id, time.monotonic() - flight.since
    graded = any(one.sample_id.rpartition("#")[0] == name for one in pending)
    where = "being graded" if graded else "being sampled" if asked else "with its environment"
    return f"prompt {name!r}: {where}, {seconds:.0f} s so far"
