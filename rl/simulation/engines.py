"""Simulated engines: r sequences share an engine at `alone / (1 + r / knee)` tokens a second each.

`LAW` is a decode step of 10 ms and 78 us a sequence: a full engine of 256 makes 8,533 tokens/s. Not
modelled: prefill, the memory of the cache, preemption.
"""

import asyncio
import heapq
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from rl.errors import EngineLostError


@dataclass(frozen=True, slots=True)
class Law:
    """How fast an engine is.

    Attributes:
        alone: tokens a second of one sequence, were it alone.
        knee: sequences at which each is half as fast.
        slots: sequences that it decodes at once; others wait.
    """

    alone: float
    knee: float
    slots: int

    def speed(self, running: int) -> float:
        """Tokens a second of each of so many sequences."""
        return self.alone / (1 + running / self.knee)

    @property
    def full(self) -> float:
        """Tokens a second of a full engine."""
        return self.slots * self.speed(self.slots)


LAW = Law(100.0, 128.0, 256)
_AT_ONCE = 1e-3
"""Tokens by which two answers may differ and still end in one event."""


@dataclass(slots=True)
class Job:
    """The answers of one group, on one engine."""

    left: int
    done: "asyncio.Future[None]"
    tokens: dict[int, float] = field(default_factory=dict)
    """Sampled tokens by policy version."""
    is_dead: bool = False


class Engine:
    """One engine: a clock of tokens that every running sequence has made since the start."""

    def __init__(self, fleet: "Fleet") -> None:
        self._fleet = fleet
        self._loop = asyncio.get_running_loop()
        self._running: list[tuple[float, int, float, Job]] = []
        self._queue: deque[tuple[int, Job]] = deque()
        self._made = 0.0  # tokens a sequence would have made that ran from the start
        self._last = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None
        self.versions: list[tuple[float, int]] = [(0.0, 0)]
        self.tokens = self.lost = self.empty = 0.0
        self.load = 0

    def submit(self, lengths: Sequence[int], job: Job) -> None:
        """Queue a group's answers."""
        self.advance()
        self._queue.extend((length, job) for length in lengths)
        self.load += len(lengths)
        self._admit()

    def advance(self) -> None:
        """Count what was made since the last time."""
        now, live = self._loop.time(), len(self._running)
        if live:
            step = self._speed() * (now - self._last)
            self._made += step
            self.tokens += step * live
        else:
            self.empty += now - self._last
        self._last = now

    def plan(self) -> None:
        """Wake up when the next answer ends."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._running and not self._fleet.is_paused:
            left = max(0.0, self._running[0][0] - self._made)
            self._timer = self._loop.call_later(left / self._speed(), self._fire)

    def publish(self, version: int) -> None:
        """What is made from here on is of `version`."""
        self.versions.append((self._made, version))

    def die(self) -> None:
        """Lose everything, and come back empty at once."""
        self.advance()
        self.lost += sum(self._made - begun for _, _, begun, _ in self._running)
        jobs = {id(job): job for _, _, _, job in self._running}
        jobs |= {id(job): job for _, job in self._queue}
        self._running, self.load = [], 0
        self._queue.clear()
        for job in jobs.values():
            job.done.set_exception(EngineLostError("simulated"))
        self.plan()
        self._fleet.recount()

    def _speed(self) -> float:
        return 0.0 if self._fleet.is_paused else self._fleet.law.speed(len(self._running))

    def _admit(self) -> None:
        while self._queue and len(self._running) < self._fleet.law.slots:
            length, job = self._queue.popleft()
            self._fleet.serial += 1
            item = (self._made + length, self._fleet.serial, self._made, job)
            heapq.heappush(self._running, item)
        self.plan()

    def _fire(self) -> None:
        self.advance()
        ended = 0
        while self._running and self._running[0][0] <= self._made + _AT_ONCE:
            end, _, begun, job = heapq.heappop(self._running)
            ended += 1
            self._credit(job, begun, end)
            job.left -= 1
            if job.left == 0:
                job.done.set_result(None)
        self.load -= ended
        self._fleet.load -= ended
        self._admit()
        self._fleet.on_free()

    def _credit(self, job: Job, begun: float, end: float) -> None:
        """Note how many tokens each version made of an answer."""
        at = bisect_right(self.versions, (begun, 1 << 60)) - 1
        while begun < end:
            _, version = self.versions[at]
            until = self.versions[at + 1][0] if at + 1 < len(self.versions) else end
            job.tokens[version] = job.tokens.get(version, 0.0) + min(until, end) - begun
            begun, at = max(begun, until), at + 1


class Fleet:
    """All engines; a group goes whole to the least loaded one.

    Args:
        engines: how many.
        samples: answers a group.
        law: how fast each is.
    """

    def __init__(self, engines: int, samples: int, law: Law = LAW) -> None:
        self.law = law
        self.version = 0
        self.is_paused = False
        self.serial = self.load = 0
        self.on_free: Callable[[], None] = lambda: None
        self._samples = samples
        self.engines = [Engine(self) for _ in range(engines)]

    def free_groups(self) -> float:
        """Groups that could start at once."""
        return (len(self.engines) * self.law.slots - self.load) / self._samples

    async def sample(self, lengths: Sequence[int]) -> dict[int, float]:
        """Sample a group; returns its tokens by policy version."""
        job = Job(len(lengths), asyncio.get_running_loop().create_future())
        self.load += len(lengths)
        min(self.engines, key=lambda engine: engine.load).submit(lengths, job)
        await job.done
        return job.tokens

    async def publish(self, seconds: float) -> None:
        """Update the weights under running requests: pause, load, go on."""
        self._advance()
        self.is_paused = True
        self._plan()
        await asyncio.sleep(seconds)
        self._advance()
        self.version += 1
        self.is_paused = False
        for engine in self.engines:
            engine.publish(self.version)
        self._plan()

    def recount(self) -> None:
        """After an engine's death."""
        self.load = sum(engine.load for engine in self.engines)

    @property
    def tokens(self) -> float:
        """Sampled so far."""
        self._advance()
        return sum(engine.tokens for engine in self.engines)

    @property
    def lost(self) -> float:
        """Tokens of answers that engines took with them."""
        return sum(engine.lost for engine in self.engines)

    def _advance(self) -> None:
        for engine in self.engines:
            engine.advance()

    def _plan(self) -> None:
        for engine in self.engines:
            engine.plan()
