"""How often a model is right on each prompt: asking, stopping in time, and writing it down.

Guarantees: answer `i` to a prompt is asked once and is on disk before it counts; a measurement that
was killed at any point goes on where it was, and comes to the same result. Records come out in the
order in which they came in. What an answer is worth, and by what it is sampled, is the caller's.
"""

import asyncio
import math
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from data.asking.store import AnswerStore
from data.errors import MeasureError
from data.pipeline.block import Drop
from data.schema import PassRate, Record
from data.strata import is_settled, stratum_of, wilson

STAGE: Final = "difficulty"
TOO_MANY_LOST: Final = 64
"""Answers after which a share that could not be graded is a reason to stop."""

AHEAD: Final = 4
"""Prompts that are measured at once, for each answer: some wait for a slow one before them."""

Outcome = Literal["correct", "incorrect", "ungradable", "refused"]


@dataclass(frozen=True, slots=True)
class Graded:
    """One answer, or why there can be none.

    Attributes:
        outcome: `refused` where the prompt cannot be asked, such as one that is too long.
        tokens: sampled ones.
        cut: whether the answer was cut at its limit.
        reason: why it is ungradable or refused, as "kind: detail".
        is_lost: whether something beside the model failed: it is not kept, and asked again.
    """

    outcome: Outcome
    tokens: int = 0
    cut: bool = False
    reason: str = ""
    is_lost: bool = False

    def as_json(self) -> dict[str, Any]:
        """As the store has it."""
        said = {"outcome": self.outcome, "tokens": self.tokens}
        return (
            said
            | ({"cut": True} if self.cut else {})
            | ({"reason": self.reason} if self.reason else {})
        )

    @classmethod
    def of_json(cls, value: Mapping[str, Any]) -> "Graded":
        """The answer that `as_json` gave."""
        return cls(**value)


Ask = Callable[[Record, int], Awaitable[Graded]]
"""Gives answer `i` to a record's prompt."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How prompts are measured.

    Attributes:
        k: answers that are to be graded, a prompt.
        early: stop as soon as the stratum is certain.
        model: what `PassRate.model` says.
        sampling: what `PassRate.sampling` says.
        open: answers that are asked for at once, over all prompts.
        max_lost: share of answers for whose grading something was away, above which it stops.
    """

    k: int
    early: bool
    model: str
    sampling: Mapping[str, Any]
    open: int = 256
    max_lost: float = 0.1

    def __post_init__(self) -> None:
        if self.k < 1:
            raise MeasureError(f"-k is {self.k}; ask each prompt at least once")

    @property
    def most(self) -> int:
        """Answers a prompt may take, where some cannot be graded."""
        return 2 * self.k


@dataclass(slots=True)
class Progress:
    """What has been done, for a person to see."""

    asked: int = 0
    """Answers of this process."""
    known: int = 0
    """Answers that were on disk."""
    lost: int = 0
    tokens: int = 0
    strata: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class _Count:
    correct: int = 0
    wrong: int = 0
    ungradable: int = 0
    answers: int = 0
    tokens: int = 0
    cut: int = 0
    reason: str = ""
    refused: str = ""

    def add(self, one: Graded) -> None:
        if one.outcome == "refused":
            self.refused = one.reason
            return
        self.correct += one.outcome == "correct"
        self.wrong += one.outcome == "incorrect"
        self.answers += 1
        self.tokens += one.tokens
        self.cut += one.cut
        if one.outcome == "ungradable":
            self.ungradable += 1
            self.reason = self.reason or one.reason

    @property
    def graded(self) -> int:
        return self.correct + self.wrong


class Measurement:
    """Measures records one after the other, many at a time.

    Args:
        ask: gives an answer.
        store: where answers are, and get.
        plan: how prompts are measured.
    """

    def __init__(self, ask: Ask, store: AnswerStore, plan: Plan) -> None:
        self.progress = Progress()
        self._ask = ask
        self._store = store
        self._plan = plan
        self._places = asyncio.Semaphore(plan.open)

    async def run(self, records: Iterable[Record | Drop]) -> AsyncGenerator[Record | Drop, None]:
        """The records with their pass rates, or what became of them; drops go through.

        Raises:
            MeasureError: too many answers could not be graded.
            AnswersError: the store cannot be written.
        """
        ahead = max(AHEAD * self._plan.open, 64)
        waiting: deque[asyncio.Task[Record | Drop]] = deque()
        try:
            for record in records:
                waiting.append(asyncio.create_task(self._one(record)))
                # Those that are done go at once; the first is waited for only where many are not.
                while waiting and (waiting[0].done() or len(waiting) >= ahead):
                    yield await waiting.popleft()
                await asyncio.sleep(0)
            while waiting:
                yield await waiting.popleft()
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    async def _one(self, record: Record | Drop) -> Record | Drop:
        if isinstance(record, Drop):
            return record
        count = await (self._early(record) if self._plan.early else self._all(record))
        if count.refused:
            kind, _, detail = count.refused.partition(": ")
            return Drop(record, STAGE, kind, detail)
        if not count.graded:
            return Drop(record, STAGE, "no answer could be graded", count.reason)
        measured = self._measured(record, count)
        stratum = stratum_of(measured.pass_rate) if measured.pass_rate else ""
        strata = self.progress.strata
        strata[stratum] = strata.get(stratum, 0) + 1
        return measured

    async def _early(self, record: Record) -> _Count:
        count = _Count()
        for number in range(self._plan.most):
            if count.refused or is_settled(count.correct, count.wrong, self._plan.k):
                break
            count.add(await self._answer(record, number))
        return count

    async def _all(self, record: Record) -> _Count:
        count = _Count()
        number = 0
        while not count.refused and count.graded < self._plan.k and number < self._plan.most:
            end = min(self._plan.most, number + self._plan.k - count.graded)
            asked = [asyncio.create_task(self._answer(record, one)) for one in range(number, end)]
            try:
                for one in await asyncio.gather(*asked):
                    count.add(one)
            finally:
                for task in asked:
                    task.cancel()
            number = end
        return count

    async def _answer(self, record: Record, number: int) -> Graded:
        key = f"{record.id}/{number}"
        known = self._store.get(key)
        if known is not None:
            self.progress.known += 1
            return Graded.of_json(known)
        async with self._places:
            graded = await self._ask(record, number)
        self.progress.asked += 1
        self.progress.tokens += graded.tokens
        if graded.is_lost:
            self.progress.lost += 1
            self._check_lost(graded.reason)
        else:
            await self._store.put(key, graded.as_json())
        return graded

    def _check_lost(self, reason: str) -> None:
        lost, asked = self.progress.lost, self.progress.asked
        if asked >= TOO_MANY_LOST and lost > self._plan.max_lost * asked:
            raise MeasureError(
                f"{lost} of {asked} answers could not be graded, more than "
                f"reward.max_ungradable={self._plan.max_lost:g} allows: {reason}; "
                f"{len(self._store)} answers are kept: mend it, and run the command again"
            )

    def _measured(self, record: Record, count: _Count) -> Record:
        rate = PassRate(
            k=count.graded,
            correct=count.correct,
            model=self._plan.model,
            sampling=dict(self._plan.sampling),
        )
        low, high = wilson(count.correct, count.graded)
        found = {
            "stratum": stratum_of(rate),
            "wilson": [round(low, 4), round(high, 4)],
            "ungradable": count.ungradable,
            "response_tokens": round(count.tokens / count.answers, 2),
            "cut": count.cut,
        }
        metadata = {**record.metadata, STAGE: found}
        return record.model_copy(update={"pass_rate": rate, "metadata": metadata})


def response_tokens(records: Iterable[Record]) -> float | None:
    """The mean over prompts of an answer's tokens, as measured; None where none was."""
    measured = (record.metadata.get(STAGE) for record in records)
    held = (one.get("response_tokens") for one in measured if isinstance(one, dict))
    found = [float(tokens) for tokens in held if isinstance(tokens, int | float)]
    return math.fsum(found) / len(found) if found else None
