"""The growing context of one episode: the only place that appends.

Guarantees: a context only grows; every one that the policy was given is the beginning of the
trajectory that it ended in. What the policy sampled is never encoded again: where the chat template
would write it in another way, the trajectory is closed and another begins from the template's own
text. A turn that was cut ends the episode.
"""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from data.schema import Prompt
from rl.episodes.given import check_message
from rl.episodes.limits import EpisodeOver, Limits
from rl.episodes.parsing import Parse, as_written
from rl.episodes.rendering import PROMPT_TAIL, Renderer
from rl.episodes.seeds import turn_seed
from rl.tokens import End, Episode, Ids, Message, Policy, Sampling, Segment, Stop, Trajectory
from rl.turn_records import CallRecord, TurnRecord


class Context:
    """What one policy reads and writes in one episode.

    Args:
        renderer: Of the model.
        policy: What samples.
        prompt: What is asked; its messages begin the conversation.
        sampling: How turns are sampled; its seed is the episode's.
        session: Requests of one session go to one engine where they can.
        limits: What the episode may take.
        start: The prompt as it was rendered; shared by the answers to one prompt, never copied.
        parse: Makes a message of a turn's text, with its calls where tools are on offer.
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
        parse: Parse = as_written,
    ) -> None:
        self._renderer = renderer
        self._policy = policy
        self._tools = prompt.tools
        self._sampling = sampling
        self._session = session
        self._limits = limits
        self._parse = parse
        self._messages: list[Message] = list(prompt.messages)
        self._asked_for = len(self._messages)
        self.over: End | None = None
        """Why nothing more can be asked."""
        self.failure: Exception | None = None
        """What the policy raised, which is no affair of the environment's."""
        self.begun_anew = 0
        """Times that the chat template would have written earlier turns otherwise."""
        start = renderer.start(self._messages, self._tools) if start is None else start
        self._closed: list[Trajectory] = []
        self._segments = [Segment(start)]
        self._waiting: list[Message] = []
        self._turns = 0
        self._asking = False
        self._response = ""
        self._response_tokens = 0
        self._asked = start[:0]
        self._records: list[dict[str, Any]] = []
        self._clock = time.perf_counter()
        self._began = time.time()

    @property
    def messages(self) -> tuple[Message, ...]:
        """The conversation so far."""
        return tuple(self._messages)

    @property
    def trajectories(self) -> tuple[Trajectory, ...]:
        """What was sampled so far; nothing stands behind the last sampled token."""
        open_ones = list(self._segments)
        while open_ones and open_ones[-1].logprobs is None:
            open_ones.pop()
        return (*self._closed, Trajectory(tuple(open_ones))) if open_ones else tuple(self._closed)

    @property
    def room(self) -> int:
        """Tokens that the context may still grow by."""
        return self._limits.tokens - len(self._current())

    @property
    def response_tokens(self) -> int:
        """Of the policy's last turn."""
        return self._response_tokens

    async def ask(self) -> tuple[Message, Stop]:
        """Let the policy speak; its message, and why it stopped.

        Raises:
            EpisodeOver: A turn was cut, or turns or context are used up.
            ValueError: Its last turn was not answered.
        """
        if self.over is None and self._turns >= self._limits.turns:
            self.over = "turns"
        if self.over is None and (self._asking or self._is_unanswered):
            raise ValueError("the policy is asked again before its last turn was answered")
        if self.over is None:
            await self._catch_up()
        room = 0 if self.over else self.room
        if room <= 0:
            self.over = self.over or "budget"
            raise EpisodeOver(self.over)
        context = self._current()
        how = self._sampling
        if self._turns or room < how.max_tokens:
            seed = turn_seed(how.seed, self._turns)
            how = replace(how, max_tokens=min(how.max_tokens, room), seed=seed)
        self._asking = True
        asked = time.perf_counter()
        try:
            sampled = await self._policy.sample(context, how, session=self._session)
        except Exception as error:
            self.failure = error
            raise
        finally:
            self._asking = False
        self._turns += 1
        self._asked = context[-PROMPT_TAIL:]
        self._segments.append(sampled.segment)
        self._response, self._response_tokens = sampled.text, len(sampled.segment.ids)
        message = self._parse(sampled.text, self._renderer.opened(self._asked))
        self._messages.append(message)
        self._records.append(
            {
                "trajectory": len(self._closed),
                "message": len(self._messages) - 1,
                "text": None,
                "prompt_tokens": len(context),
                "allowed": how.max_tokens,
                "stop": sampled.stop,
                "began": asked - self._clock,
                "seconds": time.perf_counter() - asked,
                "cached_tokens": sampled.cached_tokens,
                "engine": sampled.engine,
            }
        )
        if sampled.stop == "length":
            self.over = "length"
        return message, sampled.stop

    def answer(
        self, *messages: Message, reward: float = 0.0, calls: Sequence[CallRecord] = ()
    ) -> None:
        """Append what the policy is told; a `reward` goes to its last turn alone.

        Marks of turns in a message are taken apart, and a long one is cut (`Limits.observation`).
        `calls` are for people: what was called for these messages.

        Raises:
            EpisodeOver: Its last turn was cut.
            ValueError: A message or the reward cannot be one.
            UnreadableError: A message has an image, or the like.
        """
        if reward:
            self._earn(reward)
        if self.over is not None:
            raise EpisodeOver(self.over)
        if messages and self._asking:
            raise ValueError("the policy is answered while it is asked")
        if messages and self._turns and not (self._is_unanswered or self._waiting):
            raise ValueError("an answer was appended already; give all messages of a turn at once")
        for message in messages:
            check_message(message)
        told = [self._renderer.observed(one, self._limits.observation) for one in messages]
        self._waiting += told
        self._messages += told
        if told and self._records:
            last = self._records[-1]
            took = time.perf_counter() - self._clock - last["began"] - last["seconds"]
            last |= {"answer_seconds": took, "calls": tuple(calls)}

    def begin(self, text: str, between: str = "\n\n") -> None:
        """Add to what is asked, before the policy has said anything: to the user's last message.

        Args:
            text: What is added.
            between: What stands between the message and it, where the message says something.

        Raises:
            ValueError: The policy has spoken already, or is asked now.
        """
        if self._turns or self._waiting or self._asking:
            raise ValueError("the policy has spoken already: use `answer`")
        message = self._renderer.observed({"role": "user", "content": text}, None)
        last = self._messages[-1]
        if last["role"] == "user":
            before = f"{last['content']}{between}" if last["content"] else ""
            self._messages[-1] = {**last, "content": f"{before}{message['content']}"}
        else:
            self._messages.append(message)
            self._asked_for += 1
        self._segments = [Segment(self._renderer.start(self._messages, self._tools))]

    def result(self, content: str, call: Mapping[str, Any] | None = None) -> Message:
        """A message with what a tool gave.

        Args:
            content: What it gave.
            call: The call, out of a turn's `tool_calls`; None: it could not be read.
        """
        if call is None:
            bare = self._renderer.takes_bare_results(self._tools)
            return {"role": "tool" if bare else "user", "content": content}
        name, number = call["function"]["name"], call["id"]
        return {"role": "tool", "content": content, "name": name, "tool_call_id": number}

    def episode(
        self, end: End, *, metrics: Mapping[str, float] | None = None, fault: str = ""
    ) -> Episode:
        """The episode as it stands, ended."""
        return Episode(
            self.trajectories,
            self.messages,
            self.over or end,
            response=self._response,
            thinking=self._renderer.opened(self._asked) if len(self._asked) else None,
            metrics=metrics or {},
            fault=fault,
            records=tuple(TurnRecord(**record) for record in self._records),
            began=self._began,
            seconds=time.perf_counter() - self._clock,
        )

    @property
    def _is_unanswered(self) -> bool:
        return self._segments[-1].logprobs is not None and not self._waiting

    def _current(self) -> Ids:
        """The context, with what waits appended."""
        if self._waiting:
            last, follow = self._segments[-1], self._renderer.follow
            self._append(None if last.logprobs is None else follow(last.ids, *self._turn()))
        if len(self._segments) == 1:
            return self._segments[0].ids
        return np.concatenate([segment.ids for segment in self._segments])

    async def _catch_up(self) -> None:
        """Append what waits, with other episodes that go on now."""
        if not self._waiting or self._segments[-1].logprobs is None:
            return
        self._asking = True
        try:
            ids = await self._renderer.follow_together(self._segments[-1].ids, *self._turn())
        finally:
            self._asking = False
        if self._waiting:  # else `room` was read meanwhile, which appends too
            self._append(ids)

    def _turn(self) -> tuple[Message, Sequence[Message], Sequence[Mapping[str, Any]]]:
        """The policy's last turn, what answers it, and the tools on offer."""
        return self._messages[-len(self._waiting) - 1], self._waiting, self._tools

    def _append(self, ids: Ids | None) -> None:
        """Append the ids of what waits; None: begin anew."""
        if ids is not None:
            self._segments.append(Segment(ids))
        else:
            given, since = self._messages[: self._asked_for], self._messages[self._asked_for :]
            said = self._renderer.said
            told = [said(one) if one["role"] == "assistant" else one for one in since]
            start = self._renderer.start([*given, *told], self._tools)  # first: it may be refused
            self.begun_anew += self._segments[-1].logprobs is not None
            self._closed = list(self.trajectories)
            self._segments = [Segment(start)]
        self._waiting = []

    def _earn(self, reward: float) -> None:
        if not math.isfinite(reward):
            raise ValueError(f"a turn's reward has to be finite, not {reward}")
        if not self._turns:
            raise ValueError("a reward is given before the policy has said anything")
        if any(segment.logprobs is not None for segment in self._segments):
            self._segments = _rewarded(self._segments, reward)
        else:  # the context began anew since
            self._closed[-1] = Trajectory(tuple(_rewarded(self._closed[-1].segments, reward)))


def _rewarded(segments: Sequence[Segment], reward: float) -> list[Segment]:
    """The segments, with `reward` added to the last that was sampled."""
    last = max(i for i, segment in enumerate(segments) if segment.logprobs is not None)
    earned = replace(segments[last], reward=segments[last].reward + float(reward))
    return [*segments[:last], earned, *segments[last + 1 :]]
