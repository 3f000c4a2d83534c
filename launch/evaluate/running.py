"""Asking, grading and scoring everything that is not on disk yet.

Guarantees: engines are started, and endpoints asked for answers, only if something is left to ask.
An answer that is there is graded without being asked for again. As many answers are under way as
there is room for, whichever set they are of, and grading holds no place of theirs.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from data.asking.asking import MOST_REFUSED
from data.schema import Prompt
from launch.datasets.progress import Counting
from launch.evaluate.answering import Answerer, answerer
from launch.evaluate.answers import REFUSED, Given, Kept, is_lost, key_of, verdict_of_json
from launch.evaluate.reward_model import RefusedError
from launch.evaluate.selecting import Scorer
from launch.evaluate.sets import EvalSet
from launch.evaluate.work import Work
from rewards import Verdict
from rewards.grading.running import Pool
from rl.rewarding import grading_pool
from rl.tasks import all_of

AHEAD = 4
"""Answers that are handled at once, as a multiple of those that can be under way."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One answer to come."""

    one: EvalSet
    prompt: Prompt
    number: int
    kept: Kept

    @property
    def key(self) -> str:
        """Its key on disk."""
        return key_of(self.prompt, self.number)


@dataclass(slots=True)
class Progress:
    """What has come so far."""

    correct: Counter[str] = field(default_factory=Counter)
    graded: Counter[str] = field(default_factory=Counter)
    lost: int = 0

    def add(self, name: str, verdict: Verdict) -> None:
        """Count a verdict of a set."""
        if not verdict.is_gradable:
            self.lost += 1
            return
        self.graded[name] += 1
        self.correct[name] += verdict.is_correct

    @property
    def note(self) -> str:
        """For the bar."""
        shares = [f"{n} {self.correct[n] / self.graded[n]:.0%}" for n in sorted(self.graded)]
        return " ".join([*shares, *([f"{self.lost} ungradable"] if self.lost else [])])


async def run(work: Work, kept: dict[str, Kept], bar: Counting) -> None:
    """Do what is left to do.

    Raises:
        PlumbError, RewardError: it cannot be done; what was answered is kept.
    """
    progress = Progress()
    left = []
    for unit in _units(work.sets, kept):
        known = unit.kept.verdict(unit.key)
        if known is None:
            left.append(unit)
            continue
        progress.add(unit.one.name, known)
        bar.advance(1, progress.note)
    bar.reset()
    if left:
        pool = grading_pool(work.config.reward)
        missing = [unit for unit in left if unit.kept.answer(unit.key) is None]
        begin = answerer(work, pool, bar.say) if missing else _graded_alone(pool)
        async with begin as found:
            await _Doing(found, pool, progress, bar).all_of(left)
    if work.choice is not None:
        scorer = work.choice.scorer(work.config.reward.concurrency)
        await _score(work, kept, scorer, bar)


@asynccontextmanager
async def _graded_alone(pool: Pool) -> AsyncIterator[Answerer | None]:
    """Where every answer is on disk."""
    try:
        await pool.start()
        yield None
    finally:
        await pool.aclose()


class _Doing:
    """Answers and grades units.

    Args:
        answerer: answers; None: every answer is there.
        pool: grades.
        progress: is counted in.
        bar: shows it.
    """

    def __init__(
        self, answerer: Answerer | None, pool: Pool, progress: Progress, bar: Counting
    ) -> None:
        self._answerer = answerer
        self._pool = pool
        self._progress = progress
        self._bar = bar
        self._places = 256 if answerer is None else answerer.places
        self._gate = asyncio.Semaphore(self._places)

    async def all_of(self, units: Sequence[Unit]) -> None:
        """Do all; the first error ends the others, and is raised when they have ended."""
        waiting = iter(units)

        async def work() -> None:
            for unit in waiting:
                await self._one(unit)

        workers = min(len(units), AHEAD * self._places)
        await all_of([work() for _ in range(workers)])

    async def _one(self, unit: Unit) -> None:
        key, kept = unit.key, unit.kept
        given, verdict = kept.answer(key), None
        if given is None:
            given, verdict = await self._asked(unit)
            # Where it has been told of already, what is there stays; what was lost is asked again.
            if verdict is None or not is_lost(verdict):
                await kept.answers.put(key, given.as_json())
        if verdict is None:
            verdict = _verdict_of(given)
        if verdict is None:
            (verdict,) = await self._pool.grade([given.sample(unit.prompt, unit.number)])
        await kept.keep_verdict(key, verdict)
        self._progress.add(unit.one.name, verdict)
        self._bar.advance(1, self._progress.note)

    async def _asked(self, unit: Unit) -> tuple[Given, Verdict | None]:
        assert self._answerer is not None
        place = _Place(self._gate)

        async def told(given: Given) -> None:
            await unit.kept.answers.put(unit.key, given.as_json())
            place.leave()

        async with place:
            return await self._answerer.answer(unit.one, unit.prompt, unit.number, told)


class _Place:
    """A place among the answers that are under way, which is left once."""

    def __init__(self, gate: asyncio.Semaphore) -> None:
        self._gate = gate
        self._is_held = False

    async def __aenter__(self) -> None:
        await self._gate.acquire()
        self._is_held = True

    async def __aexit__(self, *_: object) -> None:
        self.leave()

    def leave(self) -> None:
        """Let another in."""
        if self._is_held:
            self._is_held = False
            self._gate.release()


def _verdict_of(given: Given) -> Verdict | None:
    """What its fault or its environment makes of an answer; None: it is graded."""
    if not given.fault:
        return None if given.judged is None else verdict_of_json(given.judged)
    if given.fault.startswith("format: "):  # a call that cannot be read is the answer's own fault
        return Verdict.incorrect(-1.0, given.fault)
    return Verdict.ungradable(given.fault)


async def _score(work: Work, kept: dict[str, Kept], scorer: Scorer, bar: Counting) -> None:
    """Score every answer that can be chosen.

    Raises:
        InfrastructureError: What scores is away, or has refused all that it was ever asked.
    """
    several = [unit for unit in _units(work.sets, kept) if unit.one.settings.samples > 1]
    left = [unit for unit in several if unit.kept.score(unit.key) is None]
    if not left:
        return
    has_scored = len(left) < len(several)
    refusals: list[RefusedError] = []
    gate = asyncio.Semaphore(work.config.reward.concurrency)

    async def score(unit: Unit) -> None:
        nonlocal has_scored
        given = unit.kept.answer(unit.key)
        if given is None or given.end == REFUSED or unit.kept.scores is None:
            return
        try:
            async with gate:
                found = await scorer.score(given.sample(unit.prompt, unit.number))
        except RefusedError as error:
            refusals.append(error)
            if len(refusals) >= MOST_REFUSED and not has_scored:
                raise
            return
        if found is not None:
            has_scored = True
            await unit.kept.scores.put(unit.key, found)
        bar.advance(0, f"{unit.one.name}: scoring")

    try:
        await scorer.start()
        bar.say(f"scoring {len(left)} answers to choose the best of each prompt")
        await all_of([score(unit) for unit in left])
    finally:
        await scorer.aclose()
    if refusals and not has_scored:
        raise refusals[0]


def _units(sets: Sequence[EvalSet], kept: dict[str, Kept]) -> Iterator[Unit]:
    """Every answer, first answers before second ones, so that a stop leaves all sets alike."""
    most = max(one.settings.samples for one in sets)
    for number in range(most):
        for one in sets:
            if number < one.settings.samples:
                for prompt in one.prompts:
                    yield Unit(one, prompt, number, kept[one.name])
