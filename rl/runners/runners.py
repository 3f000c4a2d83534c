"""All episode runners of a run, in the place of the one `GroupRunner` of a run without them.

Guarantees: a group goes whole to the runner with the least to do. A runner that dies or falls
silent is named, started again beside everything else, and its groups are given to whoever asked for
them as lost: the dispatcher begins them again under their own index and place, an evaluation asks
another runner with the same seeds. One that is lost too often ends the run by name.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

import ray

from data.schema import Prompt
from rewards import Sample, Verdict
from rl.config import RunConfig
from rl.engines.health import Restarts
from rl.episodes.runner import Played
from rl.errors import ConfigError, RunnerError, RunnerLostError
from rl.groups import Group
from rl.runners.handle import RunnerHandle
from rl.runners.wire import Evaluated, Offer, Trained
from rl.tasks import all_of
from rl.tokens import Episode, Policy, Sampling


class Runners:
    """Runs groups elsewhere; see `rl.episodes.runner.Runner`.

    Args:
        config: the run's configuration.
        make: makes the actor of a runner, by its index.
        settle: waits, before one is made again, until nodes that are gone are known to be.
        say: prints a line.
        lost: told what runners were lost and came back.
        kill: ends an actor.
    """

    def __init__(
        self,
        config: RunConfig,
        *,
        make: Callable[[int], Any],
        settle: Callable[[], Awaitable[None]] | None = None,
        say: Callable[[str], None] = lambda line: None,
        lost: Callable[[str], None] | None = None,
        kill: Callable[[Any], None] = ray.kill,
    ) -> None:
        episode = config.episode
        self._config = config
        self._make = make
        self._settle = settle
        self._say = say
        self._tell = lost or say
        self._kill = kill
        self._policy: Policy | None = None
        self._grade: Callable[[Sample], Awaitable[Verdict]] | None = None
        self._restarts = [Restarts(episode.runner_restarts) for _ in range(episode.runners)]
        self._handles: list[RunnerHandle] = []
        self._background: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._failure = ""
        self._running = False
        self.offer = Offer(())
        """What environments offer, once runners are started."""

    @property
    def handles(self) -> Sequence[RunnerHandle]:
        """One a runner, as they are now."""
        return self._handles

    @property
    def tools(self) -> Sequence[Any]:
        """Declarations of what the policy may call."""
        return self.offer.tools

    @property
    def takes_rows(self) -> bool:
        """Whether the policy may call the tools of a prompt's row too."""
        return self.offer.takes_rows

    async def start(self) -> None:
        """Start all of them.

        Raises:
            PlumbError: One cannot begin.
        """
        self._handles = [self._connect(index) for index in range(self._config.episode.runners)]
        offers = await all_of([one.start(self._deadline) for one in self._handles])
        for one, offer in zip(self._handles, offers, strict=True):
            if offer != offers[0]:
                raise ConfigError(
                    f"env: {one.name} offers other tools than {self._handles[0].name}: see that "
                    "they are the same wherever environments run"
                )
        self.offer = offers[0]
        self._running = True

    def serve(self, policy: Policy, grade: Callable[[Sample], Awaitable[Verdict]]) -> None:
        """Say what samples in training, and what grades; before the first group."""
        self._policy, self._grade = policy, grade

    async def aclose(self) -> None:
        """End what environments share, then the runners."""
        self._running = False
        self._failure = self._failure or "the run has ended"
        self._changed.set()
        for task in list(self._background):
            task.cancel()
        await asyncio.gather(*(one.stop() for one in self._handles))

    async def run(self, index: int, prompt: Prompt, version: int) -> Group:
        """Sample and grade a training group; see `GroupRunner.run`.

        Raises:
            RunnerLostError: Its runner is lost; the group is to begin again.
        """
        assert self._policy is not None, "`serve` was called"
        runner = await self._free()
        group: Group = await runner.run(prompt, Trained(index, version), self._policy)
        return replace(group, prompt=prompt)

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
        """Sample and grade answers beside training; see `GroupRunner.evaluate`."""
        how = Evaluated(n, sampling, key, first, tools, told is not None)
        while True:
            runner = await self._free()
            try:
                found: tuple[tuple[Episode, ...], tuple[Verdict, ...]]
                found = await runner.run(prompt, how, policy, told)
                return found
            except RunnerLostError:
                continue  # bounded: every loss counts against `episode.runner_restarts`

    @property
    def _deadline(self) -> float:
        return self._config.cluster.start_deadline

    def waits(self) -> list[str]:
        """Runners that are not there, in words."""
        return [
            f"{one.name}: {f'lost, {one.cause}' if one.cause else 'being started'}"
            for one in self._handles
            if not one.ready
        ]

    async def _free(self) -> RunnerHandle:
        """The one with the least to do, once there is one."""
        try:
            async with asyncio.timeout(2 * self._deadline):
                while True:
                    if self._failure:
                        raise RunnerError(self._failure)
                    if ready := [one for one in self._handles if one.ready]:
                        return min(ready, key=lambda one: one.load)
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError as error:
            raise RunnerError(
                f"no episode runner was ready within {2 * self._deadline:g} s "
                f"({'; '.join(self.waits())})"
            ) from error

    def _connect(self, index: int) -> RunnerHandle:
        return RunnerHandle(
            index,
            self._make(index),
            silence=self._config.episode.runner_silence,
            grade=self._graded,
            lost=self._lost,
            say=self._say,
            kill=self._kill,
        )

    async def _graded(self, sample: Sample) -> Verdict:
        assert self._grade is not None, "`serve` was called"
        return await self._grade(sample)

    def _lost(self, runner: RunnerHandle, cause: str) -> None:
        if not self._running:
            return
        self._tell(f"{runner.name} is lost: {cause}; {runner.load} groups begin again")
        if self._restarts[runner.index].lost(time.monotonic()):
            task = asyncio.get_running_loop().create_task(self._restart(runner.index))
            self._background.add(task)
            task.add_done_callback(self._background.discard)
        else:
            bound = self._config.episode.runner_restarts
            self._failure = (
                f"{runner.name} was lost more than episode.runner_restarts={bound} times within an "
                f"hour, the last time: {cause}"
            )
        self._changed.set()

    async def _restart(self, index: int) -> None:
        try:
            if self._settle is not None:
                await self._settle()
            runner = self._handles[index] = self._connect(index)
        except Exception as error:  # of Ray: no other runner could be made either
            line = " ".join(str(error).split())
            self._fail(
                f"{self._handles[index].name} cannot be started again: "
                f"{type(error).__name__}: {line}"
            )
            return
        try:
            offer = await runner.start(self._deadline)
        except RunnerLostError:
            return  # counted, and started again, where it was noticed
        except Exception as error:
            runner.lose(f"it did not start: {error}")
            return
        if offer != self.offer:
            self._fail(f"{runner.name} came back with other tools than the run began with")
            return
        self._tell(f"{runner.name} is back")
        self._changed.set()

    def _fail(self, why: str) -> None:
        """End the run, by the next group that is asked for."""
        self._failure = self._failure or why
        self._changed.set()
