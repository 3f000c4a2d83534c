"""What passes between an agent and the policy in one episode, recorded token by token.

Guarantees, those of `rl.episodes.context`: what the policy sampled is never encoded again; every
context that it was given is the beginning of the trajectory that it ended in; each sampled token
stands as sampled in exactly one trajectory. A request goes on from a context if its messages are
those of the context and some more (`matching`), and nothing else went on from there; then the
recorded ids stand for what the client wrote anew. Otherwise, or where the chat template would
rewrite what was before, it begins another trajectory, from the template's own text.

A request that is sent again because its answer did not arrive is not sampled again. What a client
says is words: marks of turns in it are taken apart before it is encoded. Seeds are functions of the
episode's and of what is asked, not of the order in which requests come.
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from time import perf_counter, time
from typing import Any, Final

import numpy as np

from data.schema import Prompt
from rewards.thinking import Opened
from rl.endpoint.allowance import Allowance
from rl.endpoint.answers import Spoken, Turn, turn_of
from rl.endpoint.exchange import Exchange, Exchanges
from rl.endpoint.matching import canonical, characters_of, key_of, key_of_tools, keys_of
from rl.endpoint.refusals import MOST_AT_ONCE, RefusalError, at_once_only, too_long
from rl.endpoint.requests import Asked
from rl.endpoint.threads import Thread, Threads, record_of
from rl.endpoint.words import declared, plain
from rl.episodes.encoding import AT_ONCE, apart, at_once
from rl.episodes.limits import Limits
from rl.episodes.rendering import PROMPT_TAIL, Renderer
from rl.episodes.seeds import seed_of
from rl.errors import ModelError
from rl.tokens import End, Episode, Ids, Message, Policy, Sampled, Sampling, Segment, Trajectory

CHARACTERS: Final = 16
"""Of a token at most, on average over a whole conversation; longer ones are not encoded at all."""


COUNTED: Final = ("begun", "followed", "retried", "refused")
"""Turns that began a trajectory or went on in one; requests sent again; those refused."""


class Recorder:
    """One episode as the endpoint sees it.

    Args:
        renderer: Of the model.
        policy: What samples.
        prompt: What the agent is asked.
        sampling: How turns are sampled; its seed is the episode's.
        session: Requests of one session go to one engine where they can.
        limits: What the episode may take.
        start: The prompt as it was rendered; agents ask as they like, so it is not used.
        parse: Of turns; here each request says which tools are on offer.
    """

    def __init__(
        self,
        renderer: Renderer,
        policy: Policy,
        prompt: Prompt,
        sampling: Sampling,
        session: str,
        limits: Limits,
        *,
        start: Ids | None = None,
        parse: object = None,
    ) -> None:
        self.prompt = prompt
        self.sampling = sampling
        self.limits = limits
        self.failure: Exception | None = None
        """What the policy raised, which is no affair of the agent's."""
        self.failed = asyncio.Event()
        """Set with `failure`."""
        self.result: str | None = None
        """What is graded; None: the policy's last turn."""
        self.counts: Counter[str] = Counter()
        """Of what happened, by the names in `COUNTED`."""
        self.reading = 0
        """Requests whose body is being read."""
        self.call_format = renderer.call_format
        """How the policy writes calls of tools."""
        self._renderer = renderer
        self._policy = policy
        self._session = session
        self._threads = Threads()
        self._allowance = Allowance(limits.turns, limits.turns * sampling.max_tokens)
        self._exchanges = Exchanges()
        self._contexts: Counter[str] = Counter()
        self._sampling = 0
        self._is_closed = False
        self._spoken: Spoken | None = None
        self._clock, self._began = perf_counter(), time()

    @property
    def is_sampling(self) -> bool:
        """Whether the policy is being asked."""
        return self._sampling > 0

    @property
    def trajectories(self) -> tuple[Trajectory, ...]:
        """What was sampled so far."""
        return self._threads.trajectories

    @property
    def begun_anew(self) -> int:
        """Times that a request went on from no recorded context, after the first."""
        return max(0, self.counts["begun"] - 1)

    @property
    def response_tokens(self) -> int:
        """Of the policy's last turn."""
        return len(self._spoken.sampled.segment.ids) if self._spoken else 0

    def exchange(self, asked: Asked, *, again: bool) -> Exchange:
        """The answer to a request, which is begun here, or was begun when it came before.

        Raises:
            RefusalError: The episode has ended, or too many requests wait: each holds its messages.

        Args:
            asked: What it asks for.
            again: Whether the client says that it sends it again.
        """
        if self._is_closed:
            raise RefusalError("the episode has ended", status=401, code="invalid_api_key")
        said = canonical([list(asked.messages), list(asked.tools), asked.max_tokens])
        key = hashlib.blake2b(said.encode(), digest_size=16).hexdigest()
        known = self._exchanges.sent_again(key, again=again)
        if known is not None:
            self.counts["retried"] += 1
            return known
        if self._exchanges.open >= max(MOST_AT_ONCE, self.limits.turns):
            raise at_once_only(self._exchanges.open, "being answered")
        return self._exchanges.begin(key, lambda exchange: self._answer(asked, exchange))

    async def aclose(self) -> None:
        """Refuse what still comes, and wait for what is being sampled.

        To give that up would favour short answers.
        """
        self._is_closed = True
        await self._exchanges.settle()

    def give_up(self) -> None:
        """Refuse what still comes, and end what is being sampled: nobody reads it."""
        self._is_closed = True
        self._exchanges.give_up()

    def allow(self, tokens: int) -> None:
        """Let the episode sample so many tokens, all turns together, before it has any."""
        self._allowance = Allowance(self.limits.turns, tokens)

    @property
    def messages(self) -> tuple[Message, ...]:
        """The conversation in which the policy spoke last; the prompt, if it has not."""
        return self._spoken.messages if self._spoken else tuple(self.prompt.messages)

    def episode(
        self, end: End, *, metrics: Mapping[str, float] | None = None, fault: str = ""
    ) -> Episode:
        """The episode as it stands, ended."""
        end = self._allowance.spent or end
        counted = {f"requests_{name}": float(self.counts[name]) for name in COUNTED}
        response, spoken = self.result or "", self._spoken
        thinking: Opened | None = None
        if self.result is not None:
            thinking = "none"
        elif spoken is not None:
            response, thinking = spoken.last_turn
            end = "length" if spoken.sampled.stop == "length" else end
        return Episode(
            self.trajectories,
            self.messages,
            end,
            response=response,
            thinking=thinking,
            last_turn=spoken.last_turn if spoken and self.result is not None else None,
            metrics={**counted, **(metrics or {})},
            fault=fault,
            records=self._threads.records(self.messages),
            began=self._began,
            seconds=perf_counter() - self._clock,
        )

    async def _answer(self, asked: Asked, exchange: Exchange) -> Turn:
        try:
            return await self._turn(asked, exchange)
        except RefusalError:
            self.counts["refused"] += 1
            raise

    async def _turn(self, asked: Asked, exchange: Exchange) -> Turn:
        self._allowance.check()  # before anything is encoded in vain
        keys, tools = keys_of(asked.messages), key_of_tools(asked.tools)
        characters = len(tools) + sum(map(characters_of, asked.messages))
        if characters > CHARACTERS * self.limits.tokens:
            raise too_long(f"{characters:,} characters as", self.limits.tokens)
        thread = known = self._threads.continued_by(keys, tools)
        if known is not None:
            known.is_taken = True
        try:
            reading = partial(self._read, asked, known)
            follows, read = await (apart(reading) if characters > AT_ONCE else at_once(reading))
            if known is not None and not follows:
                thread, known.is_taken = None, False
            context = read[0].ids if thread is None else _joined(thread, read)
            room = self.limits.tokens - len(context)
            if room < 1:
                raise too_long(len(context), self.limits.tokens)
            wanted = min(self.sampling.max_tokens, room, asked.max_tokens or room)
            async with self._allowance.turn(wanted) as reserved:
                exchange.number = self._exchanges.number()
                exchange.accepted.set()
                how = self._how(context, reserved.tokens, has_tools=bool(asked.tools))
                began = perf_counter()
                sampled = await self._sampled(context, how)
                reserved.used = len(sampled.segment.ids)
        finally:
            if thread is not None:
                thread.is_taken = False
        opened = self._renderer.opened(context[-PROMPT_TAIL:])
        turn = turn_of(
            sampled,
            exchange.number,
            len(context),
            format=self.call_format,
            tools=asked.tools,
            opened=opened,
        )
        self._spoken = Spoken((*asked.messages, turn.followed), sampled, opened)
        after = (*keys, key_of(turn.message))
        record = record_of(turn, sampled, how.max_tokens, len(keys), began, self._clock)
        self.counts["begun" if thread is None else "followed"] += 1
        if thread is None:
            self._threads.all.append(Thread(tools, after, [*read, sampled.segment], turn, [record]))
        else:
            thread.grow(after, [*read, sampled.segment], turn, record)
        return turn

    def _read(self, asked: Asked, thread: Thread | None) -> tuple[bool, list[Segment]]:
        """Whether the thread goes on, and what is read after it; else what is read anew."""
        tools_shown = declared(self._renderer, asked.tools)
        if thread is not None:
            ids = self._followed(thread, asked.messages[len(thread.keys) :], tools_shown)
            if ids is not None:
                return True, [Segment(ids)]
        try:
            start = self._renderer.start(plain(self._renderer, asked.messages), tools_shown)
        except ModelError as error:
            raise RefusalError(str(error), param="messages") from error
        return False, [Segment(start)]

    def _followed(
        self, thread: Thread, new: Sequence[Message], tools: Sequence[Mapping[str, Any]]
    ) -> Ids | None:
        """What follows a thread's last turn; None: it cannot be followed by these."""
        if any(message["role"] in ("assistant", "system") for message in new):
            return None  # what others have said between is no answer to the policy
        told = plain(self._renderer, new)
        last = thread.segments[-1].ids
        try:
            return self._renderer.follow(last, thread.turn.followed, told, tools)
        except ModelError:  # a whole conversation may be shown nevertheless
            return None

    def _how(self, context: Ids, tokens: int, *, has_tools: bool) -> Sampling:
        seed = self.sampling.seed
        if seed is not None:
            asked = hashlib.blake2b(context.tobytes(), digest_size=16).hexdigest()
            seed = seed_of(f"{seed}/{asked}/{self._contexts[asked]}")
            self._contexts[asked] += 1
        return replace(self.sampling, max_tokens=tokens, seed=seed, keep_special=has_tools)

    async def _sampled(self, context: Ids, how: Sampling) -> Sampled:
        self._sampling += 1
        try:
            return await self._policy.sample(context, how, session=self._session)
        except Exception as error:
            self.failure = self.failure or error
            self.failed.set()
            raise RefusalError("the policy cannot be sampled", status=503) from error
        finally:
            self._sampling -= 1


def _joined(thread: Thread, read: Sequence[Segment]) -> Ids:
    return np.concatenate([thread.ids, *(segment.ids for segment in read)])
