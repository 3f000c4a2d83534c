"""The judge: grades of one answer, and which of two is better.

Guarantees: a score comes from replies that were read without guessing, from more than half of the
votes, and from nothing else: an outage, a refusal and an unreadable reply are errors. Two answers
are compared in both orders, and it is a tie where the orders disagree. Equal questions under equal
settings to an equal model are answered from the cache.
"""

import asyncio
import statistics
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Generic, Self, TypeVar, cast

from rewards.errors import InfrastructureError, PoolError
from rewards.judge.cache import VoteCache, cache_key
from rewards.judge.client import EndpointClient
from rewards.judge.endpoint import Endpoint
from rewards.judge.errors import RubricError, UnreadableGradeError
from rewards.judge.messages import ChatMessage, grading_messages, pair_messages, transcript
from rewards.judge.placing import ServedJudge
from rewards.judge.reading import read_grades, read_preference
from rewards.judge.replies import Reply, Request
from rewards.judge.results import Grade, Preference, Spent, Winner
from rewards.judge.rubric import JudgeRubric, load_rubric
from rewards.judge.settings import JudgeSettings
from rewards.judge.strict import held_grades, held_preference

Messages = Sequence[Mapping[str, Any]]
Read = TypeVar("Read")
READINGS: Final = 2  # tries for a reply that can be read
FORMAT: Final = 2  # of what the cache holds; raise it when reading or storing changes


@dataclass(frozen=True, slots=True)
class _Question(Generic[Read]):
    """One question, of which there may be several votes.

    Attributes:
        rubric: Whose digest the cache is told.
        messages: What is sent; True: with the reminder.
        read: What a reply in any form says.
        held: What a reply says that was held to the schema.
    """

    rubric: JudgeRubric
    messages: Callable[[bool], list[ChatMessage]]
    read: Callable[[str], Read]
    held: Callable[[str], Read]

    def of(self, reply: Reply) -> Read:
        """What a reply says; raises UnreadableGradeError."""
        return self.held(reply.text) if reply.is_held else self.read(reply.text)


class Judge:
    """A judge that is asked over HTTP. Use it as `async with`, or call `start` and `aclose`.

    Args:
        settings: Where it is and what it is asked.
        threshold: The score from which an answer is correct; None: the rubric's.

    Raises:
        RubricError: A rubric is missing or malformed.
    """

    def __init__(self, settings: JudgeSettings, *, threshold: float | None = None) -> None:
        self.settings = settings
        self.rubric = _of_kind(load_rubric(settings.rubric), "grade")
        self.pair_rubric = _of_kind(load_rubric(settings.pair_rubric), "pair")
        self.threshold = self.rubric.threshold if threshold is None else threshold
        self._served = None if settings.serve is None else ServedJudge(settings.serve)
        self._client: EndpointClient | None = None
        self._cache: VoteCache | None = None

    async def start(self) -> None:
        """Find the endpoint, or start the server, and open the cache.

        Raises:
            PoolError: The judge cannot be used; says why, in one line.
        """
        if self.settings.cache is not None:
            self._cache = await asyncio.to_thread(VoteCache, self.settings.cache)
        try:
            self._client = await self._connected()
            await self._client.start()
        except BaseException:
            await self.aclose()
            raise

    async def aclose(self) -> None:
        """Give everything back; a server that was started here ends, unless others use it."""
        client, self._client = self._client, None
        cache, self._cache = self._cache, None
        if client is not None:
            await client.aclose()
        if self._served is not None:
            await self._served.aclose()
        if cache is not None:
            cache.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    @property
    def adapted(self) -> tuple[str, ...]:
        """How endpoints are asked otherwise than they were at first, a line each."""
        return () if self._client is None else self._client.adapted

    async def grade(
        self, messages: Messages, answer: str, reference: object = None, *, anew: bool = False
    ) -> Grade:
        """The grade of an answer to a conversation; with a reference, by that.

        Args:
            messages: The conversation.
            answer: What is graded.
            reference: A right answer.
            anew: Neither read nor write the cache.

        Raises:
            InfrastructureError: The judge is away, for longer than the settings' patience.
            UnreadableGradeError: Too few of its votes can be read.
            RefusedError: The endpoint refuses the request.
            RubricError: The rubric's template fails.
        """
        shown = (answer, transcript(messages))
        question = _Question(
            self.rubric,
            lambda reminder: grading_messages(
                self.rubric,
                messages,
                answer,
                reference,
                max_chars=self.settings.max_chars,
                reminder=reminder,
            ),
            partial(read_grades, rubric=self.rubric, graded=shown),
            partial(held_grades, rubric=self.rubric),
        )
        votes, spent = await self._votes(question, anew=anew)
        scores = tuple(self.rubric.score(vote) for vote in votes)
        score = float(statistics.median(scores))
        named = self.rubric.header.factors
        factors = {
            name: float(statistics.median(vote[name] for vote in votes))
            for name in named
            if all(name in vote for vote in votes)
        }
        return Grade(
            score, self.rubric.scale.reward(score), score >= self.threshold, scores, factors, spent
        )

    async def compare(
        self, messages: Messages, first: str, second: str, reference: object = None
    ) -> Preference:
        """Which of two answers is better; raises what `grade` raises."""
        (as_given, spent), (turned, more) = await asyncio.gather(
            self._compare(messages, first, second, reference),
            self._compare(messages, second, first, reference),
        )
        back: Mapping[str, Winner] = {"first": "second", "second": "first", "tie": "tie"}
        shown_second = back[turned]
        winner = as_given if as_given == shown_second else "tie"
        return Preference(winner, as_given, shown_second, spent + more)

    async def _compare(
        self, messages: Messages, first: str, second: str, reference: object
    ) -> tuple[Winner, Spent]:
        question = _Question(
            self.pair_rubric,
            lambda reminder: pair_messages(
                self.pair_rubric,
                messages,
                first,
                second,
                reference,
                max_chars=self.settings.max_chars,
                reminder=reminder,
            ),
            partial(read_preference, graded=(first, second, transcript(messages))),
            partial(held_preference, rubric=self.pair_rubric),
        )
        votes, spent = await self._votes(question)
        ranked = Counter(votes).most_common(2)
        is_split = len(ranked) == 2 and ranked[0][1] == ranked[1][1]
        return cast(Winner, "tie" if is_split else ranked[0][0]), spent

    async def _votes(
        self, question: _Question[Read], *, anew: bool = False
    ) -> tuple[list[Read], Spent]:
        """The readable votes, which are enough, and what all of them took."""
        tasks = [self._vote(question, number, anew) for number in range(self.settings.votes)]
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        votes: list[Read] = []
        spent = Spent()
        failure: BaseException | None = None
        for one in ended:
            if isinstance(one, BaseException):
                if not isinstance(one, UnreadableGradeError | InfrastructureError):
                    raise one
                failure = one
            else:
                votes.append(one[0])
                spent += one[1]
        if len(votes) < self.settings.quorum and failure is not None:
            raise failure
        return votes, spent

    async def _vote(self, question: _Question[Read], number: int, anew: bool) -> tuple[Read, Spent]:
        key = self._key(question, number)
        if not anew and (stored := await self._stored(question, key)) is not None:
            return stored, Spent(cached=1)
        spent = Spent()
        for attempt in range(READINGS):
            messages = question.messages(attempt > 0)
            reply = await self._started().ask(Request(messages, question.rubric.schema()))
            spent += self._spent(reply)
            try:
                vote = _read(question, reply)
            except UnreadableGradeError:
                if attempt == READINGS - 1:
                    raise
                continue
            if not anew:
                await self._store(key, reply)
            return vote, spent
        raise AssertionError("unreachable")

    def _key(self, question: _Question[Any], number: int) -> str:
        settings = self.settings
        return cache_key(
            {
                "format": FORMAT,
                "served": self._started().identity,
                "model": settings.model,
                "rubric": question.rubric.digest,
                "messages": question.messages(False),
                "temperature": settings.sampling_temperature,
                "max_tokens": settings.max_tokens,
                "extra": settings.extra,
                "structured": settings.structured,
                "vote": number,
            }
        )

    async def _stored(self, question: _Question[Read], key: str) -> Read | None:
        if self._cache is None:
            return None
        found = await asyncio.to_thread(self._cache.get, key)
        if found is None or not isinstance(found.get("reply"), str):
            return None
        reply = Reply(found["reply"], True, 0, 0, is_held=found.get("held") is True)
        try:
            return question.of(reply)
        except UnreadableGradeError:
            return None

    async def _store(self, key: str, reply: Reply) -> None:
        if self._cache is not None:
            await asyncio.to_thread(
                self._cache.put, key, {"reply": reply.text, "held": reply.is_held}
            )

    def _spent(self, reply: Reply) -> Spent:
        cost = self.settings.prices.cost(reply.input_tokens, reply.output_tokens)
        return Spent(1, 0, reply.input_tokens, reply.output_tokens, cost)

    def _started(self) -> EndpointClient:
        if self._client is None:
            raise PoolError("the judge was not started: use `async with Judge(...)`")
        return self._client

    async def _connected(self) -> EndpointClient:
        settings = self.settings
        if self._served is None:
            key = settings.api_key()
            endpoints = [Endpoint(url, key, settings) for url in settings.urls]
            return EndpointClient(settings, endpoints)
        served = self._served
        address = await served.start()

        async def revive(endpoint: Endpoint) -> Endpoint:
            now = await served.address()
            return endpoint if now.url == endpoint.url else Endpoint(now.url, now.key, settings)

        return EndpointClient(settings, [Endpoint(address.url, address.key, settings)], revive)


def _read(question: _Question[Read], reply: Reply) -> Read:
    if not reply.is_whole:
        raise UnreadableGradeError(
            "unreadable grade: the reply was cut at max_tokens; raise it, or switch thinking off "
            "by `extra`"
        )
    return question.of(reply)


def _of_kind(rubric: JudgeRubric, kind: str) -> JudgeRubric:
    if rubric.header.kind != kind:
        raise RubricError(
            f"rubric '{rubric.header.name}' is of the kind {rubric.header.kind}; "
            f"{'grades' if kind == 'grade' else 'comparisons'} need one of the kind {kind}"
        )
    return rubric
