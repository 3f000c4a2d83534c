"""Who answers the policy: the protocol of an environment, and a user's own out of a file.

An environment is made anew for every episode and needs nothing of Plumb:

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

import inspect
from collections.abc import Callable
from typing import Any, Protocol, cast

from data.schema import Prompt
from rewards.errors import PluginError
from rewards.plugin_file import load_from_file
from rl.episodes.context import Context
from rl.episodes.single_turn import SingleTurn
from rl.errors import ConfigError
from rl.tokens import End


class Environment(Protocol):
    """One episode's world.

    It may have `roles`, the roles of the messages that it answers with: a chat template that cannot
    show them is then refused before anything is sampled. It may have a method `metrics` that gives
    numbers by name, for the records.
    """

    async def run(self, prompt: Prompt, context: Context) -> End:
        """Let the policy speak, answer it, and say how it ended.

        Args:
            prompt: What is asked.
            context: `ask` lets the policy speak, `answer` appends what it is told.

        Raises:
            InfrastructureError: What should have answered is broken.
        """


def load_environment(spec: str | None) -> Callable[[], Environment]:
    """What makes an episode's environment.

    Args:
        spec: `path/to/file.py:Class`; None: one turn and nothing else.

    Raises:
        ConfigError: There is no such class, or it cannot be one.
    """
    if spec is None:
        return SingleTurn
    try:
        found, label = load_from_file(spec, "environment")
    except PluginError as error:
        raise ConfigError(f"episode.environment: {error}") from error
    if not inspect.isclass(found):
        raise ConfigError(f"episode.environment: {label} is not a class")
    run = getattr(found, "run", None)
    if not inspect.iscoroutinefunction(run) or not _takes(run, "self", "prompt", "context"):
        raise ConfigError(
            f"episode.environment: {label} has no `async def run(self, prompt, context)`"
        )
    if not _takes(found):
        raise ConfigError(f"episode.environment: {label} cannot be made without arguments")
    return cast(Callable[[], Environment], found)


def _takes(function: Callable[..., Any], *arguments: str) -> bool:
    """Whether it can be called with so many arguments."""
    try:
        inspect.signature(function).bind(*arguments)
    except (TypeError, ValueError):
        return False
    return True
