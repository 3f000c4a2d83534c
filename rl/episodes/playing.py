"""One try at an episode, whatever its environment does.

Guarantees: a failure of the policy and a fault of the set-up are raised, whatever an environment
makes of them. What is broken beside the policy makes the episode a fault, and so does an exception
of a user's own code: it cannot be graded, and is no message. What is the episode's own is closed.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final, get_args

from data.schema import Prompt
from rewards import Sample, Verdict
from rewards.thinking import parted
from rewards.types import INFRASTRUCTURE
from rl.episodes.away import is_away, line_of
from rl.episodes.context import Context
from rl.episodes.environment import Environment
from rl.episodes.limits import EpisodeOver
from rl.episodes.rendering import Renderer
from rl.episodes.single_turn import SingleTurn
from rl.episodes.template import RefusedError
from rl.episodes.threads import LateError, NoThreadError, called
from rl.errors import ConfigError, InfrastructureError, PlumbError
from rl.modes import columns_of
from rl.tokens import End, Episode, LastTurn, Message

SECONDS: Final = 300.0
"""What `reward`, `metrics` and `close` of an environment may take."""


async def played(
    prompt: Prompt, context: Context, make: Callable[[], Environment]
) -> tuple[Episode, Verdict | None]:
    """Play an episode.

    Args:
        prompt: What is asked.
        context: Begun for it.
        make: Makes the environment.

    Returns:
        The episode, and its verdict where the environment gives one, or nothing can be graded.

    Raises:
        PlumbError: The policy cannot be sampled, or the environment is no environment.
    """
    end: End = "stop"
    metrics: dict[str, float] = {}
    fault = ""
    verdict: Verdict | None = None
    environment: Any = None
    try:
        environment = make()
        end, refused = await _run(environment, prompt, context)
        if context.failure is None:
            verdict = await _rewarded(environment, context.messages)
            metrics = _numbers(await _asked(environment, "metrics"))
        if not isinstance(environment, SingleTurn):
            metrics["template_refused"] = float(refused)
    except Exception as error:
        if is_away(error, environment):
            fault = f"{INFRASTRUCTURE}: {line_of(error)}"
        elif isinstance(error, PlumbError):
            raise
        else:  # of a user's own code
            fault = f"{type(error).__name__}: {line_of(error)}"
    finally:
        fault = await _closed(environment) or fault
    if context.failure is not None:  # whatever the environment has made of it
        raise context.failure
    if end not in get_args(End):
        raise ConfigError(
            f"an environment ended with {end!r}: its run has to return one of "
            f"{', '.join(get_args(End))}"
        )
    if not fault and not context.trajectories:
        fault = "environment: it ended without asking the policy"
    episode = context.episode(end, metrics=metrics, fault=fault)
    if not isinstance(environment, SingleTurn):
        earned = {"turn_rewards": episode.turn_reward, "begun_anew": float(context.begun_anew)}
        episode = replace(episode, metrics={**earned, **episode.metrics})
    return episode, Verdict.ungradable(fault) if fault else verdict


async def _run(environment: Environment, prompt: Prompt, context: Context) -> tuple[End, bool]:
    """How it ended, and whether the chat template refused what the policy wrote."""
    try:
        return await environment.run(prompt, context), False
    except EpisodeOver as over:
        return over.end, False
    except RefusedError:  # it does not go on from there
        return "stop", True


def sample_of(
    prompt: Prompt,
    name: str,
    episode: Episode,
    response_tokens: int,
    thinking_tokens: int | None = None,
) -> Sample:
    """What is graded of an episode.

    Args:
        prompt: What was asked.
        name: Of the sample, in messages.
        episode: One attempt.
        response_tokens: Tokens of its last answer.
        thinking_tokens: Those of them that are thinking; None: not counted.
    """
    columns = columns_of(prompt, thinking_tokens, episode.last_turn)
    told = {"response_tokens": response_tokens, **columns}
    return Sample(
        id=name,
        prompt=prompt.messages,
        response=episode.response,
        reference=prompt.reference,
        task=prompt.task,
        tools=prompt.tools,
        metadata={**prompt.metadata, **told},
        stop_reason="length" if episode.end == "length" else "stop",
        thinking=episode.thinking,
        transcript=episode.messages if episode.turns > 1 else (),
    )


async def thinking_tokens(renderer: Renderer, episode: Episode, response_tokens: int) -> int:
    """Tokens of the thinking in an episode's last answer, without its marks.

    Args:
        renderer: Of the model.
        episode: One attempt.
        response_tokens: Of the whole answer, which is the most that there can be: it is counted by
            encoding the thinking again.
    """
    said = episode.last_turn or LastTurn(episode.response, episode.thinking)
    thought = parted(said.text, said.thinking).thinking
    return min(response_tokens, await renderer.count(thought or ""))


async def _rewarded(environment: Any, messages: tuple[Message, ...]) -> Verdict | None:
    """What an environment says of its episode, as a verdict; None: nothing.

    A number is correct from 1 on, a bool if it is true.
    """
    if getattr(environment, "reward", None) is None:
        return None
    given = await _asked(environment, "reward", list(messages))
    if given is None or isinstance(given, Verdict):
        return given
    reward = float(given)
    return Verdict.correct(reward) if reward >= 1 else Verdict.incorrect(reward)


async def _closed(environment: Any) -> str:
    """End what is an environment's own; a fault where that failed."""
    try:
        await _asked(environment, "close")
    except NoThreadError as error:
        return f"{INFRASTRUCTURE}: {line_of(error)}"
    except Exception as error:
        if is_away(error, environment):
            return ""  # the box or service is gone, and with it what was to be closed
        if isinstance(error, PlumbError):
            raise
        return f"{type(error).__name__}: {line_of(error)}"
    return ""


async def _asked(environment: Any, name: str, *arguments: Any) -> Any:
    """What one of an environment's own methods gives; None where it has none."""
    method = getattr(environment, name, None)
    if not callable(method):
        return None
    try:
        return await called(method, SECONDS, arguments)
    except LateError as error:
        raise InfrastructureError(f"{name} of the environment {error}") from error


def _numbers(measured: Any) -> dict[str, float]:
    if measured is None:
        return {}
    if not isinstance(measured, Mapping):
        raise TypeError(f"metrics() gave {measured!r:.100}, and not numbers by name")
    return {str(name): float(value) for name, value in measured.items()}
