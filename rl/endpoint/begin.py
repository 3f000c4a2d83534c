"""What answers the policy in a run: an environment, or an agent behind the endpoint."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import cast

from rl.config import RunConfig
from rl.episodes.environment import Environment, begin_environment
from rl.episodes.parsing import check_format


async def begin_answering(stack: AsyncExitStack, config: RunConfig) -> Callable[[], Environment]:
    """What makes the environments of a run, with what they share begun; the stack ends it.

    Raises:
        ConfigError: It cannot be begun here.
    """
    if config.agent is None:
        return await begin_environment(stack, config)
    from rl.endpoint.agents import Agents

    agents = Agents(config.agent, config.episode.call_format)
    stack.push_async_callback(agents.aclose)
    await agents.start()
    return cast(Callable[[], Environment], agents)


def check_agent(config: RunConfig) -> None:
    """Look whether the agents of a run can run here, before anything is started.

    Raises:
        ConfigError: They cannot.
    """
    if config.agent is not None:
        from rl.endpoint.boxes import places_of

        check_format(config.episode.call_format)
        asyncio.run(places_of(config.agent))
