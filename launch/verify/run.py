"""`plumb verify`: grade a file of answers.

Guarantees: verdicts stand in the order of the rows; what is held in memory does not grow with the
file; when grading ends early, by an error, Ctrl-C or a signal, no process and no output remain.
"""

import asyncio
import heapq
import os
import queue
import re
import signal
import threading
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from typing import Final

from rich.console import Console
from rich.table import Table

from launch.verify.progress import Meter
from launch.verify.rows import Answer, Batch, Output, as_line, check_apart, read_batches
from launch.verify.tasks import OWN, TASKS
from launch.verify.uses import TaskOptions, use_of, uses_of
from rewards import GradingPool, Outcome, Rubric, Sample, Use, Verdict
from rewards.grading.running import Limits
from rl.errors import ConfigError

WINDOW_ROWS, WINDOW_BYTES = 16_384, 64 << 20  # read and not yet written
SLOWEST = 3  # rows that the summary names
KINDS, KINDS_SHOWN, KIND_LENGTH = 200, 8, 72  # reasons counted apart, shown, and their characters
_QUOTED: Final = re.compile(r"'[^']*'|\"[^\"]*\"")


@dataclass(slots=True)
class Tally:
    """What the summary says."""

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    kinds: Counter[tuple[Outcome, str]] = field(default_factory=Counter)
    slowest: list[tuple[float, int, str]] = field(default_factory=list)

    def add(self, answer: Answer, verdict: Verdict) -> None:
        """Count one verdict."""
        self.outcomes[verdict.outcome] += 1
        if verdict.reason:
            kind = (verdict.outcome, reason_kind(verdict.reason))
            known = kind in self.kinds or len(self.kinds) < KINDS
            self.kinds[kind if known else (verdict.outcome, "other reasons")] += 1
        entry = (verdict.metrics["seconds"], answer.line, str(answer.id))
        if len(self.slowest) < SLOWEST:
            heapq.heappush(self.slowest, entry)
        elif entry > self.slowest[0]:
            heapq.heapreplace(self.slowest, entry)


class Grader:
    """A pool for each verifier that the rows ask for, started when the first one does."""

    def __init__(self, limits: Limits, uses: Mapping[str, Use]) -> None:
        self._limits = limits
        self._uses = uses
        self._pools: dict[str, GradingPool] = {}
        self._starting = asyncio.Lock()
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> "Grader":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def grade(self, batch: Batch) -> list[Verdict]:
        """A verdict for each row, in order."""
        shares: dict[str, list[int]] = {}
        for index, answer in enumerate(batch.answers):
            shares.setdefault(answer.verifier, []).append(index)
        samples = [answer.sample for answer in batch.answers]
        graded = await asyncio.gather(
            *(self._grade(name, [samples[i] for i in share]) for name, share in shares.items())
        )
        placed = {
            index: verdict
            for share, verdicts in zip(shares.values(), graded, strict=True)
            for index, verdict in zip(share, verdicts, strict=True)
        }
        return [placed[index] for index in range(len(samples))]

    async def _grade(self, name: str, samples: list[Sample]) -> list[Verdict]:
        async with self._starting:
            if name not in self._pools:
                self._pools[name] = await self._stack.enter_async_context(
                    GradingPool(
                        Rubric(use_of(name, self._uses)),
                        workers=self._limits.workers,
                        deadline=self._limits.deadline,
                        memory_mb=self._limits.memory_mb,
                        max_pending=WINDOW_ROWS,
                    )
                )
        return await self._pools[name].grade(samples)


def verify(
    task: str | None,
    source: str,
    target: str,
    *,
    workers: int | None,
    deadline: float | None,
    memory_mb: int,
    options: TaskOptions,
) -> None:
    """Grade the rows of `source` into `target`; `-` stands for standard input and output.

    Args:
        task: One of `TASKS`; None: rows are for `options.plugin`.
        source: The rows.
        target: The verdicts.
        workers: Grading processes; for code, runs at a time in a sandbox of this machine. None: by
            its cores.
        deadline: Seconds for one answer; None: what its verifier is made for.
        memory_mb: Memory of a grading process; for code, of a run whose row says nothing else.
        options: What only some tasks have.

    Raises:
        ConfigError: An option is out of range, or not for this task.
        DataError: The input, or a row of it, cannot be used.
        StorageError: The output cannot be written.
    """
    if task is None:
        if options.plugin is None:
            raise ConfigError(
                f"say what the answers are answers to, --task {', '.join(TASKS)}, or what grades "
                "them, --plugin file.py:function"
            )
        task = OWN
    elif task not in TASKS:
        raise ConfigError(f"--task is {task!r}; use {', '.join(TASKS)}")
    cores = len(os.sched_getaffinity(0))
    limits = grading_limits(cores if workers is None else workers, deadline, memory_mb)
    uses = uses_of(task, options, workers=workers, memory_mb=memory_mb)
    check_apart(source, target)
    console = Console(stderr=target == "-", highlight=False, soft_wrap=True)
    began = time.monotonic()
    tally = asyncio.run(_run(task, source, target, Grader(limits, uses), console))
    console.print(_summary(tally, time.monotonic() - began))


def grading_limits(workers: int, deadline: float | None, memory_mb: int) -> Limits:
    """The options of a grading command, checked; raises `ConfigError` if one is out of range."""
    try:
        return Limits(workers=workers, deadline=deadline, memory_mb=memory_mb)
    except ValueError as error:
        raise ConfigError(
            f"{error}; --workers starts at 1, --memory-mb at 64, and --deadline above 0"
        ) from error


async def _run(task: str, source: str, target: str, grader: Grader, console: Console) -> Tally:
    stop_on_terminate()
    tally = Tally()
    window: deque[tuple[Batch, asyncio.Task[list[Verdict]]]] = deque()
    async with grader:
        with Output(target) as output, Meter(source, console) as meter:

            async def write_oldest() -> None:
                batch, grading = window.popleft()
                verdicts = await grading
                lines = []
                for answer, verdict in zip(batch.answers, verdicts, strict=True):
                    tally.add(answer, verdict)
                    lines.append(as_line(answer, verdict))
                output.write(b"".join(lines))
                meter.advance(len(lines), batch.size)

            try:
                async for batch in _read_ahead(read_batches(source, task)):
                    window.append((batch, asyncio.create_task(grader.grade(batch))))
                    while window and (window[0][1].done() or _is_full(window)):
                        await write_oldest()
                while window:
                    await write_oldest()
            finally:
                for _, waiting in window:
                    waiting.cancel()
                await asyncio.gather(*(one for _, one in window), return_exceptions=True)
    return tally


def stop_on_terminate() -> None:
    """Let SIGTERM cancel the current task, so that it ends in order."""
    current = asyncio.current_task()
    if current is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, current.cancel)


def _is_full(window: deque[tuple[Batch, asyncio.Task[list[Verdict]]]]) -> bool:
    return (
        sum(len(batch.answers) for batch, _ in window) >= WINDOW_ROWS
        or sum(batch.size for batch, _ in window) >= WINDOW_BYTES
    )


async def _read_ahead(batches: Iterator[Batch]) -> AsyncIterator[Batch]:
    """Read in a thread: a pipe that has nothing to give holds neither grading nor Ctrl-C up."""
    loop = asyncio.get_running_loop()
    asked: queue.SimpleQueue[asyncio.Future[Batch | None] | None] = queue.SimpleQueue()

    def settle(future: asyncio.Future[Batch | None], outcome: Batch | Exception | None) -> None:
        if future.done():
            return
        if isinstance(outcome, Exception):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)

    def serve() -> None:
        outcome: Batch | Exception | None
        while (future := asked.get()) is not None:
            try:
                outcome = next(batches, None)
            except Exception as error:
                outcome = error
            with suppress(RuntimeError):  # the loop has been closed meanwhile
                loop.call_soon_threadsafe(settle, future, outcome)

    # Not an executor's thread: asyncio would wait for that one at the end.
    threading.Thread(target=serve, name="plumb-verify-reader", daemon=True).start()
    try:
        while True:
            future: asyncio.Future[Batch | None] = loop.create_future()
            asked.put(future)
            batch = await future
            if batch is None:
                return
            yield batch
    finally:
        asked.put(None)


def reason_kind(reason: str) -> str:
    """The part of a reason that many rows share."""
    return _QUOTED.sub("'...'", reason.partition(":")[0])[:KIND_LENGTH]


def _summary(tally: Tally, seconds: float) -> Table:
    total = tally.outcomes.total()
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for outcome in Outcome:
        count = tally.outcomes[outcome]
        table.add_row(str(outcome), f"{count}", f"{count / total:.1%}")
    for (outcome, kind), count in tally.kinds.most_common(KINDS_SHOWN):
        table.add_row(f"  {outcome}", f"{count}", plain(kind))
    table.add_row("time", f"{seconds:.1f} s", f"{total / seconds:.0f} rows/s")
    for spent, line, name in sorted(tally.slowest, reverse=True):
        table.add_row("slowest", f"{spent:.3f} s", plain(f"line {line}, id {name[:KIND_LENGTH]}"))
    return table


def plain(text: str) -> str:
    """`text` for a terminal: no markup, nothing that moves the cursor."""
    shown = "".join(c if c.isprintable() else " " for c in text)
    return shown.replace("[", r"\[")
