"""Where the episodes of a run are played: in runners, or in the driver's own process."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

from rewards import Sample, Verdict
from rl.config import RunConfig
from rl.endpoint.begin import begin_answering
from rl.episodes.rendering import Renderer
from rl.episodes.runner import GroupRunner, Runner
from rl.runners.runners import Runners
from rl.tokens import Policy

Grade = Callable[[Sample], Awaitable[Verdict]]
SETTLE_SECONDS = 30.0


class Here:
    """The driver's own process.

    Args:
        environment: makes the environment of an episode, and has its tools.
        config: the run's.
        say: prints a line.
    """

    def __init__(self, environment: Any, config: RunConfig, say: Callable[[str], None]) -> None:
        self.environment = environment
        self.runners: Runners | None = None
        self._config = config
        self._say = say

    def runner(self, renderer: Renderer, policy: Policy, grade: Grade) -> Runner:
        """What runs groups."""
        return GroupRunner(renderer, policy, grade, self.environment, self._config, say=self._say)


class There:
    """Runners."""

    def __init__(self, runners: Runners) -> None:
        self.environment: Any = runners
        self.runners: Runners | None = runners
        self._all = runners

    def runner(self, renderer: Renderer, policy: Policy, grade: Grade) -> Runner:
        """What runs groups."""
        self._all.serve(policy, grade)
        return self._all


async def begin_episodes(
    stack: AsyncExitStack,
    config: RunConfig,
    say: Callable[[str], None],
    lost: Callable[[str], None] | None = None,
) -> Here | There:
    """Begin what answers the policy, where the settings say; the stack ends it.

    Args:
        stack: of the run.
        config: its configuration, with `model.path` a folder or hub id.
        say: prints a line.
        lost: told what runners were lost and came back.

    Raises:
        ConfigError: It cannot be begun.
    """
    if not config.episode.runners:
        return Here(await begin_answering(stack, config), config, say)
    from rl.nodes import settle
    from rl.runners.spread import maker

    runners = Runners(
        config, make=maker(config), settle=partial(settle, SETTLE_SECONDS), say=say, lost=lost
    )
    stack.push_async_callback(runners.aclose)
    await runners.start()
    return There(runners)
