"""What answers: engines with the renderer and the episodes of training, or an endpoint.

Guarantees: an answer depends on the seed, the set, the prompt and its number, and not on what is
asked beside it. What is asked of an endpoint goes through the client that judges use: outages
shorter than its patience cost nothing.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Protocol

from data.asking import Answer, EndpointModel
from data.asking.asking import MOST_REFUSED, OF_THE_QUESTION
from data.schema import Prompt
from launch.evaluate.answers import REFUSED, Given, verdict_as_json
from launch.evaluate.sets import EvalSet
from launch.evaluate.thinking import arguments_of, with_thinking
from launch.evaluate.work import Work
from rewards import Verdict
from rewards.grading.running import Pool
from rewards.judge.errors import RefusedError
from rewards.tools.errors import ToolsError
from rl.answering import Answering, answering
from rl.config import RunConfig
from rl.episodes.playing import thinking_tokens
from rl.episodes.seeds import seed_of
from rl.errors import ModelError, TooLongError
from rl.evaluation_sets import sampling_of
from rl.tokens import Episode

Told = Callable[[Given], Awaitable[None]]


class Answerer(Protocol):
    """Answers prompts."""

    @property
    def places(self) -> int:
        """Answers that can be under way at once."""

    async def answer(
        self, one: EvalSet, prompt: Prompt, number: int, told: Told
    ) -> tuple[Given, Verdict | None]:
        """Answer `number` to a prompt.

        Args:
            one: the set.
            prompt: of it.
            number: from 0.
            told: given the answer before anything grades it.

        Returns:
            The answer, and its verdict where answering gave one too.
        """


@asynccontextmanager
async def answerer(work: Work, pool: Pool, say: Callable[[str], None]) -> AsyncIterator[Answerer]:
    """Start what answers, and the pool; stop them at the end.

    Raises:
        PlumbError, RewardError: the model, the endpoint or the cluster cannot be used.
    """
    if work.served is None:
        config = with_thinking(work.config, work.thinking, say)
        async with answering(config, pool, engines=work.engines, say=say) as found:
            yield Engines(found, config)
        return
    model = EndpointModel(work.served)
    try:
        await pool.start()
        await model.start()
        yield Endpoint(model, work.config, work.thinking)
    finally:
        await model.aclose()
        await pool.aclose()


class Engines:
    """Plumb's own engines.

    Args:
        found: what answers in training too.
        config: a run's.
    """

    def __init__(self, found: Answering, config: RunConfig) -> None:
        assert found.runner is not None
        self._found = found
        self._runner = found.runner
        self._config = config
        self.places = found.places

    async def answer(
        self, one: EvalSet, prompt: Prompt, number: int, told: Told
    ) -> tuple[Given, Verdict | None]:
        """See `Answerer`."""
        seen: list[Given] = []

        async def played(_: int, episode: Episode) -> None:
            given = _of_episode(episode)
            if self._config.modes:
                renderer = self._found.renderer.of(prompt.mode)
                tokens = await thinking_tokens(renderer, episode, given.last_tokens)
                given = replace(given, thinking_tokens=tokens)
            seen.append(given)
            await told(seen[-1])

        try:
            (episode,), (verdict,) = await self._runner.evaluate(
                prompt,
                1,
                sampling_of(one.settings, self._config),
                self._found.fleet,
                f"{one.name}/{prompt.id}",
                first=number,
                tools=one.settings.tools,
                told=played,
            )
        except (ModelError, TooLongError) as error:  # of the question alone
            return _refused(str(error)), None
        if seen:
            return seen[-1], verdict
        given = _of_episode(episode)
        if not given.fault:  # nobody was told of an answer to grade: the environment has judged it
            given = replace(given, judged=verdict_as_json(verdict))
        return given, verdict


class Endpoint:
    """A model behind an OpenAI-compatible endpoint.

    Args:
        model: is asked.
        config: a run's, for the seed, the chat template's arguments and where answers stop.
        thinking: whether it is to think; None: as the settings say.
    """

    def __init__(self, model: EndpointModel, config: RunConfig, thinking: bool | None) -> None:
        self._model = model
        self._thinking = thinking
        self._config = config
        self._refused = 0
        self._has_answered = False
        self.places = model.concurrency

    async def answer(
        self, one: EvalSet, prompt: Prompt, number: int, told: Told
    ) -> tuple[Given, Verdict | None]:
        """See `Answerer`."""
        seed = seed_of(f"{self._config.seed}/{one.name}/{prompt.id}") + number
        try:
            (answer,) = await self._model.answer(
                prompt.messages,
                tools=prompt.tools,
                seed=seed % 2**31,  # what every server takes
                **_asked(one),
                **self._rendered(prompt),
            )
        except (RefusedError, ToolsError) as error:
            return self._take(error), None
        self._has_answered = True
        given = _of_answer(answer)
        await told(given)
        return given, None

    def _rendered(self, prompt: Prompt) -> dict[str, Any]:
        """What the settings say of a prompt and of its answer's end, as vLLM and SGLang take it."""
        rollout = self._config.rollout
        said = {
            "chat_template_kwargs": arguments_of(self._config, self._thinking, prompt.mode),
            "stop": rollout.stop,
            "stop_token_ids": rollout.stop_token_ids,
        }
        return {name: value for name, value in said.items() if value}

    def _take(self, error: RefusedError | ToolsError) -> Given:
        """A refusal as an answer, unless it is one of everything."""
        self._refused += 1
        status = error.status if isinstance(error, RefusedError) else None
        if status not in OF_THE_QUESTION:
            raise error
        if not self._has_answered and self._refused >= MOST_REFUSED:
            raise error
        return _refused(str(error))


def _asked(one: EvalSet) -> dict[str, Any]:
    """The fields of a request; those of vLLM beside OpenAI's only where they change something."""
    settings = one.settings
    asked: dict[str, Any] = {
        "temperature": settings.temperature,
        "max_tokens": settings.max_tokens,
    }
    if settings.top_p != 1:
        asked["top_p"] = settings.top_p
    if settings.top_k:
        asked["top_k"] = settings.top_k
    if settings.min_p:
        asked["min_p"] = settings.min_p
    if settings.repetition_penalty != 1:
        asked["repetition_penalty"] = settings.repetition_penalty
    return asked


def _refused(why: str) -> Given:
    return Given("", end=REFUSED, turns=0, fault=f"{REFUSED}: {why}")


def _of_episode(episode: Episode) -> Given:
    first = episode.trajectories[0] if episode.trajectories else None
    spoken = [
        segment
        for trajectory in episode.trajectories
        for segment in trajectory.segments
        if segment.logprobs is not None
    ]
    last_turn = episode.last_turn
    return Given(
        response=episode.response,
        end=episode.end,
        opened=episode.thinking,
        policy_turn=last_turn.text if last_turn else None,
        policy_turn_thinking=last_turn.thinking if last_turn else None,
        tokens=episode.sampled,
        last_tokens=len(spoken[-1].ids) if spoken else 0,
        prompt_tokens=len(first.segments[0].ids) if first is not None else None,
        turns=episode.turns,
        messages=episode.messages if episode.turns > 1 else (),
        metrics=dict(episode.metrics),
        fault=episode.fault,
        seconds=episode.seconds,
    )


def _of_answer(answer: Answer) -> Given:
    """An endpoint's answer; calls that it read stand in OpenAI's own form, which `tool` knows."""
    import json

    response, opened = answer.text, None
    if answer.thinking:
        opened = "none"  # the server has parted it
    if answer.calls:
        calls = [
            {
                "type": "function",
                "function": {"name": one["name"], "arguments": json.dumps(one["arguments"])},
            }
            for one in answer.calls
        ]
        response, opened = json.dumps({"tool_calls": calls}), "none"
    given = Given(
        response=response,
        end="length" if answer.stop_reason == "length" else "stop",
        opened=opened,  # type: ignore[arg-type]
        thought=answer.thinking,
        tokens=answer.tokens,
        last_tokens=answer.tokens,
    )
    if answer.fault:
        return replace(given, fault=f"format: {answer.fault}")
    return given
