"""One group: n episodes of a prompt at once, each graded as it ends.

Guarantees: a group is whole, or there is none: a failure of the policy, of grading or of the set-up
is raised once all its episodes have ended, and cancelling a group cancels its requests. An answer
is graded while its siblings still run. The prompt is rendered once. Seeds are functions of the
run's seed, the group's index, the answer and the turn. What is broken beside the policy makes an
episode a fault: every verdict on it is ungradable, and it is no message.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar, get_args

from data.schema import Prompt
from rewards import Sample, Verdict
from rewards.errors import InfrastructureError as ServiceError
from rewards.types import INFRASTRUCTURE
from rl.config import RunConfig
from rl.episodes.context import Context, EpisodeOver, Limits, as_written
from rl.episodes.environment import Environment
from rl.episodes.lengths import refuse, started
from rl.episodes.rendering import Renderer
from rl.episodes.seeds import seed_of
from rl.episodes.template import RefusedError
from rl.errors import ConfigError, InfrastructureError, PlumbError
from rl.groups import Group
from rl.tokens import End, Episode, Message, Policy, Sampling
from sandbox import UnavailableError

T = TypeVar("T")
Grade = Callable[[Sample], Awaitable[Verdict]]

AWAY = (InfrastructureError, ServiceError, UnavailableError)
"""What an environment raises where something beside the policy is broken."""
BACKOFF = 0.5  # seconds before an episode is tried again; doubled at each further try
REASON_LIMIT = 500  # characters kept of an exception's message


class GroupRunner:
    """Runs and grades episodes.

    Args:
        renderer: Of the model.
        policy: What samples in training.
        grade: Gives the verdict on one answer.
        environment: Makes the environment of an episode.
        config: The run's configuration.
        parse: Makes a message of a turn's text.
        backoff: Seconds before a first try after a failure of infrastructure.

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
        parse: Callable[[str], Message] = as_written,
        backoff: float = BACKOFF,
    ) -> None:
        self._renderer = renderer
        self._policy = policy
        self._grade = grade
        self._environment = environment
        self._config = config
        self._parse = parse
        self._backoff = backoff
        for role in getattr(environment, "roles", ()):
            renderer.require(role, with_tools=role == "tool")

    async def run(self, index: int, prompt: Prompt, version: int) -> Group:
        """Sample and grade a training group.

        Args:
            index: Of the group, in the order of dispatch.
            prompt: What is asked.
            version: Of the policy at dispatch.

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
        found = await self._group(prompt, count, sampling, self._policy, f"{index}")
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
    ) -> tuple[tuple[Episode, ...], tuple[Verdict, ...]]:
        """Sample and grade answers beside training.

        Args:
            prompt: What is asked.
            n: Answers.
            sampling: How; at a temperature above 0 its seed is made of the run's and `key`.
            policy: What samples.
            key: Of the set and the prompt, such as `eval/ID`; it names the session too.
            first: The number of the first answer: each has the seed of its number.
        """
        seed = seed_of(f"{self._config.seed}/{key}") if sampling.temperature else None
        found = await self._group(prompt, n, replace(sampling, seed=seed), policy, key, first)
        return tuple(episode for episode, _ in found), tuple(verdict for _, verdict in found)

    async def _group(
        self,
        prompt: Prompt,
        n: int,
        sampling: Sampling,
        policy: Policy,
        session: str,
        first: int = 0,
    ) -> list[tuple[Episode, Verdict]]:
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

        def context(i: int) -> Context:
            return Context(
                self._renderer,
                policy,
                prompt,
                _seeded(sampling, i),
                session,
                limits,
                start=start,
                parse=self._parse,
            )

        return await _all(
            [self._answer(prompt, i, partial(context, i)) for i in range(first, first + n)]
        )

    async def _answer(
        self, prompt: Prompt, i: int, begin: Callable[[], Context]
    ) -> tuple[Episode, Verdict]:
        context = begin()
        episode = await self._played(prompt, context)
        for attempt in range(self._config.episode.retries):
            if episode.fault.partition(":")[0] != INFRASTRUCTURE:
                break
            await asyncio.sleep(self._backoff * 2**attempt)
            context = begin()
            episode = await self._played(prompt, context)
        if episode.fault:
            return episode, Verdict.ungradable(episode.fault)
        sample = sample_of(prompt, f"{prompt.id}#{i}", episode, context.response_tokens)
        return episode, await self._grade(sample)

    async def _played(self, prompt: Prompt, context: Context) -> Episode:
        """One try at an episode."""
        end: End = "stop"
        metrics: dict[str, float] = {}
        fault = ""
        try:
            environment = self._environment()
            try:
                end = await environment.run(prompt, context)
            except EpisodeOver as over:
                end = over.end
            metrics = _metrics(environment)
        except AWAY as error:
            fault = f"{INFRASTRUCTURE}: {_line(error)}"
        except RefusedError:  # the policy wrote what the chat template does not go on from
            metrics = {"template_refused": 1.0}
        except PlumbError:
            raise
        except Exception as error:  # of a user's own code
            fault = f"{type(error).__name__}: {_line(error)}"
        if context.failure is not None:  # whatever the environment has made of it
            raise context.failure
        if end not in get_args(End):
            raise ConfigError(
                f"an environment ended with {end!r}: its run has to return one of "
                f"{', '.join(get_args(End))}"
            )
        if not fault and not context.trajectories:
            fault = "environment: it ended without asking the policy"
        return context.episode(end, metrics=metrics, fault=fault)

    def _limits(self, sampling: Sampling) -> Limits:
        rollout, episode = self._config.rollout, self._config.episode
        answer = max(rollout.max_response_tokens, sampling.max_tokens)
        return Limits(episode.turns, episode.tokens or rollout.max_prompt_tokens + answer)


def sample_of(prompt: Prompt, name: str, episode: Episode, response_tokens: int) -> Sample:
    """What is graded of an episode.

    Args:
        prompt: What was asked.
        name: Of the sample, in messages.
        episode: One attempt.
        response_tokens: Tokens of its last answer.
    """
    return Sample(
        id=name,
        prompt=prompt.messages,
        response=episode.response,
        reference=prompt.reference,
        task=prompt.task,
        tools=prompt.tools,
        metadata={**prompt.metadata, "response_tokens": response_tokens},
        stop_reason="length" if episode.end == "length" else "stop",
        thinking=episode.thinking,
    )


def _seeded(sampling: Sampling, i: int) -> Sampling:
    """The sampling of answer `i`; vLLM seeds the answers of a request in the same way."""
    return sampling if sampling.seed is None else replace(sampling, seed=sampling.seed + i)


def _metrics(environment: Environment) -> dict[str, float]:
    measure = getattr(environment, "metrics", None)
    if not callable(measure):
        return {}
    return {str(name): float(value) for name, value in measure().items()}


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:REASON_LIMIT] or type(error).__name__


async def _all(work: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """Await all; a first error ends the others, and is raised when they have ended."""
    tasks = [asyncio.create_task(one) for one in work]
    try:
        return list(await asyncio.gather(*tasks))
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
