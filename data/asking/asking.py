"""Asking a model many questions, and keeping every answer.

Guarantees: a question whose answers are in the store is not asked. What is answered is stored
before anybody hears of it. No more questions are open than the model takes, and no more are read
ahead, so that they may come from a stream of any length. An outage, and an endpoint that refuses
everything, end it with one line that says how far it came; run again it goes on. A refusal of
single questions (too long, not allowed) is stored as an answer that says so.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from data.asking.answers import Answer, Model, Request
from data.asking.store import AnswerStore
from data.errors import AnswersError
from rewards.errors import RewardError
from rewards.judge.errors import RefusedError
from rewards.tools.errors import ToolsError

OF_THE_QUESTION: Final = frozenset({None, 400, 403, 413, 422})
"""Statuses of refusals that may be for one question alone; the others are for all."""
MOST_REFUSED: Final = 8
"""Questions that may be refused before one is answered."""

DRAIN_SECONDS: Final = 60.0

OnAnswer = Callable[[Request, list[Answer]], None]


async def ask_models(
    asked: Sequence[tuple[AnswerStore, Model, Iterable[Request]]],
    *,
    n: int = 1,
    on_answer: OnAnswer | None = None,
) -> None:
    """Have every question answered, by several models side by side.

    If one fails, no other is asked anything more. What is open then is waited for, for up to
    `DRAIN_SECONDS`, so that it need not be asked again.

    Args:
        asked: Where the answers are and get; who is asked, started if there is anything to ask; and
            the questions, of two with one key the first.
        n: Answers to each.
        on_answer: Told of each question that is answered, in no order; of those in the store too.

    Raises:
        AnswersError: A model is away or refuses everything, or a store cannot be written.
    """
    askers = [_Asker(*one, n, on_answer) for one in asked]
    workers = {
        asyncio.create_task(asker.work()): asker
        for asker in askers
        for _ in range(asker.model.concurrency)
    }
    try:
        await asyncio.wait(workers, return_when=asyncio.FIRST_EXCEPTION)
        for asker in askers:
            asker.stop()
        await asyncio.wait(workers, timeout=DRAIN_SECONDS)
    finally:
        for worker in workers:
            worker.cancel()
        ended = await asyncio.gather(*workers, return_exceptions=True)
    for end, asker in zip(ended, workers.values(), strict=True):
        if isinstance(end, Exception):
            raise _told(end, asker.store) from end
    for asker in askers:
        try:
            await asker.end()
        except RewardError as error:
            raise _told(error, asker.store) from error


def _told(error: Exception, store: AnswerStore) -> Exception:
    """What a failure means for the answers."""
    if not isinstance(error, RewardError):
        return error
    return AnswersError(
        f"{error}; {len(store)} answers are kept in {store.path}: run the command again, and it "
        "goes on there"
    )


def answers_in(store: AnswerStore, key: str) -> list[Answer] | None:
    """The answers under `key`; None: there are none yet."""
    found = store.get(key)
    return None if found is None else [Answer.of_json(one) for one in found]


class _Asker:
    """What the workers that ask one model share."""

    def __init__(
        self,
        store: AnswerStore,
        model: Model,
        requests: Iterable[Request],
        n: int,
        on_answer: OnAnswer | None,
    ) -> None:
        self.store = store
        self.model = model
        self._waiting = iter(requests)
        self._n = n
        self._tell = on_answer or (lambda request, answers: None)
        self._open: set[str] = set()
        self._starting = asyncio.Lock()
        self._is_started = False
        self._is_stopped = False
        self._has_answered = False
        self._refused: list[tuple[Request, RewardError]] = []

    def stop(self) -> None:
        """Have the workers end after what they are at."""
        self._is_stopped = True

    async def work(self) -> None:
        """Ask what is next until nothing is."""
        for request in self._waiting:
            if request.key not in self._open:
                self._open.add(request.key)
                try:
                    await self._ask(request)
                finally:
                    self._open.discard(request.key)
            if self._is_stopped:
                return

    async def _ask(self, request: Request) -> None:
        if (known := answers_in(self.store, request.key)) is not None:
            self._tell(request, known)
            await asyncio.sleep(0)
            return
        await self._start()
        try:
            answers = await self.model.answer(
                request.messages,
                tools=request.tools,
                n=self._n,
                schema=request.schema,
                seed=request.seed,
            )
        except (RefusedError, ToolsError) as error:
            await self._take_refusal(request, error)
            return
        self._has_answered = True
        await self._keep(request, answers)

    async def end(self) -> None:
        """Store the refusals that were not for all; raises the first if every one was."""
        if self._refused and not self._has_answered:
            raise self._refused[0][1]
        await self._keep_refusals()

    async def _take_refusal(self, request: Request, error: RewardError) -> None:
        """Hold a refusal until it is known whether the endpoint answers anything at all."""
        self._refused.append((request, error))
        if isinstance(error, RefusedError) and error.status not in OF_THE_QUESTION:
            raise error
        if self._has_answered:
            await self._keep_refusals()
        elif len(self._refused) >= MOST_REFUSED:
            raise error

    async def _keep_refusals(self) -> None:
        held, self._refused = self._refused, []
        for request, error in held:
            await self._keep(request, [Answer("", fault=str(error), stop_reason="refused")])

    async def _keep(self, request: Request, answers: list[Answer]) -> None:
        await self.store.put(request.key, [one.as_json() for one in answers])
        self._tell(request, answers)

    async def _start(self) -> None:
        async with self._starting:
            if not self._is_started:
                await self.model.start()
                self._is_started = True
