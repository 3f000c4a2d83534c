"""One group: n episodes of a prompt at once, each graded as it ends.

Guarantees: a group is whole, or there is none: a failure of the policy, of grading or of the set-up
is raised once all its episodes have ended, and cancelling a group cancels its requests. An answer
is graded while its siblings still run. The prompt is rendered once. Seeds are functions of the
run's seed, the group's index, the answer and the turn. What is broken beside the policy makes an
episode a fault: every verdict on it is ungradable, and it is no message.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

from data.schema import Prompt
from rewards import Sample, Verdict
from rewards.types import INFRASTRUCTURE
from rl.config import RunConfig
from rl.config.modes import TERM
from rl.episodes.context import Context
from rl.episodes.environment import Environment
from rl.episodes.lengths import offered, refuse, started
from rl.episodes.limits import Limits
from rl.episodes.outage import Outage
from rl.episodes.parsing import CallParser, Parse, as_written, chosen_format
from rl.episodes.playing import played, sample_of, thinking_tokens
from rl.episodes.rendering import Renderer
from rl.episodes.seeds import seed_of
from rl.episodes.single_turn import SingleTurn
from rl.groups import Group
from rl.tasks import all_of
from rl.tokens import Episode, Policy, Sampling

Grade = Callable[[Sample], Awaitable[Verdict]]
Played = Callable[[int, Episode], Awaitable[None]]
"""Told of an answer by its number, before it is graded."""

BACKOFF = 0.5  # seconds before an episode is tried again; doubled at each further try


class Runner(Protocol):
    """What runs groups: a `GroupRunner`, or several of them elsewhere."""

    async def run(self, index: int, prompt: Prompt, version: int) -> Group:
        """See `GroupRunner.run`."""

    async def evaluate(
        self,
        prompt: Prompt,
        n: int,
        sampling: Sampling,
        policy: Policy,
        key: str,
        *,
        first: int = 0,
        tools: bool = True,
        told: Played | None = None,
    ) -> tuple[tuple[Episode, ...], tuple[Verdict, ...]]:
        """See `GroupRunner.evaluate`."""


class GroupRunner:
    """Runs and grades episodes.

    Args:
        renderer: Of the model.
        policy: What samples in training.
        grade: Gives the verdict on one answer.
        environment: Makes the environment of an episode.
        config: The run's configuration.
        backoff: Seconds before a first try after a failure of infrastructure.
        say: Prints a line.

    Raises:
        ModelError: The chat template cannot show the messages that the environment answers with.
    """

    def __init__(
        self,
        renderer: Renderer,
        policy: Policy,
        grade: Grade,
        environment: Callable[[], Environment],
        config: RunConfig,
        *,
        backoff: float = BACKOFF,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        self._renderer = renderer
        self._policy = policy
        self._grade = grade
        self._environment = environment
        self._config = config
        self._backoff = backoff
        self._outage = Outage(backoff, say=say)
        for one in (renderer, *renderer.modes.values()):
            for role in getattr(environment, "roles", ()):
                one.require(role, with_tools=role == "tool")
        self._counts_thinking = bool(config.modes) or any(
            (term.spec or name) == TERM for name, term in config.reward.terms.items()
        )

    async def run(
        self, index: int, prompt: Prompt, version: int, *, policy: Policy | None = None
    ) -> Group:
        """Sample and grade a training group.

        Args:
            index: Of the group, in the order of dispatch.
            prompt: What is asked.
            version: Of the policy at dispatch.
            policy: What samples; none: that of training.

        Raises:
            PlumbError: The prompt is too long, or the policy cannot be sampled.
        """
        rollout = self._config.rollout
        seed = seed_of(f"{self._config.seed}/{index}") if rollout.reproducible else None
        sampling = Sampling(
            rollout.temperature,
            rollout.max_response_tokens,
            top_p=rollout.top_p,
            top_k=rollout.top_k,
            seed=seed,
        )
        count = self._config.sampler.samples_per_prompt
        found = await self._group(prompt, count, sampling, policy or self._policy, f"{index}")
        episodes, verdicts = zip(*found, strict=True)
        starts = [episode.start for episode in episodes if episode.start is not None]
        return Group(index, prompt, min(starts, default=version), episodes, verdicts)

    async def evaluate(
        self,
        prompt: Prompt,
        n: int,
        sampling: Sampling,
        policy: Policy,
        key: str,
        *,
        first: int = 0,
        tools: bool = True,
        told: Played | None = None,
    ) -> tuple[tuple[Episode, ...], tuple[Verdict, ...]]:
        """Sample and grade answers beside training.

        Args:
            prompt: What is asked.
            n: Answers.
            sampling: How; at a temperature above 0 its seed is made of the run's and `key`.
            policy: What samples.
            key: Of the set and the prompt, such as `eval/ID`; it names the session too.
            first: The number of the first answer: each has the seed of its number.
            tools: Whether the environment's tools are there; else calling one is an error.
            told: Of each answer that is yet to be graded.
        """
        seed = seed_of(f"{self._config.seed}/{key}") if sampling.temperature else None
        found = await self._group(
            prompt, n, replace(sampling, seed=seed), policy, key, first, tools=tools, told=told
        )
        return tuple(episode for episode, _ in found), tuple(verdict for _, verdict in found)

    async def _group(
        self,
        prompt: Prompt,
        n: int,
        sampling: Sampling,
        policy: Policy,
        session: str,
        first: int = 0,
        *,
        tools: bool = True,
        told: Played | None = None,
    ) -> list[tuple[Episode, Verdict]]:
        make: Callable[[], Environment] = self._environment
        if not tools:
            make = getattr(make, "without_tools", make)
        prompt = offered(self._environment, prompt)
        limit = self._config.rollout.max_prompt_tokens
        start = started(self._renderer, prompt)
        refuse([(prompt, len(start))] if len(start) > limit else [], 1, limit)
        start.setflags(write=False)  # all the answers' segments hold it
        sampling = replace(
            sampling,
            stop=tuple(self._config.rollout.stop),
            stop_token_ids=tuple(self._config.rollout.stop_token_ids),
            keep_special=bool(prompt.tools),
        )
        limits = self._limits(sampling)

        renderer = self._renderer.of(prompt.mode)
        recording: Callable[..., Context] = getattr(self._environment, "recording", Context)

        def context(i: int) -> Context:
            return recording(
                renderer,
                policy,
                prompt,
                _seeded(sampling, i),
                session,
                limits,
                start=start,
                parse=self._parser(prompt.tools),
            )

        return await all_of(
            [
                self._answer(prompt, i, partial(context, i), make, told)
                for i in range(first, first + n)
            ]
        )

    async def _answer(
        self,
        prompt: Prompt,
        i: int,
        begin: Callable[[], Context],
        make: Callable[[], Environment],
        told: Played | None,
    ) -> tuple[Episode, Verdict]:
        attempt = 0
        while True:
            context = begin()
            async with self._outage.turn():
                with self._renderer.of(prompt.mode).together.episode():
                    episode, verdict = await played(prompt, context, make)
                is_away = episode.fault.partition(":")[0] == INFRASTRUCTURE
                self._outage.failed(episode.fault) if is_away else self._outage.worked()
            if not is_away or attempt == self._config.episode.retries:
                break
            await asyncio.sleep(self._backoff * 2**attempt)
            attempt += 1
        if verdict is None:
            if told is not None:
                await told(i, episode)
            sample = sample_of(
                prompt,
                f"{prompt.id}#{i}",
                episode,
                context.response_tokens,
                await self._thinking_tokens(prompt, episode, context.response_tokens),
            )
            verdict = await self._grade(sample)
        return episode, verdict

    async def _thinking_tokens(
        self, prompt: Prompt, episode: Episode, response_tokens: int
    ) -> int | None:
        """Tokens of the thinking in the last answer; None: nobody asks."""
        if not self._counts_thinking:
            return None
        renderer = self._renderer.of(prompt.mode)
        return await thinking_tokens(renderer, episode, response_tokens)

    def _limits(self, sampling: Sampling) -> Limits:
        rollout, episode = self._config.rollout, self._config.episode
        answer = max(rollout.max_response_tokens, sampling.max_tokens)
        tokens = episode.tokens or rollout.max_prompt_tokens + answer
        return Limits(episode.turns, tokens, episode.observation_tokens)

    def _parser(self, tools: Sequence[Mapping[str, Any]]) -> Parse:
        """What reads the turns of an episode."""
        if not tools or self._environment is SingleTurn:
            return as_written
        format = chosen_format(self._config.episode.call_format, self._renderer.call_format)
        return CallParser(format, tools, shows_calls=self._renderer.shows_calls)


def _seeded(sampling: Sampling, i: int) -> Sampling:
    """The sampling of answer `i`; vLLM seeds the answers of a request in the same way."""
    return sampling if sampling.seed is None else replace(sampling, seed=sampling.seed + i)
