"""Checkpoints beside training: a step waits for the copy of the learner's state, not for the disk.

Guarantees: one checkpoint is written at a time, and what it holds is of one instant; it appears
when every file is on disk, or not at all. One that cannot be written is told in one line and tried
again after the next step; after `TRIES` in a row, or where it is the last of the run, that error
ends the run. Whatever else happens meanwhile is raised by the next call.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, Protocol, TypeVar

from rl.checkpoint import CheckpointStore, Draft
from rl.config import RunConfig
from rl.dispatch.state import DispatchState
from rl.errors import StorageError
from rl.manifest import Manifest

T = TypeVar("T")

TRIES: Final = 3
"""Checkpoints in a row that may fail for want of a place to write to."""


class Savable(Protocol):
    """Whose state is saved: `rl.learn.group.LearnerGroup`."""

    async def snapshot(self, *, copy: bool) -> None:
        """Note the state of this instant; without a copy it may not change until it is written."""

    async def write(self, folder: Path) -> Manifest:
        """Write what was noted below a folder; the files."""


@dataclass(frozen=True, slots=True)
class Written:
    """A checkpoint that is on disk."""

    step: int
    stall: float
    """Seconds for which training waited for it."""
    write: float
    """Seconds from then until it was there."""
    nbytes: int
    """Of the learner's files."""


class Checkpointing:
    """Writes the checkpoints of a run, one at a time.

    Args:
        config: the run's configuration.
        store: where they go.
        learner: whose state they hold.
        say: prints a line.
        told: called with each that is on disk.
    """

    def __init__(
        self,
        config: RunConfig,
        store: CheckpointStore,
        learner: Savable,
        *,
        say: Callable[[str], None],
        told: Callable[[Written], None],
    ) -> None:
        self._config = config
        self._store = store
        self._learner = learner
        self._say = say
        self._told = told
        self._writing: asyncio.Task[None] | None = None
        self._step = 0
        self._since = 0.0
        self._failures = 0
        self._error: StorageError | None = None
        self.saved = 0
        """The newest step that is on disk."""

    @property
    def status(self) -> str:
        """What is being written, in a few words; empty if nothing is."""
        if self._writing is None or self._writing.done():
            return ""
        return f"writing checkpoint {self._step}, {time.perf_counter() - self._since:.0f} s so far"

    def is_due(self, step: int) -> bool:
        """Whether a checkpoint is due after a step, by the settings or because one has failed."""
        every = self._config.train.checkpoint_every
        return self._failures > 0 or (every > 0 and step % every == 0)

    async def begin(self, step: int, dispatch: DispatchState) -> None:
        """Begin a checkpoint; the state may change once this returns.

        Args:
            step: steps trained.
            dispatch: where dispatch stood then.
        """
        started = time.perf_counter()
        if self.status:
            self._say(
                f"training waits for checkpoint {self._step}, which is still being written: "
                "raise train.checkpoint_every, or set a faster run_dir"
            )
        await self.settle()
        if self._failures >= TRIES and self._error is not None:
            raise self._error
        asynchronous = self._config.train.checkpoint_async
        await self._learner.snapshot(copy=asynchronous)
        self._step, self._since = step, time.perf_counter()
        stall = self._since - started
        self._writing = asyncio.create_task(self._write(step, dispatch, stall), name="checkpoint")
        if not asynchronous:
            await self.settle()

    async def settle(self, *, last: bool = False) -> None:
        """Wait until nothing is being written.

        Args:
            last: raise also what could be tried again.
        """
        if self._writing is not None:
            writing = self._writing
            # It is not cancelled with who waits for it; a second one would write the same files.
            await asyncio.shield(writing)
            self._writing = None
        if last and self._error is not None:
            raise self._error

    async def abandon(self) -> None:
        """Stop writing, and forget what was to be written: its writer is gone."""
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)

    async def _write(self, step: int, dispatch: DispatchState, stall: float) -> None:
        draft: Draft | None = None
        try:
            draft = await _aside(partial(self._store.begin, self._config, step, dispatch))
            files = await self._learner.write(draft.learner)
            await _aside(partial(draft.publish, files))
        except StorageError as error:
            self._failures, self._error = self._failures + 1, error
            self._say(f"checkpoint {step} is not there: {error}")
            return
        finally:
            if draft is not None:
                await _aside(draft.drop)
        self._failures, self._error, self.saved = 0, None, step
        nbytes = sum(record.size for record in files.values())
        self._told(Written(step, stall, time.perf_counter() - self._since, nbytes))


async def _aside(work: Callable[[], T]) -> T:
    """Do something in a thread, and leave no half of it behind when cancelled."""
    task = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise
