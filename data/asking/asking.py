"""Asking a model many questions, and keeping every answer.

Guarantees: a question whose answers are in the store is not asked. What is answered is stored
before anybody hears of it. No more questions are open than the model takes, and no more are read
ahead, so that they may come from a stream of any length. An outage, and an endpoint that refuses
everything, end it with one line that says how far it came; run again it goes on. A refusal of
single questions (too long, not allowed) is stored as an answer that says so.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

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

OnAnswer = Callable[[Request, list[Answer]], None]


def open_answers(folder: Path, model: Model, n: int = 1, **more: Any) -> AnswerStore:
    """The store of a model's answers in `folder`.

    Args:
        folder: Where it is, or begins.
        model: Whose name the file has.
        n: Answers to each question.
        more: What else the answers depend on, such as the wording of the prompts.

    Raises:
        AnswersError: The file there is of another model, sampling or wording.
    """
    safe = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in model.name)
    identity = {"model": model.name, "sampling": dict(model.sampling), "n": n, **more}
    return AnswerStore.open(folder / f"{safe.lstrip('.') or 'model'}.jsonl", identity)


async def ask_all(
    store: AnswerStore,
    model: Model,
    requests: Iterable[Request],
    *,
    n: int = 1,
    sampling: Mapping[str, Any] | None = None,
    on_answer: OnAnswer | None = None,
) -> None:
    """Have every question answered.

    Args:
        store: Where the answers are, and get.
        model: Who is asked; started if there is anything to ask.
        requests: The questions.
        n: Answers to each.
        sampling: Fields in place of the model's own.
        on_answer: Told of each question that is answered, in no order; of those in the store too.

    Raises:
        AnswersError: The model is away or refuses everything, or the store cannot be written.
    """
    asker = _Asker(store, model, n, dict(sampling or {}), on_answer)
    waiting = iter(requests)
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(model.concurrency):
                group.create_task(asker.work(waiting))
        await asker.end()
    except BaseExceptionGroup as failures:
        raise _told(_first(failures), store) from failures
    except RewardError as error:
        raise _told(error, store) from error


def _told(error: BaseException, store: AnswerStore) -> BaseException:
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
    """What the workers of one `ask_all` share."""

    def __init__(
        self,
        store: AnswerStore,
        model: Model,
        n: int,
        sampling: dict[str, Any],
        on_answer: OnAnswer | None,
    ) -> None:
        self._store = store
        self._model = model
        self._n = n
        self._sampling = sampling
        self._tell = on_answer or (lambda request, answers: None)
        self._starting = asyncio.Lock()
        self._is_started = False
        self._has_answered = False
        self._refused: list[tuple[Request, RewardError]] = []

    async def work(self, waiting: Iterator[Request]) -> None:
        """Ask what is next until nothing is."""
        for request in waiting:
            if (known := answers_in(self._store, request.key)) is not None:
                self._tell(request, known)
                await asyncio.sleep(0)
                continue
            await self._start()
            try:
                answers = await self._model.answer(
                    request.messages,
                    tools=request.tools,
                    n=self._n,
                    schema=request.schema,
                    seed=request.seed,
                    **self._sampling,
                )
            except (RefusedError, ToolsError) as error:
                await self._take_refusal(request, error)
                continue
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
        await self._store.put(request.key, [one.as_json() for one in answers])
        self._tell(request, answers)

    async def _start(self) -> None:
        async with self._starting:
            if not self._is_started:
                await self._model.start()
                self._is_started = True


def _first(group: BaseExceptionGroup[Any]) -> BaseException:
    """The first exception in groups within groups."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
