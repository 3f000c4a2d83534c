"""Who answers the policy: the protocol of an environment, and finding a user's own by its spec.

An environment is a class that needs nothing of Plumb, made anew for every episode. Either its
public methods with docstrings are tools, or it has a `reply` (`tool_environment.py`); or it has it
all in its own hands:

    class Debate:
        async def run(self, prompt, context):
            for _ in range(3):
                message, why = await context.ask()
                if why == "length":
                    return "length"
                reply = {"role": "user", "content": opponent(message)}
                context.answer(reply, reward=score(message))
            return "stop"

What it says of the policy are messages and rewards. What is broken beside it (a service that is
away) is an `InfrastructureError`: the episode is tried again, then ungradable, and its text never
is a message. Any other exception of `run` makes the episode ungradable as well, as with verifiers.
"""

import importlib
import inspect
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from importlib.metadata import entry_points
from types import MappingProxyType
from typing import Any, Final, Protocol

from data.schema import Prompt
from rewards.errors import PluginError
from rewards.plugin_file import is_file_spec, load_from_file
from rl.config import EnvConfig, EpisodeConfig, RunConfig
from rl.episodes.context import Context
from rl.episodes.factories import Factories, is_factory
from rl.episodes.parsing import check_format
from rl.episodes.single_turn import SingleTurn
from rl.episodes.tool_environment import ToolEnvironments
from rl.episodes.world import Environments
from rl.errors import ConfigError
from rl.tokens import End

GROUP: Final = "plumb.environments"
READY: Final[Mapping[str, str]] = MappingProxyType(
    {
        "bfcl": "rl.environments.bfcl:Bfcl",
        "calculator": "rl.environments.calculator:Calculator",
        "grid_walk": "rl.environments.grid_walk:GridWalk",
        "guess_number": "rl.environments.guess_number:GuessNumber",
        "mcp": "rl.environments.mcp:Mcp",
        "python": "rl.environments.python:Python",
        "search": "rl.environments.search:Search",
        "shell": "rl.environments.shell:Shell",
        "toolgraph": "data.toolgraph.playing:ToolGraph",
        "twenty_questions": "rl.environments.twenty_questions:TwentyQuestions",
    }
)
"""Environments that come along."""


class Environment(Protocol):
    """One episode's world.

    What makes it may have `recording`, what keeps an episode in place of a `Context`. It may have
    `metrics()`, numbers by name for the records; `reward(messages)`, in place of the
    configured verifier; and `close()`, which ends what is the episode's own.
    """

    async def run(self, prompt: Prompt, context: Context) -> End:
        """Let the policy speak, answer it, and say how it ended.

        Args:
            prompt: What is asked.
            context: `ask` lets the policy speak, `answer` appends what it is told.

        Raises:
            InfrastructureError: What should have answered is broken.
        """


def load_environment(
    env: EnvConfig | None, episode: EpisodeConfig | None = None
) -> Callable[[], Environment]:
    """What makes an episode's environment; if it is a user's, with `start` and `aclose` to await.

    Args:
        env: What `env` says; None: one turn and nothing else.
        episode: What an episode may take.

    Raises:
        ConfigError: There is no such class, or it cannot be one.
    """
    if env is None:
        return SingleTurn
    episode = episode or EpisodeConfig()
    check_format(episode.call_format)
    found, label = _found(env.spec)
    if not callable(found):
        raise ConfigError(f"env: {label} is neither a class nor a factory of environments")
    given = ", ".join(env.options) or "no options"
    if not _takes(found, **env.options):
        raise ConfigError(f"env: {label} cannot be made with {given}; it takes {_signature(found)}")
    if env.spec in READY:
        try:
            found(**env.options)
        except Exception as error:
            told = " ".join(str(error).split())
            raise ConfigError(f"env: {label} cannot be made with {given}: {told}") from error
    if is_factory(found):
        return Factories(found, env.options, episode, label)
    assert isinstance(found, type), "all else is a factory"
    run = getattr(found, "run", None)
    if run is None:
        return ToolEnvironments(found, env.options, episode, label)
    if not inspect.iscoroutinefunction(run) or not _takes(run, "self", "prompt", "context"):
        raise ConfigError(f"env: {label} has no `async def run(self, prompt, context)`")
    return Environments(found, env.options)


async def begin_environment(stack: AsyncExitStack, config: RunConfig) -> Callable[[], Environment]:
    """What makes a run's environments, with what they share begun; the stack ends it.

    Raises:
        ConfigError: There is no such class, or its `start` failed.
    """
    made = load_environment(config.env, config.episode)
    if isinstance(made, Environments):
        stack.push_async_callback(made.aclose)
        await made.start()
    return made


def _found(spec: str) -> tuple[object, str]:
    """What a spec names, and what messages call it."""
    if is_file_spec(spec):
        try:
            return load_from_file(spec, "environment")
        except PluginError as error:
            raise ConfigError(f"env: {error}") from error
    if spec in READY:
        module, _, name = READY[spec].partition(":")
        return getattr(importlib.import_module(module), name), f"{spec!r}"
    points = {point.name: point for point in entry_points(group=GROUP)}
    if spec not in points:
        known = ", ".join([*READY, *points])
        raise ConfigError(
            f"env: there is no environment {spec!r}; choose one of {known}, or write "
            "path/to/file.py:Class"
        )
    try:
        return points[spec].load(), f"{spec!r} ({points[spec].value})"
    except Exception as error:
        line = " ".join(str(error).split())
        raise ConfigError(
            f"env: {points[spec].value} failed to import: {type(error).__name__}: {line}"
        ) from error


def _signature(kind: Callable[..., Any]) -> str:
    try:
        return ", ".join(inspect.signature(kind).parameters) or "none"
    except (TypeError, ValueError):
        return "none"


def _takes(function: Callable[..., Any], *arguments: str, **named: Any) -> bool:
    """Whether it can be called so."""
    try:
        inspect.signature(function).bind(*arguments, **named)
    except (TypeError, ValueError):
        return False
    return True
