"""An agent as an environment: a program that runs once an episode and asks the policy over HTTP.

Guarantees: it is told what is asked, and nothing that graders know. Whatever it does is the
episode's own affair and is graded: that it ends with an error, works too long, or writes too much.
Where it cannot even ask the policy once, or says so itself, something beside the policy is broken.
"""

import asyncio
import errno
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Final, cast

from data.schema import Prompt
from rewards import Verdict
from rl.config.agent import AgentConfig
from rl.endpoint.answers import MODEL
from rl.endpoint.boxes import Places, places_of
from rl.endpoint.programs import Run, run_program
from rl.endpoint.recorder import Recorder
from rl.endpoint.rewards import Worth, worth_of
from rl.endpoint.server import Address, Endpoint, serving
from rl.episodes.context import Context
from rl.errors import ConfigError, InfrastructureError
from rl.tokens import End

_SAID: Final = 300  # characters of a complaint in messages
_NEVER: Final = 8  # agents that end before they ask, and none that did: no agent of the run works
TRY_AGAIN: Final = 75
"""Exit code that says that something beside the policy is broken (EX_TEMPFAIL)."""
_NO_PROGRAM: Final = {errno.ENOENT, errno.EACCES, errno.ENOEXEC, errno.ENOTDIR}


class Agents:
    """Makes the environments of a run's episodes; what they share is begun by `start`.

    Args:
        agent: The settings.
        call_format: How the policy writes calls of tools, as `episode.call_format` says it.
    """

    recording = Recorder
    """What keeps an episode, in place of a `Context`."""

    def __init__(self, agent: AgentConfig, call_format: str = "template") -> None:
        self._agent = agent
        self._call_format = call_format
        self._stack = AsyncExitStack()
        self._endpoint: Endpoint | None = None
        self._places: Places | None = None
        self._at_once = asyncio.Semaphore(agent.at_once)
        self._asks = Asks()

    async def start(self) -> None:
        """Open the endpoint, and look where agents can run.

        Raises:
            ConfigError: They cannot be run here, or lack a variable that they are to have.
        """
        passed = passed_on(self._agent)
        variables = {**passed, **self._agent.variables}
        self._agent = self._agent.model_copy(update={"variables": variables})
        self._places = await places_of(self._agent)
        self._endpoint = await self._stack.enter_async_context(serving())

    async def aclose(self) -> None:
        """Close the endpoint."""
        await self._stack.aclose()

    def __call__(self) -> "AgentEnvironment":
        """The environment of one episode."""
        assert self._endpoint is not None and self._places is not None, "it was started"
        shared = self._endpoint, self._places, self._at_once, self._asks
        return AgentEnvironment(self._agent, self._call_format, *shared)


def passed_on(agent: AgentConfig) -> dict[str, str]:
    """Variables of this process that agents get too; raises ConfigError where one is not set."""
    for name in agent.pass_environment:
        if not os.environ.get(name):
            raise ConfigError(
                f"agent.pass_environment: the environment variable {name} is not set: set it"
            )
    return {name: os.environ[name] for name in agent.pass_environment}


@dataclass(slots=True)
class Asks:
    """Of the agents of a run."""

    has_any: bool = False
    """Whether one has asked the policy."""
    failures: int = 0
    """How many have ended before."""


class AgentEnvironment:
    """One run of the agent."""

    def __init__(
        self,
        agent: AgentConfig,
        call_format: str,
        endpoint: Endpoint,
        places: Places,
        at_once: asyncio.Semaphore,
        asks: Asks,
    ) -> None:
        self._agent = agent
        self._call_format = call_format
        self._endpoint = endpoint
        self._places = places
        self._at_once = at_once
        self._asks = asks
        self._run: Run | None = None
        self._worth: Worth | None = None

    async def run(self, prompt: Prompt, context: Context) -> End:
        """Run it to its end.

        Raises:
            ConfigError: There is no such program, or no agent of the run asks the policy.
            InfrastructureError: It ended before it asked the policy, or its box was killed.
        """
        recorder = cast(Recorder, context)
        if self._agent.tokens is not None:
            recorder.allow(self._agent.tokens)
        if self._call_format != "template":
            recorder.call_format = self._call_format
        async with self._at_once, self._endpoint.episode(recorder) as address:
            self._run = await self._started(prompt, recorder, address)
        if recorder.failure is None and not recorder.trajectories:
            raise _unasked(self._run, self._agent.command, self._asks)
        self._asks.has_any = True
        code = self._run.exit_code
        if self._agent.isolation != "none" and code is not None and code < 0:
            # What ends within a box ends with a code of 128 and more.
            raise InfrastructureError(f"the agent's box was killed by signal {-code}")
        if self._run.how == "exit" and code == TRY_AGAIN:
            said = " ".join(self._run.complaint.split())[-_SAID:]
            raise InfrastructureError(f"the agent asks to be tried again: {said}")
        if self._agent.result == "reward":
            self._worth = worth_of(self._run.output)
        if self._agent.result == "stdout":
            recorder.result = self._run.output.strip()
        return "stop"

    def reward(self, messages: Sequence[Any]) -> Verdict | None:
        """What it says that the episode is worth, where it is asked; else verifiers grade it."""
        if self._agent.result != "reward" or self._run is None:
            return None
        if self._worth is None:
            said = " ".join(self._run.complaint.split())[-_SAID:] or "nothing on standard error"
            return Verdict.incorrect(reason=f"the agent gave no reward; it said {said}")
        return self._worth.verdict

    def metrics(self) -> Mapping[str, float]:
        """How it ended, and what else it measured."""
        run = self._run
        if run is None:
            return {}
        return {
            **({} if self._worth is None else self._worth.metrics),
            "agent_seconds": run.seconds,
            "agent_failed": float(run.how == "exit" and run.exit_code != 0),
            "agent_late": float(run.how == "late"),
            "agent_flooded": float(run.how == "flood"),
        }

    async def _started(self, prompt: Prompt, recorder: Recorder, address: Address) -> Run:
        agent = self._agent
        names = ["OPENAI_BASE_URL", "OPENAI_API_KEY", "OPENAI_MODEL", *agent.variables]
        place = self._places.open(self._endpoint.socket, self._endpoint.host, names)
        async with place as box:
            variables = {
                **box.variables,
                **agent.variables,
                "OPENAI_BASE_URL": f"{box.host}{address.path}",
                "OPENAI_API_KEY": address.key,
                "OPENAI_MODEL": MODEL,
            }
            try:
                return await run_program(
                    box.command,
                    task_of(prompt),
                    variables=variables,
                    folder=box.folder,
                    seconds=agent.seconds,
                    output_bytes=agent.output_kb << 10,
                    is_waiting=lambda: recorder.is_sampling,
                    stopped=recorder.failed,
                    end=box.end,
                    keeps_input=box.keeps_input,
                )
            except OSError as error:
                if error.errno not in _NO_PROGRAM:
                    raise InfrastructureError(f"an agent cannot be started: {error}") from error
                raise ConfigError(
                    f"agent.command: {box.command[0]} cannot be run: {error.strerror}"
                ) from error


def task_of(prompt: Prompt) -> bytes:
    """What an agent finds on its standard input: a JSON object, and a line end.

    `id`, `messages` and `tools` are those of the prompt. Its reference and other columns are not
    there: they are what it is graded by.
    """
    task: dict[str, Any] = {
        "id": prompt.id,
        "messages": [dict(message) for message in prompt.messages],
        "tools": [dict(tool) for tool in prompt.tools],
    }
    return json.dumps(task, ensure_ascii=False).encode() + b"\n"


def _unasked(run: Run, command: list[str], asks: Asks) -> Exception:
    """Why an agent that never asked the policy has not."""
    asks.failures += 1
    said = " ".join(run.complaint.split())[-_SAID:] or "it said nothing on standard error"
    code = run.exit_code
    if code in (126, 127):
        return ConfigError(f"agent.command: {command[0]} cannot be run: {said}")
    how = {"late": "took all its time", "flood": "wrote too much", "failed": "was stopped"}
    told = how.get(run.how, f"ended with exit code {code}")
    if run.how == "exit" and not asks.has_any and asks.failures >= _NEVER:
        return ConfigError(
            f"agent.command: {asks.failures} agents ended before they asked the policy, and none "
            f"has asked it; the last {told}: {said}"
        )
    return InfrastructureError(f"the agent {told} before it asked the policy: {said}")
